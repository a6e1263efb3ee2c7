"""What a beam leaves of the noise, made quieter: a gain per hop and bin, between 0.2 (-14 dB) and 1.

The gain is the chance that it is the talker who is heard, in bands as wide as the ear's. Whitened by what was learnt of
the noise, he is in the beam alone: a = |y|² / φ. What the beam does not explain of the whitened sound, b =
(xᴴR⁻¹x - a) / (M - 1), is the noise's level at this very moment (maximum likelihood: Kjems and Jensen, 2012), be it
what was learnt or a voice that has just risen. Both are about 1 while there is nothing but what was learnt. Where the
level is not known, a / b tells talkers from noise (the F test), and the logarithm of the odds is nearly a line in the
logarithms of a and b (logistic regression: Cox, 1958). It is smoothed over about three hops and three bands. The line
was fitted to simulated rooms, other ones than scripts/bench-arrays measures.

Noise is not made quieter than 30 dB below the talker: it does no harm there, and a recogniser made more errors where it
was. So in a quiet room hardly anything is done.
"""

import numpy as np

from edgetx.audio.array import Complex, Real
from edgetx.audio.covariance import squares
from edgetx.audio.stft import FREQUENCIES_HZ, HOPS

FLOOR = np.float32(0.2)
QUIET = np.float32(1e-3)
"""Power of noise that does no harm, against the talker's."""

_LOW_HZ, _HIGH_HZ, _BANDS = 100.0, 7000.0, 26
_IN_BEAM, _BESIDE, _BIAS = np.float32(2.45), np.float32(2.15), np.float32(-2.35)
_LEAST = np.float32(0.1)
"""Added to both levels: how far below what was learnt a moment is tells nothing."""
_LEAST_ODDS = np.log(FLOOR / (1 - FLOOR))
_STEADY = 0.67
"""Of the hop before, in the odds."""


def _following() -> tuple[Real, Real]:
    """Return what a block's odds are of those of its hops, [HOPS, HOPS], and of the odds before, [HOPS, 1]."""
    ago = np.arange(HOPS)[:, None] - np.arange(HOPS)
    seen = np.where(ago >= 0, (1 - _STEADY) * _STEADY ** np.maximum(ago, 0), 0)
    return seen.astype(np.float32), (_STEADY ** np.arange(1, HOPS + 1)).astype(np.float32)[:, None]


def _bands() -> Real:
    """Return float32[BINS, bands], each bin's shares in the two bands around it: triangles, even on the mel scale."""
    centres = np.linspace(np.log1p(_LOW_HZ / 700), np.log1p(_HIGH_HZ / 700), _BANDS + 2)[1:-1]
    mels = np.log1p(FREQUENCIES_HZ / 700)
    return np.stack([np.interp(mels, centres, band) for band in np.eye(_BANDS)], axis=1).astype(np.float32)


def _neighbours() -> Real:
    """Return float32[bands, bands], which makes of each band half of itself and a quarter of each neighbour."""
    padded = np.pad(np.eye(_BANDS), ((1, 1), (0, 0)), mode="edge")
    return (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]).T.astype(np.float32)


_SEEN, _BEFORE = _following()
_SHARES = _bands()
_MEANS = _SHARES / _SHARES.sum(axis=0)
_NEIGHBOURS = _neighbours()


class PostFilter:
    """Remembers the hop before."""

    def __init__(self) -> None:
        self._odds = np.zeros(_BANDS, np.float32)

    def gains(self, output: Complex, *, noise: Real, beside: Real, talker: Real) -> Real:
        """Return float32[HOPS, BINS] of a beam's ``output[HOPS, BINS]``.

        ``noise[BINS]``: the learnt noise's power in it; ``beside[HOPS, BINS]``: its level beside the beam, about 1;
        ``talker[BINS]``: his mean power while he speaks.
        """
        in_beam, level = np.log(np.stack([squares(output) / noise, beside]) @ _MEANS + _LEAST)
        odds = _SEEN @ (_IN_BEAM * in_beam - _BESIDE * level + _BIAS) @ _NEIGHBOURS + _BEFORE * self._odds
        self._odds = odds[-1]
        floor = np.sqrt(np.minimum(QUIET * (talker @ _MEANS) / (noise @ _MEANS), 1))
        chance = 1 / (1 + np.exp(-np.maximum(odds, _LEAST_ODDS)))
        gains: Real = np.maximum(chance, floor) @ _SHARES.T
        return gains
