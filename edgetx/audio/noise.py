"""The noise around an array: its covariance, learnt, and sound seen through it."""

import numpy as np

from edgetx.audio.array import Complex, Real
from edgetx.audio.covariance import Memory, dot, inverse, loaded, times, times_all

MEMORY_HOPS = 125.0
"""About two seconds."""


class Noise:
    """Of the microphones whose entry in ``healthy[mics]`` is 1; the others' rows and columns are 0."""

    def __init__(self, healthy: Real) -> None:
        self._mask = (healthy[:, None] * healthy)[:, :, None]
        self._mics = np.float32(healthy.sum())
        self._memory = Memory(len(healthy), hops=MEMORY_HOPS)
        self._refresh()

    @property
    def mean(self) -> Complex:
        """The covariance, as it was learnt: complex64[mics, mics, BINS]."""
        return self._memory.mean

    def learn(self, spectra: Complex, weights: Real) -> None:
        """Learn from ``spectra[mics, hops, BINS]``, of each hop as much as ``weights[hops]`` says."""
        if weights.any():
            self._memory.learn(spectra, weights)
            self._refresh()

    def _refresh(self) -> None:
        self.loaded = loaded(self._memory.mean)
        self.inverse = inverse(self.loaded) * self._mask

    def whitened(self, spectra: Complex) -> Real:
        """Return float32[hops, BINS], xᴴR⁻¹x / M of each hop: about 1 while there is noise alone."""
        power: Real = (spectra.conj() * times_all(self.inverse, spectra)).sum(axis=0).real / self._mics
        return power

    def trust(self) -> np.float32:
        """Return by how much `whitened` exceeds 1 for being learnt from few hops, inverted (Wishart; Muirhead, 1982)."""
        return np.float32(self._memory.seen / (self._memory.seen + self._mics))

    def behind(self, weights: Complex) -> Real:
        """Return float32[BINS], the power that a beam of ``weights[mics, BINS]`` leaves of it."""
        power: Real = dot(weights, times(self.loaded, weights)).real
        return np.maximum(power, _TINY)


_TINY = np.float32(1e-20)
