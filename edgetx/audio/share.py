"""How much of a sound comes from within a sector.

For each azimuth of the grid: how much of the sound's whitened covariance M a plane wave d from there explains,
dᴴMd / dᴴR⁻¹d, which does not see what the noise R explains (the adaptive matched filter: Robey, Fuhrmann, Kelly and
Nitzberg, 1992). Each bin's row is made to sum up to 1, so that no bin shouts the others down (Salvati, Drioli
and Foresti, 2014), and the rows are added, weighted by the sound's signal-to-noise ratio.

Both quadratic forms are one matrix product: dᴴAd = Σ A_ii + Σ_i<j 2 Re(A_ij d_i* d_j), with the products of d ready.
"""

import numpy as np

from edgetx.audio.array import Complex, Geometry, Real
from edgetx.audio.doa import used_bins
from edgetx.audio.stft import FREQUENCIES_HZ

_MOST_RATIO = np.float32(10.0)
_TINY = np.float32(1e-20)


class Share:
    """Of the sector of those azimuths of ``geometry``'s grid whose entry in ``allowed[azimuths]`` is 1."""

    def __init__(self, geometry: Geometry, allowed: Real) -> None:
        self._allowed = allowed
        self._inverse: Complex | None = None
        self._noise: Real = np.zeros(0, np.float32)
        self._used = used_bins()
        waves = geometry.steering(geometry.grid_deg, FREQUENCIES_HZ[self._used]).transpose(1, 0, 2)
        self._pairs = np.triu_indices(waves.shape[2], 1)
        products = waves[:, :, self._pairs[0]].conj() * waves[:, :, self._pairs[1]]
        self._products = np.concatenate([2 * products.real, -2 * products.imag], axis=2).astype(np.float32)

    def inside(self, matrix: Complex, inverse: Complex, ratio: Real) -> float:
        """Return the greatest that an azimuth of the sector explains as a share of the greatest of all: 1 if best.

        ``matrix[mics, mics, BINS]`` is the sound's whitened covariance (R⁻¹SR⁻¹), ``inverse`` R⁻¹, ``ratio[BINS]`` how
        loud the sound is against the noise.
        """
        likeness = np.maximum(self._power(matrix) / self._noise_power(inverse), _TINY)
        weights = np.clip(ratio[self._used], 0, _MOST_RATIO) + _TINY
        spectrum = (weights / likeness.sum(axis=1)) @ likeness
        return float((spectrum * self._allowed).max() / spectrum.max())

    def _noise_power(self, inverse: Complex) -> Real:
        """Return dᴴR⁻¹d, kept for as long as the noise is the same."""
        if inverse is not self._inverse:
            self._inverse, self._noise = inverse, np.maximum(self._power(inverse), _TINY)
        return self._noise

    def _power(self, matrices: Complex) -> Real:
        """Return float32[bins, azimuths], dᴴAd of Hermitian ``matrices[mics, mics, bins]``."""
        used = matrices[:, :, self._used]
        above = used[self._pairs].T
        parts = np.concatenate([above.real, above.imag], axis=1)
        trace = np.einsum("iif->f", used).real
        power: Real = np.matmul(self._products, parts[:, :, None])[:, :, 0] + trace[:, None]
        return power
