"""Who speaks: what of his sound stands out of the noise, where he is, and how he sounds at each microphone.

What was heard of him tells more about the room than a plane wave does, once it is enough. While it is little, and in
frequencies where noise covers it, the plane wave from where he seems to be helps: it counts as a few hops more of him,
as loud as what was heard (a rank-one prior, as in Bayesian beamforming: Bell, Ephraim and Van Trees, 2000).

Who speaks after a pause may be somebody else, elsewhere, and not as loud: so until it is clear whether he is where the
last one was, what is heard since the pause is kept by itself, and all that was before is forgotten if he is not.
"""

import numpy as np

from edgetx.audio.array import Complex, Geometry, Real
from edgetx.audio.beam import towards_talker
from edgetx.audio.confidence import confidence
from edgetx.audio.covariance import Memory, dot, power, times
from edgetx.audio.doa import Compass, Direction
from edgetx.audio.heard import apart
from edgetx.audio.noise import Noise
from edgetx.audio.stft import BINS, FREQUENCIES_HZ

MEMORY_HOPS = 94.0
"""About one and a half seconds of speech."""
PRIOR_HOPS = 60.0
"""What the plane wave weighs."""
_PAUSE_BLOCKS = 3
_FEW_HOPS, _MANY_HOPS = 12.0, 60.0
"""Of who speaks after a pause, before he is looked for, and when he is believed to be where he seems to be."""
_SAME_DEG = 20.0
_SURE = 0.8
_TINY = np.float32(1e-20)


class Talker:
    """Whoever speaks, within what ``compass`` searches. ``healthy[mics]``: 1 for microphones that are heard, or 0."""

    def __init__(self, geometry: Geometry, compass: Compass, healthy: Real) -> None:
        self._geometry = geometry
        self._compass = compass
        self._healthy = healthy
        self._memory = Memory(len(healthy), hops=MEMORY_HOPS)
        self._vector = self._no_vector()
        self._paused = 0
        self._new: Memory | None = None
        self._before_deg: float | None = None

    def hear(self, spectra: Complex, weights: Real) -> None:
        """Learn from the hops of ``spectra[mics, hops, BINS]`` in which he speaks."""
        if self._paused >= _PAUSE_BLOCKS and self._before_deg is not None:
            self._new = Memory(len(self._healthy), hops=MEMORY_HOPS)
        self._paused = 0
        self._memory.learn(spectra, weights)
        if self._new is not None:
            self._new.learn(spectra, weights)

    def pause(self) -> None:
        """Nobody spoke for a block."""
        self._paused += 1

    def leave_out(self, healthy: Real) -> None:
        """Forget the microphones whose entry in ``healthy[mics]`` is 0, and nothing else."""
        self._healthy = healthy
        self._memory.mean *= (healthy[:, None] * healthy)[:, :, None]
        self._vector *= healthy[:, None]
        self._new = None

    def turn(self, signs: Real) -> None:
        """See `Memory.turn`."""
        self._memory.turn(signs)
        self._vector *= signs[:, None]
        self._new = None

    @property
    def hops(self) -> float:
        """How much was heard of him: hops with speech, `MEMORY_HOPS` at most."""
        return self._memory.seen

    @property
    def power(self) -> Real:
        """How loud he is at the microphones, with the noise meanwhile: float32[BINS]."""
        return power(self._memory.mean)

    def direction(self, noise: Noise) -> Direction:
        """Return where the talker is."""
        if self._new is not None and self._new.seen >= _FEW_HOPS:
            self._compare(self._new, noise)
        self._vector, direction = self._search(self._memory, self._vector, noise)
        if self._new is None:
            self._before_deg = direction.azimuth_deg
        return direction

    def _compare(self, new: Memory, noise: Noise) -> None:
        """Find out whether who speaks since the pause is where the last one was; forget that one if not."""
        vector, direction = self._search(new, self._no_vector(), noise)
        is_same = apart(direction.azimuth_deg, self._before_deg or 0.0) <= _SAME_DEG
        sure = confidence(direction, linear=self._geometry.linear) >= _SURE
        if not is_same and (sure or new.seen >= _MANY_HOPS):
            self._memory, self._vector = new, vector
        if is_same or self._memory is new:
            self._new = None

    def _search(self, heard: Memory, vector: Complex, noise: Noise) -> tuple[Complex, Direction]:
        """Return what of the talker stands out of the noise, from ``vector`` on, and where he is."""
        vector = towards_talker(vector, noise.inverse, heard.mean)
        response = times(noise.loaded, vector)
        behind: Real = np.maximum(dot(vector, response).real, _TINY)
        ratio = dot(vector, times(heard.mean, vector)).real / behind - 1
        return vector, self._compass.direction(response, ratio)

    def _no_vector(self) -> Complex:
        return np.repeat(self._healthy[:, None], BINS, axis=1).astype(np.complex64)

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
