"""What a beam leaves of the noise, made quieter: a gain per hop and bin, between 0.5 (-6 dB) and 1.

The gain is Wiener's, x / (1 + x), its ratio of speech to noise x by decision-directed estimation (Ephraim and Malah,
1984). How much noise there is at this very moment is seen beside the beam: what of the whitened sound the beam does not
explain, xᴴR⁻¹x - |y|² / φ, is (M - 1) times the noise's level against what was learnt (maximum likelihood: Kjems and
Jensen, 2012). So a voice that rises in the background is held down before it was learnt.
"""

import numpy as np

from edgetx.audio.array import Complex, Real
from edgetx.audio.covariance import squares
from edgetx.audio.stft import BINS, HOPS

FLOOR = np.float32(0.5)

_TRUST = np.float32(0.9)
"""Of the hop before, in the ratio's estimate."""
_STEADY = 0.7
"""Of the hop before, in the noise's level."""
_LEVELS = (np.float32(0.3), np.float32(10.0))


def _following() -> tuple[Real, Real]:
    """Return what the levels of a block are of those seen, [HOPS, HOPS], and of the level before, [HOPS, 1]."""
    ago = np.arange(HOPS)[:, None] - np.arange(HOPS)
    seen = np.where(ago >= 0, (1 - _STEADY) * _STEADY ** np.maximum(ago, 0), 0)
    return seen.astype(np.float32), (_STEADY ** np.arange(1, HOPS + 1)).astype(np.float32)[:, None]


_SEEN, _BEFORE = _following()


class PostFilter:
    """Remembers the hop before."""

    def __init__(self) -> None:
        self._speech = np.zeros(BINS, np.float32)
        self._level = np.ones(BINS, np.float32)

    def gains(self, output: Complex, noise: Real, beside: Real) -> Real:
        """Return float32[HOPS, BINS] of a beam's ``output[HOPS, BINS]``.

        ``noise[BINS]``: the learnt noise's power in it; ``beside[HOPS, BINS]``: its level beside the beam, about 1.
        """
        power = squares(output)
        present = noise * self._levels(beside)
        fresh = (1 - _TRUST) * np.maximum(power - present, 0)
        gains = np.empty_like(power)
        for hop in range(HOPS):
            speech = _TRUST * self._speech + fresh[hop]
            gains[hop] = np.maximum(speech / (speech + present[hop]), FLOOR)
            self._speech = gains[hop] * gains[hop] * power[hop]
        return gains

    def _levels(self, beside: Real) -> Real:
        """Return the level, float32[HOPS, BINS], smooth over hops and over three bins."""
        levels = _SEEN @ np.clip(beside, *_LEVELS) + _BEFORE * self._level
        self._level = levels[-1]
        smooth: Real = levels.copy()
        smooth[:, 1:-1] = (levels[:, :-2] + levels[:, 1:-1] + levels[:, 2:]) / np.float32(3)
        return smooth
