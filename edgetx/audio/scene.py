"""What an array learns of the sound around it, block by block, and the beam that follows from it.

Noise is learnt from hops that are a while past speech and had none after them, and so of blocks that were heard
earlier; speech from hops with speech, at once. So a beam knows the first words before it is applied to them: by as many
blocks as it lags (`AHEAD`).

Several people who talk at once cannot be told apart without a sector: who stands out of what was there before is
followed, which is a guess. With a sector, speech from elsewhere is noise.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgetx.audio import beam
from edgetx.audio.activity import LEARNING_HOPS, Activity, Calm
from edgetx.audio.array import Complex, Geometry, Real
from edgetx.audio.confidence import confidence
from edgetx.audio.covariance import outer, power, squares, times_all
from edgetx.audio.doa import Compass, Direction
from edgetx.audio.heard import Bearing
from edgetx.audio.noise import Noise, sounding
from edgetx.audio.postfilter import PostFilter
from edgetx.audio.share import Share
from edgetx.audio.stft import BINS, BLOCK, HOPS
from edgetx.audio.talker import Talker

AHEAD = 3
"""Blocks that are heard before a beam is applied."""

_LIKELY = 0.5
_LEAST_SPEECH_HOPS = 4.0
_WANTED, _STRANGE = 0.9, 0.8
"""How well a sector explains speech that comes from it, at least, and from elsewhere, at most."""


class Aim(NamedTuple):
    """``allowed[azimuths]``: 1 for those of the grid where talkers are. ``centre_deg``: of a sector.

    ``is_adaptive``: whether the beam makes use of what was learnt of the noise and of the talker's echoes.
    """

    allowed: Real
    centre_deg: float | None = None
    is_adaptive: bool = True


class Scene:
    """What the microphones of ``geometry`` hear whose entry in ``healthy[mics]`` is 1; the others' is 0.

    ``weights``: the beam before, from which the first one glides.
    """

    def __init__(self, geometry: Geometry, aim: Aim, healthy: Real, weights: Complex | None = None) -> None:
        self._geometry = geometry
        self._aim = aim
        self._healthy = healthy
        self._mics = np.float32(healthy.sum())
        self._tells_side = geometry.linear or not geometry.only(healthy > 0).linear
        self._compass = Compass(geometry, aim.allowed, healthy)
        self._share = None if aim.centre_deg is None else Share(geometry, aim.allowed)
        self._activity = Activity()
        self._calm = Calm(AHEAD + 1)
        self._noise = Noise(healthy)
        self._talker = Talker(geometry, self._compass, healthy)
        self._filter: PostFilter | None = None
        self._learnt_hops = 0
        self._is_alone = self._mics == 1
        self._response = self._first_response()
        self.weights = self._beam() if weights is None else weights

    def leave_out(self, healthy: Real) -> None:
        """Forget the microphones whose entry in ``healthy[mics]`` is 0, and nothing else. Two at least are left."""
        self._healthy = healthy
        self._mics = np.float32(healthy.sum())
        self._tells_side = self._geometry.linear or not self._geometry.only(healthy > 0).linear
        self._compass.leave_out(healthy)
        self._noise.leave_out(healthy)
        self._talker.leave_out(healthy)
        self._response = None if self._response is None else self._relative(self._response * healthy[:, None])
        self.weights = self.weights * healthy[:, None]

    def turn(self, signs: Real) -> None:
        """Have learnt all of microphones each multiplied by its entry in ``signs[mics]``, 1 or -1."""
        self._noise.turn(signs)
        self._talker.turn(signs)
        if self._response is not None:
            self._response = self._relative(self._response * signs[:, None])
        self.weights = self.weights * signs[:, None]

    def learn(self, spectra: Complex, oldest: Complex | None) -> Bearing | None:
        """Learn from a block, spectra[mics, HOPS, BINS], and from the one heard `AHEAD` blocks before it.

        Return where who speaks in the new block is, its frames counted from 0, if somebody speaks.
        """
        if self._is_alone:
            return None
        spectra = spectra * self._healthy[:, None, None]
        sounds = sounding(spectra)
        if self._learnt_hops < LEARNING_HOPS:
            self._begin(spectra, sounds)
            return None
        speaks = sounds & (self._activity.hear(self._whitened(spectra)) > _LIKELY) if sounds.any() else sounds
        self._calm.hear(speaks)
        if oldest is not None:
            oldest = oldest * self._healthy[:, None, None]
            self._noise.learn(oldest, (self._calm.oldest() & sounding(oldest)).astype(np.float32))
        return self._learn_speech(spectra, speaks.astype(np.float32))

    def output(self, spectra: Complex) -> Complex:
        """Return what the beam makes of spectra[mics, HOPS, BINS]: complex64[HOPS, BINS]."""
        target = self._beam()
        weights = beam.glide(self.weights, target, HOPS)
        self.weights = target
        output: Complex = (weights.conj() * spectra).sum(axis=0)
        if self._filter is None:
            return output
        noise = self._noise.behind(target)
        seen = self._noise.whitened(spectra * self._healthy[:, None, None]) * self._mics
        beside: Real = np.maximum(seen - squares(output) / noise, 0)
        beside /= np.float32(self._mics - 1)
        return output * self._filter.gains(output, noise=noise, beside=beside, talker=self._talker.power)

    def _begin(self, spectra: Complex, sounds: npt.NDArray[np.bool_]) -> None:
        """Take all that sounds for noise."""
        if sounds.any():
            self._activity.hear(self._whitened(spectra))
            self._learnt_hops += HOPS
            self._noise.learn(spectra, sounds.astype(np.float32))

    def _whitened(self, spectra: Complex) -> Real:
        return self._noise.whitened(spectra) * self._noise.trust()

    def _learn_speech(self, spectra: Complex, speaks: Real) -> Bearing | None:
        if not speaks.any():
            self._talker.pause()
            return None
        inside = self._inside(spectra, speaks)
        if inside < _STRANGE:
            self._noise.learn(spectra, speaks)
        if inside < _WANTED:
            return None
        self._talker.hear(spectra, speaks)
        if self._talker.hops < _LEAST_SPEECH_HOPS:
            return None
        direction = self._talker.direction(self._noise)
        self._response = self._responding(direction.azimuth_deg)
        if self._aim.is_adaptive and self._filter is None:
            self._filter = PostFilter()
        return self._bearing(direction)

    def _inside(self, spectra: Complex, speaks: Real) -> float:
        """Return how well the sector explains these hops, if there is one, 1 if best: each block for itself."""
        if self._share is None:
            return 1.0
        excess = times_all(self._noise.inverse, outer(spectra, speaks) / speaks.sum())
        ratio = power(excess) * (len(excess) / self._mics) - 1
        return self._share.inside(times_all(excess, self._noise.inverse), self._noise.inverse, ratio)

    def _first_response(self) -> Complex | None:
        """Return what is known of talkers before one was heard: the sector's centre, if there is one."""
        if self._aim.centre_deg is None or self._is_alone:
            return None
        return self._relative(self._talker.wave(self._aim.centre_deg))

    def _responding(self, azimuth_deg: float) -> Complex:
        if not self._aim.is_adaptive:
            return self._relative(self._talker.wave(azimuth_deg))
        return self._relative(self._talker.response(self._noise, azimuth_deg))

    def _beam(self) -> Complex:
        """Return the weights for what is known by now."""
        if self._response is None:
            return beam.mean(self._healthy, BINS)
        if not self._aim.is_adaptive:
            return self._response / self._mics
        return beam.mvdr(self._noise.inverse, self._response)

    def _relative(self, response: Complex) -> Complex:
        return beam.relative(response, int(np.argmax(self._healthy)))

    def _bearing(self, direction: Direction) -> Bearing | None:
        if not self._tells_side:
            return None
        chance = confidence(direction, linear=self._geometry.linear)
        return Bearing(0, BLOCK, direction.azimuth_deg, chance)
