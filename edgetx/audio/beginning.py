"""How an array's sound begins: by how many channels it is rotated, and how much of it is not sound yet. Pure.

Both are found in the first sound, which is held back for so long: then none of it goes through the wrong channels. A
rotation that cannot be told from it (all is quiet, and the playback channels hear a noise of their own) is looked for
again later, now and then.
"""

from typing import NamedTuple

import numpy as np

from edgetx.audio.dirty_start import dirty_frames
from edgetx.audio.format import AudioFormat
from edgetx.audio.resample import Signal
from edgetx.audio.rotation import rotation
from edgetx.board import Board

CLEAN_SECONDS = 1.0
"""Held to see how much of it is dirty."""
TOLD_SECONDS = 2.0
"""Held, or looked at later, to see how it is rotated."""
LEAST_SECONDS = 0.5
"""Of less, nothing can be told."""
LATEST_SECONDS = 5.0
"""Held for no longer than that."""
PAUSE_SECONDS = 8.0
"""Between two later looks."""


class Begun(NamedTuple):
    """``sound[frames, channels]``: all that was held.

    ``turn``: the board's channel c is found at c + turn; None: it is not told yet. ``dirty``: so many of the first
    frames are not sound.
    """

    sound: Signal
    turn: int | None
    dirty: int


class Beginning:
    """Holds the first sound of an opening, or after a hole."""

    def __init__(self, form: AudioFormat, array: Board) -> None:
        self._form, self._array = form, array
        self._held: list[Signal] = []
        self._frames = 0
        self._enough = round((TOLD_SECONDS if array.rotates else CLEAN_SECONDS) * form.rate)

    def hear(self, sound: Signal) -> Begun | None:
        """Take ``sound[frames, channels]``; return what was held when enough is known."""
        self._held.append(sound)
        self._frames += len(sound)
        while self._frames >= self._enough:
            begun = self._judge(self._enough)
            if begun.turn is not None or self._enough >= LATEST_SECONDS * self._form.rate:
                return begun
            self._enough += self._form.rate
        return None

    def end(self) -> Begun:
        """Return what is held, with what can be known of it."""
        return self._judge(self._frames)

    def _judge(self, frames: int) -> Begun:
        """By the first ``frames`` alone, so that nothing depends on how the sound was cut."""
        sound = np.concatenate([np.zeros((0, self._form.channels), np.float32), *self._held])
        dirty = round(self._array.dirty_start_seconds * self._form.rate)
        if frames >= CLEAN_SECONDS * self._form.rate:
            dirty = max(dirty, dirty_frames(sound[:frames], self._form.rate))
        return Begun(sound, turn_of(sound[dirty:frames], self._form, self._array), dirty)


class LaterLook:
    """Looks again, every ten seconds, for a rotation that could not be told."""

    def __init__(self, form: AudioFormat, array: Board) -> None:
        self._form, self._array = form, array
        self._kept: list[Signal] = []
        self._frames = 0
        self._pause = round(PAUSE_SECONDS * form.rate)

    def hear(self, sound: Signal) -> int | None:
        """Take ``sound[frames, channels]``; return the rotation if it can be told now."""
        self._pause -= len(sound)
        if self._pause > 0:
            return None
        self._kept.append(sound)
        self._frames += len(sound)
        if self._frames < TOLD_SECONDS * self._form.rate:
            return None
        seen = np.concatenate(self._kept)
        self._kept, self._frames, self._pause = [], 0, round(PAUSE_SECONDS * self._form.rate)
        return turn_of(seen, self._form, self._array)


def turn_of(sound: Signal, form: AudioFormat, array: Board) -> int | None:
    """Return by how many channels ``sound[frames, channels]`` are rotated; None: it cannot be told."""
    if not array.rotates:
        return 0
    if len(sound) < LEAST_SECONDS * form.rate:
        return None
    return rotation(sound, form.rate, microphones=array.microphones, playback=array.playback, unused=array.unused)
