"""What a beam leaves of the noise, made quieter: a gain per hop and bin, between 0.5 (-6 dB) and 1.

The gain is Wiener's, x / (1 + x), its ratio of speech to noise x by decision-directed estimation (Ephraim and Malah,
1984). How much noise there is at this very moment is seen beside the beam: what of the whitened sound the beam does not
explain, xᴴR⁻¹x - |y|² / φ, is (M - 1) times the noise's level against what was learnt (maximum likelihood: Kjems and
Jensen, 2012). So a voice that rises in the background is held down before it was learnt.
"""

import numpy as np

from edgetx.audio.array import Complex, Real
from edgetx.audio.covariance import squares
from edgetx.audio.stft import BINS

FLOOR = np.float32(0.5)

_TRUST = np.float32(0.9)
"""Of the hop before, in the ratio's estimate."""
_STEADY = np.float32(0.7)
_LEVELS = (np.float32(0.3), np.float32(10.0))


class PostFilter:
    """Remembers the hop before."""

    def __init__(self) -> None:
        self._speech = np.zeros(BINS, np.float32)
        self._level = np.ones(BINS, np.float32)

    def gains(self, output: Complex, noise: Real, beside: Real) -> Real:
        """Return float32[hops, bins] of a beam's ``output[hops, bins]``.

        ``noise[bins]``: the learnt noise's power in it; ``beside[hops, bins]``: the level beside the beam, about 1.
        """
        power = squares(output)
        gains = np.empty_like(power)
        for hop, heard in enumerate(power):
            present = noise * self._follow(beside[hop])
            ratio = (_TRUST * self._speech + (1 - _TRUST) * np.maximum(heard - present, 0)) / present
            gains[hop] = np.maximum(ratio / (1 + ratio), FLOOR)
            self._speech = gains[hop] ** 2 * heard
        return gains

    def _follow(self, beside: Real) -> Real:
        """Return the level, smooth over hops and over three bins."""
        self._level += (1 - _STEADY) * (np.clip(beside, *_LEVELS) - self._level)
        smooth = self._level.copy()
        smooth[1:-1] = (self._level[:-2] + self._level[1:-1] + self._level[2:]) / np.float32(3)
        return smooth
