"""What a room sounds like while nobody speaks, and whether something stirs in it: the cheap test before the dear one.

Pure. Each block gives the levels of eight bands, 125 Hz to 5.5 kHz, and of the voice bands together. The *floor* of a
level is what a tenth of the last twelve seconds stayed below: speech has pauses enough not to raise it. Steady noise
keeps within a fraction of a dB of it, so a few dB in one band tell a voice far below the noise as a whole; how far the
lower levels lie apart tells steady noise from a room full of voices. When the room falls quiet, what was known is void:
a floor that is too high would hide a voice.

This is what runs while nothing stirs. A block comes long after the one before, to caches that others have used since:
then it is not the arithmetic that costs but each numpy function that is called, and of nine numbers Python's own is
cheaper.
"""

from math import log10
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgetx.audio.speech_net import BLOCK

Vector = npt.NDArray[np.float32]

_FFT = 512
_SPECTRA = BLOCK // _FFT
_EDGES = np.array([4, 8, 13, 19, 29, 45, 70, 112, 176])
"""Of the bands, in bins of 31.25 Hz."""
_VOICE = slice(1, 7)
"""The bands that carry a voice, 250 Hz to 3.5 kHz."""
_SILENCE = 1e-9
"""The power of a band that counts as none, 90 dB below full scale: there lie the steps of 16 bits."""

_REMEMBERED = 96
_ENOUGH = 8
"""Blocks to have been heard before a floor is believed."""
_STRAY_DB = 4.34 / np.sqrt(_SPECTRA * np.diff(_EDGES, append=_EDGES[-1] + 99))
"""Standard deviation of the level of noise in so many bins and spectra; the last is that of the voice bands."""
_STIR_DB = np.maximum(3.5, 1.5 + 5.5 * _STRAY_DB).tolist()
"""By how much each level must differ from its floor: a fan's noise, which its blades make swell, keeps within that."""
_FALL_DB = 6.0


class Room(NamedTuple):
    """What a block tells. ``level_db`` (of full scale) of the voice bands, their ``floor_db``, and its ``spread_db``.

    The spread is how far above the floor a third of the levels lie at most. ``known``: enough was heard to tell.
    """

    level_db: float
    floor_db: float
    spread_db: float
    stirs: bool
    known: bool


class Background:
    """Is fed blocks by `hear`."""

    def __init__(self) -> None:
        self._window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
        self._levels = np.zeros((len(_EDGES), _REMEMBERED))
        self._heard = 0
        self._fallen = False

    def hear(self, block: Vector) -> Room:
        """Take float32[BLOCK], full scale 1."""
        levels = self._measure(block)
        self._levels[:, self._heard % _REMEMBERED] = levels
        self._heard += 1
        known = min(self._heard, _REMEMBERED)
        ordered = np.sort(self._levels[:, :known])
        floors = ordered[:, known // 10].tolist()
        stirs = any(abs(of - floor) > most for of, floor, most in zip(levels, floors, _STIR_DB, strict=True))
        level, floor = levels[-1], floors[-1]
        self._begin_anew_if_fallen(fallen=level < floor - _FALL_DB)
        spread = float(ordered[-1, known // 3]) - floor
        return Room(level, floor, spread, stirs or known < _ENOUGH, known >= _ENOUGH)

    def _begin_anew_if_fallen(self, *, fallen: bool) -> None:
        """Forget all but the last two blocks when both lie far below the floor."""
        if fallen and self._fallen:
            last = [(self._heard - 2) % _REMEMBERED, (self._heard - 1) % _REMEMBERED]
            self._levels[:, :2] = self._levels[:, last]
            self._heard, fallen = 2, False
        self._fallen = fallen

    def _measure(self, block: Vector) -> list[float]:
        """Return the levels of the bands, and last that of the voice bands together, in dB of full scale."""
        spectra = np.fft.rfft(block.reshape(_SPECTRA, _FFT) * self._window)
        parts = spectra.view(spectra.real.dtype)
        parts *= parts
        bands = np.add.reduceat(parts.sum(axis=0), _PARTS)[:-1].tolist()
        return [10 * log10(power * _SCALE + _SILENCE) for power in (*bands, sum(bands[_VOICE]))]


_PARTS = 2 * _EDGES
"""The same where each bin is a real and an imaginary part."""
_SCALE = 2 / (_SPECTRA * _FFT * _FFT * 0.375)
"""Two sides of the spectrum; the mean of Hann's window squared is 0.375."""
