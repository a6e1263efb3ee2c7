"""Who speaks: what of his sound stands out of the noise, where he is, and how he sounds at each microphone.

What was heard of him tells more about the room than a plane wave does, once it is enough. While it is little, and in
frequencies where noise covers it, the plane wave from where he seems to be helps: it counts as a few hops more of him,
as loud as what was heard (a rank-one prior, as in Bayesian beamforming: Bell, Ephraim and Van Trees, 2000).
"""

import numpy as np

from edgetx.audio.array import Complex, Geometry, Real
from edgetx.audio.beam import towards_talker
from edgetx.audio.covariance import Memory, dot, power, times
from edgetx.audio.doa import Compass, Direction
from edgetx.audio.noise import Noise
from edgetx.audio.stft import BINS, FREQUENCIES_HZ

MEMORY_HOPS = 94.0
"""About one and a half seconds of speech."""
PRIOR_HOPS = 60.0
"""What the plane wave weighs."""
_KEPT = 0.985
"""Of the weight of what was heard, after each block without speech: who speaks next may sit elsewhere."""


class Talker:
    """Whoever speaks, within what ``compass`` searches. ``healthy[mics]``: 1 for microphones that are heard, or 0."""

    def __init__(self, geometry: Geometry, compass: Compass, healthy: Real) -> None:
        self._geometry = geometry
        self._compass = compass
        self._healthy = healthy
        self._memory = Memory(len(healthy), hops=MEMORY_HOPS)
        self._vector = np.repeat(healthy[:, None], BINS, axis=1).astype(np.complex64)

    def hear(self, spectra: Complex, weights: Real) -> None:
        """Learn from the hops of ``spectra[mics, hops, BINS]`` in which he speaks."""
        self._memory.learn(spectra, weights)

    def pause(self) -> None:
        """Nobody spoke for a block."""
        self._memory.fade(self._memory.seen * _KEPT)

    def leave_out(self, healthy: Real) -> None:
        """Forget the microphones whose entry in ``healthy[mics]`` is 0, and nothing else."""
        self._healthy = healthy
        self._memory.mean *= (healthy[:, None] * healthy)[:, :, None]
        self._vector *= healthy[:, None]

    @property
    def hops(self) -> float:
        """How much was heard: hops with speech, those of long ago less."""
        return self._memory.seen

    def direction(self, noise: Noise) -> Direction:
        """Return where the talker is."""
        heard = self._memory.mean
        self._vector = towards_talker(self._vector, noise.inverse, heard)
        ratio = dot(self._vector, times(heard, self._vector)).real / noise.behind(self._vector) - 1
        return self._compass.direction(self._vector[:, None] * self._vector.conj(), noise.inverse, ratio)

    def response(self, noise: Noise, azimuth_deg: float) -> Complex:
        """Return complex64[mics, BINS]: his sound at each microphone, to some factor per bin, if he is there."""
        wave = self.wave(azimuth_deg)
        share = np.float32(PRIOR_HOPS / (PRIOR_HOPS + self._memory.seen))
        loud = share * np.maximum(power(self._memory.mean - noise.mean), 0)
        seen = (1 - share) * self._memory.mean + loud * (wave[:, None] * wave.conj())
        return times(noise.loaded, towards_talker(self._vector, noise.inverse, seen))

    def wave(self, azimuth_deg: float) -> Complex:
        """Return complex64[mics, BINS], a plane wave from there."""
        wave: Complex = self._geometry.steering([azimuth_deg], FREQUENCIES_HZ)[0].T * self._healthy[:, None]
        return wave
