"""An array's microphones in, one clean channel and the directions of talkers out: a stream in blocks of fixed length.

What comes out depends only on what went in, bit for bit, not on how it was cut. Output frame k is input frame k; it
comes out once frame k + `Ears.delay` went in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetx.audio.array import Geometry, Real
from edgetx.audio.heard import Bearing
from edgetx.audio.scene import AHEAD, Scene
from edgetx.audio.stft import BLOCK, HOP, Analysis, Synthesis

DEFAULT_WIDTH_DEG = 60.0
_TOP = np.float32(32768.0)


@dataclass(frozen=True, slots=True)
class Auto:
    """Follows who speaks. Of several who talk at once, who stands out of what was heard before: a guess."""


@dataclass(frozen=True, slots=True)
class Sector:
    """Talkers are within ``width_deg / 2`` of ``azimuth_deg`` (a linear array: of the angle from its axis)."""

    azimuth_deg: float
    width_deg: float = DEFAULT_WIDTH_DEG


@dataclass(frozen=True, slots=True)
class DelayAndSum:
    """The mean of the microphones, each shifted in time towards who speaks. Nothing adapts to the noise."""


Look = Auto | Sector | DelayAndSum


class Ears:
    """Signals are float32[frames, mics] in int16's steps at 16 kHz, in the order of ``geometry``."""

    delay = BLOCK * (AHEAD + 1) + HOP - 1
    """Frames by which the output lags behind what was fed; constant."""

    def __init__(self, geometry: Geometry, look: Look) -> None:
        self._mics = len(geometry.positions_m)
        sector = (look.azimuth_deg, look.width_deg) if isinstance(look, Sector) else None
        self._scene = Scene(geometry, sector, adaptive=not isinstance(look, DelayAndSum))
        self._begin()

    def _begin(self) -> None:
        self._analysis = Analysis(self._mics)
        self._synthesis = Synthesis()
        self._waiting: Real = np.zeros((0, self._mics), np.float32)
        self._ready: Real = np.zeros(0, np.float32)
        self._fed = self._given = self._blocks = 0
        self._skip = HOP

    def process(self, signals: Real) -> tuple[Real, list[Bearing]]:
        """Take in ``signals``; return what is ready, float32[frames], and where talkers were (of later frames too)."""
        self._fed += len(signals)
        tame = np.clip(np.nan_to_num(signals, nan=0.0), -_TOP, _TOP).astype(np.float32, copy=False)
        waiting = np.concatenate([self._waiting, tame])
        whole = len(waiting) // BLOCK * BLOCK
        self._waiting = waiting[whole:]
        bearings = [bearing for at in range(0, whole, BLOCK) for bearing in self._block(waiting[at : at + BLOCK])]
        return self._give(max(0, self._fed - self.delay)), bearings

    def flush(self) -> tuple[Real, list[Bearing]]:
        """Return the rest, up to the last frame that was fed. What is fed next counts from 0 again."""
        missing = -len(self._waiting) % BLOCK
        samples = np.pad(self._waiting, ((0, missing + BLOCK * (AHEAD + 1)), (0, 0)))
        for at in range(0, len(samples), BLOCK):
            output = self._scene.rest(self._analysis.spectra(samples[at : at + BLOCK]))
            if output is not None:
                self._collect(output)
        rest = self._give(self._fed)
        self._scene.restart()
        self._begin()
        return rest, []

    def use(self, healthy: Sequence[bool]) -> None:
        """Leave out the microphones that are not ``healthy`` from the next block on."""
        mask = np.array(healthy, np.float32)
        mask = mask if mask.any() else np.ones_like(mask)
        if not np.array_equal(mask, self._scene.healthy):
            self._scene.use(mask)

    def _block(self, samples: Real) -> list[Bearing]:
        output, direction = self._scene.hear(self._analysis.spectra(samples))
        if output is not None:
            self._collect(output)
        start = self._blocks * BLOCK
        self._blocks += 1
        if direction is None:
            return []
        return [Bearing(start, start + BLOCK, direction.azimuth_deg, min(1.0, max(0.0, (float(direction.spectrum.max())-1) / 2)))]

    def _collect(self, output) -> None:
        samples = self._synthesis.samples(output)[self._skip :]
        self._skip = 0
        self._ready = np.concatenate([self._ready, samples])

    def _give(self, end: int) -> Real:
        count = end - self._given
        given, self._ready = self._ready[:count], self._ready[count:]
        self._given = end
        return given
