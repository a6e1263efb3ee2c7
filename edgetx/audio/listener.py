"""Listens for speech as little as it must: the network that knows speech sleeps while nothing stirs. Pure.

A block that does not differ from the room's background costs next to nothing. One that does wakes the network, which
first hears the blocks before it, so that its memory is that of one who has listened all along; it sleeps again when
nothing has stirred for a while.

The network hears sound at a level of its own: the room's floor, or the loudest of the last seconds, is brought to where
it tells speech best, however far the talker and whatever the gain of the microphone; and without what lies below
voices, an offset or a rumble, which can be louder than all that is said.
"""

from collections import deque
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from edgetx.audio.background import Background, Room
from edgetx.audio.speech_net import BLOCK, CONTEXT, WINDOWS

Vector = npt.NDArray[np.float32]

_FLOOR_DB, _LOUD_DB, _MOST_DB = -28.0, -18.0, 45.0
"""To where the floor or the loudest is brought, whichever is less, and the most that is added."""
_FORGET_DB = 0.2
"""By how much the loudest of the past counts less with each block."""
_LOUDER_DB = 10.0
"""Speech to come is expected to be so much louder than the floor."""
_AWAKE = 6
"""For so many blocks after a stir the network listens."""
_BEFORE = 5
"""So many blocks are kept: when it wakes it hears the half second before, and the first is what comes before that."""
_ASLEEP = (0.0,) * WINDOWS
_MEAN = 256
"""Frames: the mean of so many around a frame is what lies below voices. 8 ms late, which is no matter here."""


class Net(Protocol):
    """What knows speech: `edgetx.audio.speech_net.SpeechNet`."""

    def restart(self) -> None:
        """Forget what was heard."""

    def hear(self, sound: Vector, /) -> Vector:
        """Return the probability of each window of float32[CONTEXT + BLOCK], full scale 1."""


class Impression(NamedTuple):
    """Of a block: how likely each window holds speech, 0 while the network sleeps; and what the room sounds like."""

    likely: tuple[float, ...]
    room: Room


class Listener:
    """Is fed blocks by `hear`, in order, without holes; ``net`` is its own until the next listener has it."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._background = Background()
        self._low = _LowCut()
        self._before = deque([np.zeros(BLOCK, np.float32)], maxlen=_BEFORE)
        self._loud_db = -np.inf
        self._awake = 0
        self._rested = True

    @property
    def asleep(self) -> bool:
        """Whether the network sleeps: nothing has stirred for a while."""
        return not self._awake

    def hear(self, block: Vector, *, needed: bool) -> Impression:
        """Take float32[BLOCK], full scale 1. While it is ``needed`` the network does not go to sleep."""
        block = self._low.cut(block)
        room = self._background.hear(block)
        self._awake = _AWAKE if room.stirs or needed else max(0, self._awake - 1)
        self._loud_db = max(self._loud_db - _FORGET_DB, room.level_db, room.floor_db + _LOUDER_DB)
        likely = self._listen(block, room) if self._awake else _ASLEEP
        self._rested = not self._awake
        self._before.append(block)
        return Impression(likely, room)

    def _listen(self, block: Vector, room: Room) -> tuple[float, ...]:
        gain = np.float32(10 ** (min(_FLOOR_DB - room.floor_db, _LOUD_DB - self._loud_db, _MOST_DB) / 20))
        if self._rested:
            self._net.restart()
            for earlier, later in zip(self._before, list(self._before)[1:], strict=False):
                self._net.hear(_joined(earlier, later) * gain)
        return tuple(self._net.hear(_joined(self._before[-1], block) * gain).tolist())


class _LowCut:
    """Takes off what lies below voices: 29 dB at 9 Hz, 5 dB at 40 Hz, and within 2 dB from 55 Hz on."""

    def __init__(self) -> None:
        self._last: Vector | None = None

    def cut(self, block: Vector) -> Vector:
        last = np.full(_MEAN, block[0]) if self._last is None else self._last
        sound = np.concatenate((last, block))
        sums = np.cumsum(sound, dtype=np.float64)
        self._last = block[-_MEAN:]
        means = (sums[_MEAN:] - sums[:-_MEAN]) / _MEAN
        return sound[_MEAN // 2 : -_MEAN // 2] - means.astype(np.float32)


def _joined(earlier: Vector, later: Vector) -> Vector:
    return np.concatenate((earlier[-CONTEXT:], later))
