"""An array's microphones in, one clean channel and the directions of talkers out: a stream in blocks of fixed length.

What comes out depends only on what went in, bit for bit, not on how it was cut. Output frame k is input frame k; it
comes out once frame k + `Ears.delay` went in.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgetx.audio.array import Complex, Geometry, Real
from edgetx.audio.doa import within
from edgetx.audio.heard import Bearing
from edgetx.audio.scene import AHEAD, Aim, Scene
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


class _Block(NamedTuple):
    """``spectra[mics, HOPS, BINS]`` of the frames from ``start`` on, and those of the block `AHEAD` before it."""

    start: int
    spectra: Complex
    oldest: Complex | None


class _Stream:
    """Signals in, blocks out; blocks of the beam's output in, its frames out."""

    def __init__(self, mics: int) -> None:
        self._analysis = Analysis(mics)
        self._synthesis = Synthesis()
        self._blocks: deque[Complex] = deque(maxlen=AHEAD + 1)
        self._waiting: Real = np.zeros((0, mics), np.float32)
        self._ready: Real = np.zeros(0, np.float32)
        self._given = -HOP  # The first window begins before the sound.
        self._heard = 0
        self.fed = 0

    def turn(self, signs: Real) -> None:
        """Multiply what is held of each microphone by its entry in ``signs[mics]``, 1 or -1."""
        self._waiting = self._waiting * signs
        for block in self._blocks:
            np.multiply(block, signs[:, None, None], out=block)

    def feed(self, signals: Real) -> Iterator[_Block]:
        """Give the whole blocks there are now, one after the other."""
        self.fed += len(signals)
        self._waiting = np.concatenate([self._waiting, signals])
        while len(self._waiting) >= BLOCK:
            self._blocks.append(self._analysis.spectra(self._waiting[:BLOCK]))
            self._waiting = self._waiting[BLOCK:]
            yield _Block(self._heard, self._blocks[-1], self._blocks[0] if len(self._blocks) > AHEAD else None)
            self._heard += BLOCK

    def take(self, output: Complex) -> None:
        """Take what became of a block: complex64[HOPS, BINS]."""
        self._ready = np.concatenate([self._ready, self._synthesis.samples(output)])

    def give(self, end: int) -> Real:
        """Return what was not given yet before frame ``end``."""
        if end <= 0:
            return np.zeros(0, np.float32)
        first, count = max(0, -self._given), end - self._given
        given, self._ready = self._ready[first:count], self._ready[count:]
        self._given = end
        return given


class Ears:
    """Signals are float32[frames, mics] in int16's steps at 16 kHz, in the order of ``geometry``'s microphones.

    The talker comes out as the first healthy microphone hears him.
    """

    delay = BLOCK * (AHEAD + 1) + HOP - 1
    """Frames by which the output lags behind what was fed; constant."""

    def __init__(self, geometry: Geometry, look: Look) -> None:
        self._geometry = geometry
        self._aim = _aim(geometry, look)
        self._healthy: Real = np.ones(len(geometry.positions_m), np.float32)
        self._scene = Scene(geometry, self._aim, self._healthy)
        self._stream = _Stream(len(geometry.positions_m))

    def process(self, signals: Real) -> tuple[Real, list[Bearing]]:
        """Take in ``signals``; return what is ready, float32[frames], and where talkers are.

        A bearing's frames are of what was fed, counted from 0; it comes before its sound does. What is no number
        counts as silence.
        """
        bearings = [self._learn(block) for block in self._stream.feed(_tame(signals))]
        return self._stream.give(self._stream.fed - self.delay), [bearing for bearing in bearings if bearing]

    def flush(self) -> tuple[Real, list[Bearing]]:
        """Return the rest, up to the last frame that was fed. What is fed next counts from 0 again."""
        fed = self._stream.fed
        for block in self._stream.feed(np.zeros((BLOCK * (AHEAD + 2), len(self._healthy)), np.float32)):
            self._form(block)
        rest = self._stream.give(fed)
        self._stream = _Stream(len(self._healthy))
        return rest, []

    def use(self, healthy: Sequence[bool]) -> None:
        """Leave out the microphones that are not ``healthy`` from the next block on. None is: use all.

        When one comes back, the noise and the talker are learnt anew: nothing is known of them there.
        """
        mask = np.array(healthy if any(healthy) else [True] * len(healthy), np.float32)
        if np.array_equal(mask, self._healthy):
            return
        if mask.sum() > 1 and (mask <= self._healthy).all():
            self._scene.leave_out(mask)
        else:
            self._scene = Scene(self._geometry, self._aim, mask, self._scene.weights * mask[:, None])
        self._healthy = mask

    def turn(self, signs: Sequence[int]) -> None:
        """Have heard each microphone multiplied by its entry in ``signs``, 1 or -1: some come the other way up now."""
        factors = np.array(signs, np.float32)
        if (factors < 0).any():
            self._scene.turn(factors)
            self._stream.turn(factors)

    def _learn(self, block: _Block) -> Bearing | None:
        bearing = self._scene.learn(block.spectra, block.oldest)
        self._form(block)
        return bearing and bearing._replace(start=block.start, end=block.start + BLOCK)

    def _form(self, block: _Block) -> None:
        if block.oldest is not None:
            self._stream.take(self._scene.output(block.oldest))


def _aim(geometry: Geometry, look: Look) -> Aim:
    if isinstance(look, Sector):
        allowed = within(geometry, azimuth_deg=look.azimuth_deg, width_deg=look.width_deg)
        return Aim(allowed, look.azimuth_deg)
    return Aim(np.ones(len(geometry.grid_deg), np.float32), is_adaptive=isinstance(look, Auto))


def _tame(signals: Real) -> Real:
    """Return finite ``signals`` within int16's range."""
    tame: Real = np.clip(signals, -_TOP, _TOP).astype(np.float32, copy=False)
    tame[np.isnan(tame)] = 0
    return tame
