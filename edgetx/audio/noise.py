"""The noise around an array: its covariance, learnt, and sound seen through it."""

import numpy as np
import numpy.typing as npt

from edgetx.audio.array import Complex, Real
from edgetx.audio.covariance import FLOOR, Memory, dot, inverse, loaded, squares, times, times_all
from edgetx.audio.stft import BINS

MEMORY_HOPS = 125.0
"""About two seconds."""

_TINY = np.float32(1e-20)


def sounding(spectra: Complex) -> npt.NDArray[np.bool_]:
    """Return bool[hops]: which of ``spectra[mics, hops, BINS]`` are more than digital silence."""
    sounds: npt.NDArray[np.bool_] = squares(spectra).sum(axis=(0, 2)) > FLOOR * BINS
    return sounds


class Noise:
    """Of the microphones whose entry in ``healthy[mics]`` is 1; the others' rows and columns are 0."""

    def __init__(self, healthy: Real) -> None:
        self._mask = (healthy[:, None] * healthy)[:, :, None]
        self._mics = np.float32(healthy.sum())
        self._memory = Memory(len(healthy), hops=MEMORY_HOPS)
        self.loaded, self.inverse = self._invertible()

    @property
    def mean(self) -> Complex:
        """The covariance, as it was learnt: complex64[mics, mics, BINS]."""
        return self._memory.mean

    def learn(self, spectra: Complex, weights: Real) -> None:
        """Learn from ``spectra[mics, hops, BINS]``, of each hop as much as ``weights[hops]`` says."""
        if weights.any():
            self._memory.learn(spectra, weights)
            self.loaded, self.inverse = self._invertible()

    def leave_out(self, healthy: Real) -> None:
        """Forget the microphones whose entry in ``healthy[mics]`` is 0, and nothing else."""
        self._mask = (healthy[:, None] * healthy)[:, :, None]
        self._mics = np.float32(healthy.sum())
        self._memory.mean *= self._mask
        self.loaded, self.inverse = self._invertible()

    def turn(self, signs: Real) -> None:
        """See `Memory.turn`."""
        self._memory.turn(signs)
        self.loaded, self.inverse = self._invertible()

    def _invertible(self) -> tuple[Complex, Complex]:
        load = loaded(self._memory.mean)
        return load, inverse(load) * self._mask

    def whitened(self, spectra: Complex) -> Real:
        """Return float32[hops, BINS], xᴴR⁻¹x / M of each hop: about 1 while there is noise alone."""
        power: Real = (spectra.conj() * times_all(self.inverse, spectra)).sum(axis=0).real / self._mics
        return power

    def trust(self) -> np.float32:
        """Return what `whitened` is to be multiplied by, as R was learnt from few hops.

        Its mean is then n / (n - M) (Wishart; Muirhead, 1982); the load keeps it below (n + M) / n.
        """
        return np.float32(self._memory.seen / (self._memory.seen + self._mics))

    def behind(self, weights: Complex) -> Real:
        """Return float32[BINS], the power that a beam of ``weights[mics, BINS]`` leaves of it."""
        power: Real = dot(weights, times(self.loaded, weights)).real
        return np.maximum(power, _TINY)
