"""Is somebody speaking? Asked of each hop, of sound that was whitened by what is known of the noise.

Whitened sound xᴴR⁻¹x / M is about 1 in every bin while there is noise alone, from wherever it comes and of whatever
colour, and more when something new comes from elsewhere (the Gaussian model of Souden, Chen, Benesty and Affes, 2010).
The score of a hop is the mean over bands, as wide as the ear's, of the logarithm of what exceeds 1: Sohn, Kim and
Sung's likelihood ratio (1999) without its linear part. What score noise has is learnt: its mean and its spread while
nobody speaks; and a score that was never undershot for two seconds is noise, however high.

The first half second is taken for noise: whoever speaks from the very beginning is found at his first pause.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from edgetx.audio.array import Real
from edgetx.audio.stft import BINS, FREQUENCIES_HZ, HOPS

LEARNING_HOPS = 32
"""Of the beginning: noise, by agreement."""

PAST_HOPS = 18
"""About 0.3 s: so far from speech nothing of it echoes in what is taken for noise."""

_LOW_HZ, _HIGH_HZ, _BANDS = 200.0, 5000.0, 20
_CLIP = 2.0
_FLOOR_BLOCKS = 16
_MEMORY_HOPS = 188.0
_MARGIN = 0.05
_LEAST_SPREAD = 0.03
_THRESHOLD = 1.5
"""In spreads above the noise's mean: an even chance."""
_SLOPE = 2.0


def _bands() -> Real:
    """Return float32[BINS, bands]: the mean of the bins in each band, bands even on the mel scale (O'Shaughnessy)."""
    edges = 700 * np.expm1(np.linspace(np.log1p(_LOW_HZ / 700), np.log1p(_HIGH_HZ / 700), _BANDS + 1))
    inside = (FREQUENCIES_HZ[:, None] >= edges[:-1]) & (FREQUENCIES_HZ[:, None] < edges[1:])
    means: Real = (inside / np.maximum(inside.sum(axis=0), 1)).astype(np.float32)
    return means


_TO_BANDS = _bands()


def scores(whitened: Real) -> Real:
    """Return float32[hops] of ``whitened[hops + 1, BINS]``, each hop taken together with the one before it."""
    bands = (whitened[1:] + whitened[:-1]) * np.float32(0.5) @ _TO_BANDS
    mean: Real = np.minimum(np.log(np.maximum(bands, 1)), _CLIP).mean(axis=1)
    return mean


class Activity:
    """Follows the score of noise."""

    def __init__(self) -> None:
        self._lows: deque[float] = deque(maxlen=_FLOOR_BLOCKS)
        self._before = np.zeros((1, BINS), np.float32)
        self._mean = 0.0
        self._variance = 0.01
        self._seen = 0.0
        self._hops = 0

    def hear(self, whitened: Real) -> Real:
        """Return float32[HOPS], the chance of speech, 0 to 1, of ``whitened[HOPS, BINS]``."""
        heard = scores(np.concatenate([self._before, whitened]))
        self._before = whitened[-1:]
        self._hops += HOPS
        if self._hops <= LEARNING_HOPS:
            self._learn(heard if self._hops > HOPS else heard[:0])
            return np.zeros(HOPS, np.float32)
        self._follow_floor(float(heard.mean()))
        above = (heard - self._mean - _MARGIN) / max(np.sqrt(self._variance), _LEAST_SPREAD) - _THRESHOLD
        self._learn(heard[above < 0])
        chance: Real = (1 / (1 + np.exp(-np.clip(_SLOPE * above, -30, 30)))).astype(np.float32)
        return chance

    def _follow_floor(self, score: float) -> None:
        self._lows.append(score)
        if len(self._lows) == _FLOOR_BLOCKS:
            self._mean = max(self._mean, min(self._lows))

    def _learn(self, heard: Real) -> None:
        if not len(heard):
            return
        self._seen = min(self._seen + len(heard), _MEMORY_HOPS)
        share = len(heard) / self._seen
        self._mean += share * (float(heard.mean()) - self._mean)
        self._variance += share * (float(np.mean((heard - self._mean) ** 2)) - self._variance)


class Calm:
    """Which hops of the oldest of ``blocks`` are far from speech on either side, as far as was heard."""

    def __init__(self, blocks: int) -> None:
        hops = PAST_HOPS + HOPS * blocks
        self._spoke = np.zeros(hops + PAST_HOPS, bool)

    def hear(self, speaks: npt.NDArray[np.bool_]) -> None:
        """Take in in which hops of a block somebody speaks, bool[HOPS]."""
        self._spoke[: -HOPS - PAST_HOPS] = self._spoke[HOPS:-PAST_HOPS]
        self._spoke[-HOPS - PAST_HOPS : -PAST_HOPS] = speaks

    def oldest(self) -> npt.NDArray[np.bool_]:
        """Return bool[HOPS]."""
        spoken = np.concatenate([[0], np.cumsum(self._spoke)])
        near: npt.NDArray[np.bool_] = spoken[2 * PAST_HOPS + 1 :] > spoken[: -2 * PAST_HOPS - 1]
        return ~near[:HOPS]
