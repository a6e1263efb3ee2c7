"""Where the microphones of an array stand, and what a plane wave does to them.

Azimuth is in degrees, counter-clockwise from +x, seen from above. Microphones on one line cannot tell one side from the
other: such an array is asked for the angle from its axis, which is a cone around it.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Complex = npt.NDArray[np.complex64]
Real = npt.NDArray[np.float32]

SPEED_OF_SOUND = 343.0
"""Metres a second, in air of 20 °C."""
GRID_STEP_DEG = 5.0

_FLAT = 1e-3
"""Of an array's extent: what microphones on one line may stand beside it."""


@dataclass(frozen=True)
class Geometry:
    """``positions_m``: (x, y) of each microphone in metres, in the order of the signals."""

    positions_m: tuple[tuple[float, float], ...]

    @cached_property
    def _axes(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The extent along the two main axes, greatest first, and the axes themselves as rows."""
        centred = np.array(self.positions_m, np.float64).reshape(-1, 2)
        centred -= centred.mean(axis=0)
        _, extent, axes = np.linalg.svd(np.vstack([centred, np.zeros((2, 2))]))
        return extent, axes

    @cached_property
    def linear(self) -> bool:
        """Whether all microphones stand on one line."""
        extent, _ = self._axes
        return bool(extent[1] <= _FLAT * extent[0])

    @cached_property
    def axis_deg(self) -> float:
        """The azimuth of a linear array's axis: the end towards +x, or +y where x does not tell. Otherwise 0."""
        if not self.linear or len(self.positions_m) < 2:  # noqa: PLR2004  (one microphone has no axis)
            return 0.0
        azimuth = math.degrees(math.atan2(self._axes[1][0, 1], self._axes[1][0, 0]))
        return round((azimuth + 90.0 - 1e-6) % 180.0 - 90.0 + 1e-6, 6)

    @cached_property
    def grid_deg(self) -> Real:
        """The azimuths to be searched: [0, 360), or [0, 180] from the axis of a linear array."""
        count = round((180 if self.linear else 360) / GRID_STEP_DEG) + self.linear
        return np.arange(count, dtype=np.float32) * np.float32(GRID_STEP_DEG)

    def only(self, healthy: npt.NDArray[np.bool_]) -> "Geometry":
        """Return the array of those microphones alone."""
        return Geometry(tuple(place for place, is_healthy in zip(self.positions_m, healthy, strict=True) if is_healthy))

    def steering(self, azimuths_deg: npt.ArrayLike, frequencies_hz: npt.ArrayLike) -> Complex:
        """Return complex64[azimuths, bins, mics]: a far plane wave at each microphone against the origin (0, 0).

        In free field; a wave from azimuth a reaches the microphone at p earlier by p · (cos a, sin a) / c. The azimuths
        of a linear array count from its axis.
        """
        angles = np.radians(np.asarray(azimuths_deg, np.float64).reshape(-1) + self.axis_deg)
        towards = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        early = towards @ np.array(self.positions_m, np.float64).reshape(-1, 2).T / SPEED_OF_SOUND
        frequencies = np.asarray(frequencies_hz, np.float64).reshape(-1)
        waves: Complex = np.exp(2j * np.pi * frequencies[None, :, None] * early[:, None, :]).astype(np.complex64)
        return waves

    def diffuse(self, frequencies_hz: npt.ArrayLike) -> Real:
        """Return float32[mics, mics, bins]: how microphones vary together in sound from everywhere, 1 each alone.

        sin(kr) / kr at the distance r (Cook and others, 1955).
        """
        places = np.array(self.positions_m, np.float64).reshape(-1, 2)
        apart_m = np.linalg.norm(places[:, None] - places, axis=2)
        frequencies = np.asarray(frequencies_hz, np.float64).reshape(-1)
        coherence: Real = np.sinc(2 * apart_m[:, :, None] * frequencies / SPEED_OF_SOUND).astype(np.float32)
        return coherence
