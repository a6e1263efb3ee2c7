"""What an array learns of the sound around it, block by block, and the beam that follows from it.

Noise is learnt from hops that are a while past speech and had none after them, and so of blocks that were heard
earlier; speech from hops with speech, at once. So a beam knows the first words before it is applied to them: by as many
blocks as it lags (`AHEAD`).

Several people who talk at once cannot be told apart without a sector: who stands out of what was there before is
followed, which is a guess. With a sector, speech from elsewhere is noise.
"""

from collections import deque

import numpy as np

from edgetx.audio import beam
from edgetx.audio.activity import LEARNING_HOPS, Activity
from edgetx.audio.array import Complex, Geometry, Real
from edgetx.audio.covariance import FLOOR, outer, squares, times
from edgetx.audio.doa import Compass, Direction
from edgetx.audio.noise import Noise
from edgetx.audio.postfilter import PostFilter
from edgetx.audio.stft import BINS, HOPS
from edgetx.audio.talker import Talker

AHEAD = 3
"""Blocks that are heard before a beam is applied."""
PAST_HOPS = 18
"""About 0.3 s: so far from speech nothing of it echoes in what is learnt as noise."""

_LIKELY = 0.5


class Scene:
    """Of ``geometry``. ``sector``: the azimuth and the width of where talkers are, if it is known."""

    def __init__(self, geometry: Geometry, sector: tuple[float, float] | None = None, *, adaptive: bool = True) -> None:
        self._geometry = geometry
        self._sector = sector
        self._adaptive = adaptive
        self._blocks: deque[Complex] = deque(maxlen=AHEAD + 1)
        self._begin(np.ones(len(geometry.positions_m), np.float32))
        self._weights = self._target

    def use(self, healthy: Real) -> None:
        """Leave out the microphones whose entry in ``healthy[mics]`` is 0, and learn anew."""
        self._begin(healthy)

    def _begin(self, healthy: Real) -> None:
        self.healthy = healthy
        self._reference = int(np.argmax(healthy))
        self._compass = Compass(self._geometry, _allowed(self._geometry, self._sector))
        self._activity = Activity()
        self._noise = Noise(healthy)
        self._talker = Talker(self._geometry, self._compass, healthy)
        self._filter: PostFilter | None = None
        self._learnt_hops = 0
        past = PAST_HOPS + HOPS * (AHEAD + 1)
        self._spoke: deque[bool] = deque([False] * past, past)
        self._target = self._first_beam()

    def hear(self, spectra: Complex) -> tuple[Complex | None, Direction | None]:
        """Take in ``spectra[mics, HOPS, BINS]``; return the output of the block `AHEAD` before, and who speaks now."""
        spectra = spectra * self.healthy[:, None, None]
        self._blocks.append(spectra)
        direction = self._learn(spectra) if self.healthy.sum() > 1 else None
        return self._output(), direction

    def rest(self, spectra: Complex) -> Complex | None:
        """The same without learning, for what follows the sound's end."""
        self._blocks.append(spectra)
        return self._output()

    def restart(self) -> None:
        """A new sound begins, in the same room."""
        self._blocks.clear()

    def _learn(self, spectra: Complex) -> Direction | None:
        sounds = squares(spectra).sum(axis=(0, 2)) > FLOOR * BINS
        chance = self._activity.hear(self._noise.whitened(spectra) * self._noise.trust())
        if self._learnt_hops < LEARNING_HOPS:
            self._learnt_hops += HOPS
            self._noise.learn(spectra, sounds.astype(np.float32))
            self._target = self._first_beam()
            return None
        speaks = (chance > _LIKELY) & sounds
        self._spoke.extend(speaks)
        self._learn_noise()
        return self._learn_speech(spectra, speaks.astype(np.float32))

    def _learn_noise(self) -> None:
        """Learn from the hops of the oldest block that are far from speech."""
        if len(self._blocks) <= AHEAD:
            return
        oldest = self._blocks[0]
        spoke = np.array([*self._spoke, *[False] * PAST_HOPS])
        near = np.lib.stride_tricks.sliding_window_view(spoke, 2 * PAST_HOPS + 1)[:HOPS].any(axis=1)
        sounds = squares(oldest).sum(axis=(0, 2)) > FLOOR * BINS
        self._noise.learn(oldest, (~near & sounds).astype(np.float32))

    def _learn_speech(self, spectra: Complex, speaks: Real) -> Direction | None:
        if not speaks.any():
            self._talker.pause()
            return None
        if not self._is_wanted(spectra, speaks):
            self._noise.learn(spectra, speaks)
            return None
        self._talker.hear(spectra, speaks)
        if not self._talker.is_known:
            return None
        direction = self._talker.direction(self._noise)
        self._target = self._beam(direction)
        self._filter = self._filter or PostFilter()
        return direction

    def _is_wanted(self, spectra: Complex, speaks: Real) -> bool:
        if self._sector is None:
            return True
        excess = outer(spectra, speaks) / speaks.sum()
        inverse = self._noise.inverse
        matrix = np.einsum("ijf,jkf,klf->ilf", inverse, excess, inverse, optimize=True)
        ratio = np.einsum("ijf,jif->f", inverse, excess).real / self.healthy.sum() - 1
        return self._compass.is_allowed(self._compass.direction(matrix, inverse, ratio))

    def _first_beam(self) -> Complex:
        if self._sector is None or not self._adaptive:
            return beam.mean(self.healthy, BINS)
        return beam.mvdr(self._noise.inverse, beam.relative(self._talker.wave(self._sector[0]), self._reference))

    def _beam(self, direction: Direction) -> Complex:
        if not self._adaptive:
            return beam.relative(self._talker.wave(direction.azimuth_deg), self._reference) / self.healthy.sum()
        response = self._talker.response(self._noise, direction.azimuth_deg)
        return beam.mvdr(self._noise.inverse, beam.relative(response, self._reference))

    def _output(self) -> Complex | None:
        if len(self._blocks) <= AHEAD:
            return None
        spectra = self._blocks[0] * self.healthy[:, None, None]
        weights = beam.glide(self._weights, self._target, HOPS)
        self._weights = self._target
        output = (weights.conj() * spectra).sum(axis=0)
        if self._filter is None or not self._adaptive:
            return output
        noise = self._noise.behind(self._target)
        mics = self.healthy.sum()
        beside = np.maximum(self._noise.whitened(spectra) * mics - squares(output) / noise, 0) / (mics - 1)
        return output * self._filter.gains(output, noise, beside)


def _allowed(geometry: Geometry, sector: tuple[float, float] | None) -> Real:
    if sector is None:
        return np.ones(len(geometry.grid_deg), np.float32)
    centre, width = sector
    turn = 0.0 if geometry.linear else 180.0
    away = np.abs((geometry.grid_deg - centre + turn) % 360.0 - turn) if turn else np.abs(geometry.grid_deg - centre)
    return (away <= width / 2).astype(np.float32)
