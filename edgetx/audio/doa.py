"""Where a talker is, from how he sounds at each microphone.

In a room his response h is a plane wave d from where he is, and echoes from everywhere: a diffuse field Γ. For each
azimuth of the grid: how much likelier h is with the wave, of covariance Γ + κddᴴ, than without it, whatever his level.
The logarithm is, for each microphone, -log(1 - κ|hᴴΓ⁻¹d|² / ((1 + κ dᴴΓ⁻¹d) hᴴΓ⁻¹h)): the angular central Gaussian
model (Tyler, 1987) without the determinant, which would draw what a line of microphones tells towards its broadside.

The bins are added, weighted by the talker's signal-to-noise ratio. The noise does not whiten here: it was taken out of
h, and where the noise comes from one place, it would make any echo look like a wave from beside that.
"""

from typing import NamedTuple

import numpy as np

from edgetx.audio.array import GRID_STEP_DEG, Complex, Geometry, Real
from edgetx.audio.covariance import dot, inverse, times
from edgetx.audio.stft import FREQUENCIES_HZ

LOW_HZ, HIGH_HZ = 200.0, 7500.0
EVERY = 2
"""Bins: neighbours tell the same."""

_WAVE = np.float32(4.0)
"""κ: how much stronger the wave is than the echoes."""
_OWN = np.float32(0.03)
"""As much of Γ differs from microphone to microphone at random: they are not quite alike, nor quite in place."""
_BESIDE_DEG = 30.0
_MOST_RATIO = np.float32(10.0)
_MOST = np.float32(0.999)
_TINY = np.float32(1e-20)


class Direction(NamedTuple):
    """Where the likelihood over all azimuths is greatest among those that are searched.

    ``prominence``: how great it is where it is greatest of all, for all microphones together; ``lead``: by how much it
    exceeds there what is more than 30° away, for each microphone.
    """

    azimuth_deg: float
    prominence: float
    lead: float


class Compass:
    """Searches the azimuths of ``geometry``, those of its grid whose entry in ``allowed[azimuths]`` is 1.

    Only microphones whose entry in ``healthy[mics]`` is 1 are heard.
    """

    def __init__(self, geometry: Geometry, allowed: Real, healthy: Real) -> None:
        self._geometry = geometry
        self._grid = geometry.grid_deg
        self._linear = geometry.linear
        self._allowed = allowed
        self._far = all_apart(self._grid[:, None], self._grid) > _BESIDE_DEG
        self._used = used_bins()
        self._mics = float(healthy.sum())
        self._whitening, self._waves = self._among(healthy)

    def leave_out(self, healthy: Real) -> None:
        """Hear only the microphones whose entry in ``healthy[mics]`` is 1."""
        self._mics = float(healthy.sum())
        self._whitening, self._waves = self._among(healthy)

    def _among(self, healthy: Real) -> tuple[Complex, Real]:
        """Return Γ⁻¹, complex64[mics, mics, bins], and Γ⁻¹d, scaled by the wave's strength, see `_as_real`."""
        hz = FREQUENCIES_HZ[self._used]
        mask = (healthy[:, None] * healthy)[:, :, None]
        diffuse = self._geometry.diffuse(hz) * mask + (np.eye(len(healthy)) * (1 + _OWN - healthy))[:, :, None]
        whitening = inverse(diffuse.astype(np.complex64)) * mask
        waves = self._geometry.steering(self._grid, hz).transpose(1, 2, 0)
        filtered = np.matmul(whitening.transpose(2, 0, 1), waves)
        strength = (waves.conj() * filtered).sum(axis=1, keepdims=True).real
        filtered *= np.sqrt(_WAVE / (1 + _WAVE * strength))
        return whitening, _as_real(filtered)

    def direction(self, response: Complex, ratio: Real) -> Direction:
        """Return where the talker is who sounds like ``response[mics, BINS]``, to some factor in each bin.

        ``ratio[BINS]``: how loud he is against the noise.
        """
        spectrum = self._likelihood(response[:, self._used], ratio[self._used])
        at = int(np.argmax(spectrum))
        greatest = float(spectrum[at])
        lead = greatest - float(spectrum[self._far[at]].max())
        return Direction(self._greatest(spectrum), self._mics * greatest, lead)

    def _likelihood(self, response: Complex, ratio: Real) -> Real:
        """Return float32[azimuths], the mean of the bins for each microphone, never below 0."""
        whole = np.maximum(dot(response, times(self._whitening, response)).real, _TINY)
        parts = np.concatenate([response.real, response.imag]).T[:, :, None]
        along = np.matmul(self._waves, parts).reshape(len(whole), 2, -1)
        along *= along
        explained = np.minimum(along.sum(axis=1) / whole[:, None], _MOST)
        weights = np.clip(ratio, 0, _MOST_RATIO) + _TINY
        spectrum: Real = (weights / -weights.sum()) @ np.log1p(-explained)
        return spectrum

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


def used_bins() -> slice:
    """Return the bins that tell where a sound comes from."""
    low, high = map(int, np.searchsorted(FREQUENCIES_HZ, [LOW_HZ, HIGH_HZ]))
    return slice(low, high, EVERY)


def within(geometry: Geometry, *, azimuth_deg: float, width_deg: float) -> Real:
    """Return float32[azimuths]: 1 for those of the grid in the sector; at least the nearest is."""
    away = all_apart(geometry.grid_deg, np.float32(azimuth_deg))
    return (away <= max(width_deg / 2, float(away.min()))).astype(np.float32)


def all_apart(one_deg: Real, other_deg: Real | np.float32) -> Real:
    """Return how far directions lie apart, in degrees from 0 to 180."""
    away: Real = np.abs((one_deg - other_deg + np.float32(180)) % np.float32(360) - np.float32(180))
    return away


def _as_real(waves: Complex) -> Real:
    """Return float32[bins, 2 * azimuths, 2 * mics] of ``waves[bins, mics, azimuths]``.

    Times the real and the imaginary parts of h it is the real and the imaginary parts of hᴴ waves.
    """
    turned = waves.transpose(0, 2, 1)
    real = np.concatenate([turned.real, turned.imag], axis=2)
    imaginary = np.concatenate([turned.imag, -turned.real], axis=2)
    return np.concatenate([real, imaginary], axis=1).astype(np.float32)
