"""Where a talker is, from what of his sound stands out of the noise.

For each azimuth of the grid: how much of the talker's whitened response v a plane wave d from there explains,
|vᴴd|² / (dᴴR⁻¹d), which does not see what the noise R explains. (MVDR's spatial spectrum of what a generalised
eigenvector leaves: Roy and Kailath, 1989.) Each bin's row is made to sum up to 1, so that no bin shouts the others down
(Salvati, Drioli and Foresti, 2014), and the rows are added, weighted by the talker's signal-to-noise ratio.

Both quadratic forms are one matrix product: dᴴAd = Σ A_ii + Σ_i<j 2 Re(A_ij d_i* d_j), with the products of d ready.
"""

from typing import NamedTuple

import numpy as np

from edgetx.audio.array import GRID_STEP_DEG, Complex, Geometry, Real
from edgetx.audio.stft import FREQUENCIES_HZ

LOW_HZ, HIGH_HZ = 200.0, 7500.0

_EVERY = 2
"""Bins: neighbours tell the same."""
_BESIDE_DEG = 30.0
_MOST_RATIO = np.float32(10.0)
_TINY = np.float32(1e-20)


class Direction(NamedTuple):
    """Where the spectrum over all azimuths, of mean 1, is greatest among those that are searched.

    ``prominence``: by how much it exceeds 1 there, or where it is greatest of all; ``lead``: by how much it exceeds
    there what is more than 30° away. ``ratio``: mean signal-to-noise ratio of the bins, each counted as 10 at most.
    ``inside``: the greatest of those that are searched as a share of the greatest of all: 1 if it is the same.
    """

    azimuth_deg: float
    prominence: float
    lead: float
    ratio: float
    inside: float


class Compass:
    """Searches the azimuths of ``geometry``, those of its grid whose entry in ``allowed[azimuths]`` is 1."""

    def __init__(self, geometry: Geometry, allowed: Real) -> None:
        self._grid = geometry.grid_deg
        self._linear = geometry.linear
        self._allowed = allowed
        self._inverse: Complex | None = None
        self._noise: Real = np.zeros(0, np.float32)
        self._far = _all_apart(self._grid[:, None], self._grid) > _BESIDE_DEG
        low, high = map(int, np.searchsorted(FREQUENCIES_HZ, [LOW_HZ, HIGH_HZ]))
        self._used = slice(low, high, _EVERY)
        waves = geometry.steering(self._grid, FREQUENCIES_HZ[self._used]).transpose(1, 0, 2)
        self._pairs = np.triu_indices(waves.shape[2], 1)
        products = waves[:, :, self._pairs[0]].conj() * waves[:, :, self._pairs[1]]
        self._products = np.concatenate([2 * products.real, -2 * products.imag], axis=2).astype(np.float32)

    def direction(self, matrix: Complex, inverse: Complex, ratio: Real) -> Direction:
        """Return where the source is whose whitened covariance (R⁻¹SR⁻¹) is ``matrix[mics, mics, bins]``.

        ``inverse`` is R⁻¹, ``ratio[bins]`` how loud the source is against the noise.
        """
        likeness = np.maximum(self._power(matrix) / self._noise_power(inverse), _TINY)
        weights = np.clip(ratio[self._used], 0, _MOST_RATIO) + _TINY
        spectrum = (weights / likeness.sum(axis=1)) @ likeness * (np.float32(len(self._grid)) / weights.sum())
        at = int(np.argmax(spectrum))
        return Direction(
            self._greatest(spectrum),
            float(spectrum[at]) - 1.0,
            float(spectrum[at] - spectrum[self._far[at]].max()),
            float(weights.mean()),
            float((spectrum * self._allowed).max() / spectrum[at]),
        )

    def _noise_power(self, inverse: Complex) -> Real:
        """Return dᴴR⁻¹d, kept for as long as the noise is the same."""
        if inverse is not self._inverse:
            self._inverse, self._noise = inverse, np.maximum(self._power(inverse), _TINY)
        return self._noise

    def _greatest(self, spectrum: Real) -> float:
        """Return the searched azimuth where ``spectrum`` is greatest, between the grid's by a parabola."""
        at = int(np.argmax(spectrum * self._allowed))
        azimuth = float(self._grid[at]) + GRID_STEP_DEG * self._beside(spectrum, at)
        return azimuth if self._linear else azimuth % 360.0

    def _beside(self, spectrum: Real, at: int) -> float:
        last = len(spectrum) - 1
        if self._linear and at in (0, last):
            return 0.0
        left, middle, right = (float(spectrum[k]) for k in (at - 1, at, 0 if at == last else at + 1))
        bend = left - 2 * middle + right
        return max(-0.5, min(0.5, 0.5 * (left - right) / bend)) if bend < 0 else 0.0

    def _power(self, matrices: Complex) -> Real:
        """Return float32[bins, azimuths], dᴴAd of Hermitian ``matrices[mics, mics, bins]``."""
        used = matrices[:, :, self._used]
        above = used[self._pairs].T
        parts = np.concatenate([above.real, above.imag], axis=1)
        trace = np.einsum("iif->f", used).real
        power: Real = np.matmul(self._products, parts[:, :, None])[:, :, 0] + trace[:, None]
        return power


def within(geometry: Geometry, *, azimuth_deg: float, width_deg: float) -> Real:
    """Return float32[azimuths]: 1 for those of the grid in the sector; at least the nearest is."""
    away = _all_apart(geometry.grid_deg, np.float32(azimuth_deg))
    return (away <= max(width_deg / 2, float(away.min()))).astype(np.float32)


def _all_apart(one_deg: Real, other_deg: Real | np.float32) -> Real:
    away: Real = np.abs((one_deg - other_deg + np.float32(180)) % np.float32(360) - np.float32(180))
    return away
