"""When speech begins and ends, of how likely each window of 32 ms holds some. Pure.

Speech begins when a few windows together are likely enough, and louder than the background by what the background
itself varies: voices in another part of a busy room are background. It began where the stir began, less the pre-roll:
a weak first syllable stirs before the network is certain. It goes on while windows are likely, and for the hang-over;
without that certainty, for a while only.

Where sound ends in the midst of it, there is no certainty to be had: one likely window is enough, or of a word that a
hole cuts off after a tenth of a second nobody would hear.
"""

from collections import deque
from typing import NamedTuple

from edgetx.audio.background import Room
from edgetx.audio.format import RATE
from edgetx.audio.listener import Impression
from edgetx.audio.speech_net import BLOCK, WINDOW

PRE_ROLL = int(0.4 * RATE)
HANG_OVER = int(0.7 * RATE)

_LIKELY, _CERTAIN = 0.25, 1.0
_TOGETHER, _AT_LEAST = 5, 3
"""Of so many windows together, those that are likely add up to certainty, and are so many: a slammed door is one."""
_STILL_LIKELY = 0.3
_UNCERTAIN = 2 * RATE
"""For so long speech goes on without certainty."""
_ABOVE_DB, _SPREADS, _FAR_ABOVE_DB = 0.8, 3.5, 7.5
"""Speech is above the floor by so much and so many spreads, but need never be farther above it than the last."""
_LOOK_BACK = 6 * BLOCK
"""So far back lies the stir, at most, that speech begins with."""
LAG = PRE_ROLL + _LOOK_BACK
"""Frames by which `Speaking.decided` lags behind what was heard, at most."""


class Edge(NamedTuple):
    """Speech begins or ends with 16 kHz frame ``frame``; pre-roll and hang-over are in it."""

    frame: int
    speaking: bool


class Speaking:
    """Is fed blocks by `hear`, in order, the first at frame ``start``; `end` closes it."""

    def __init__(self, start: int) -> None:
        self.decided = start
        """Of every frame before it is decided whether it is speech. It never falls."""
        self.speaking = False
        self._evidence: deque[float] = deque(maxlen=_TOGETHER)
        self._stirs_since = start
        self._stirs_until = start
        self._heard = start
        self._above_db = 0.0
        self._certain_until = start
        self._speech_until = start

    def hear(self, start: int, impression: Impression) -> list[Edge]:
        """Take the block at ``start``; return what began or ended."""
        self._note_stir(start, stirs=impression.room.stirs)
        in_front, there = self._in_front(impression.room)
        edges = []
        for frame, likely in enumerate(impression.likely):
            until = start + (frame + 1) * WINDOW
            edges += self._go_on(until, likely, there=there) if self.speaking else []
            edges += self._weigh(until, likely if in_front and likely >= _LIKELY else 0.0)
        self._decide(start)
        self._heard = start + BLOCK
        return edges

    def end(self, frame: int) -> list[Edge]:
        """Sound ends at ``frame``, and speech with it; what was heard beyond, less than a block, was silence."""
        edges = self._begin(self._heard) if any(self._evidence) and not self.speaking else []
        edges += self._stop(min(self._speech_until + HANG_OVER, frame)) if self.speaking else []
        self.decided = frame
        return edges

    def _note_stir(self, start: int, *, stirs: bool) -> None:
        """A block of quiet does not part what stirs before it from what stirs after it."""
        if start - self._stirs_until > BLOCK:
            self._stirs_since = start
        self._stirs_since = max(self._stirs_since, start - _LOOK_BACK)
        if stirs:
            self._stirs_until = start + BLOCK

    def _in_front(self, room: Room) -> tuple[bool, bool]:
        """Tell whether a voice would be in front of the background, and whether it is still there.

        The network is certain a little after a voice was loudest, so the block before counts as well.
        """
        needed_db = min(_ABOVE_DB + _SPREADS * room.spread_db, _FAR_ABOVE_DB) if room.known else 0.0
        above_db, before_db = room.level_db - room.floor_db, self._above_db
        self._above_db = above_db
        return max(above_db, before_db) >= needed_db, above_db >= needed_db / 2

    def _go_on(self, until: int, likely: float, *, there: bool) -> list[Edge]:
        """Take the window of speech that ends with ``until``."""
        if likely >= _STILL_LIKELY and there and until - self._certain_until <= _UNCERTAIN:
            self._speech_until = until
        over = self._speech_until + HANG_OVER
        return self._stop(over) if until >= over else []

    def _weigh(self, until: int, evidence: float) -> list[Edge]:
        """Take what the window that ends with ``until`` says for speech."""
        self._evidence.append(evidence)
        likely = sum(each > 0 for each in self._evidence)
        if likely < _AT_LEAST or sum(self._evidence) < _CERTAIN:
            return []
        self._certain_until = until
        return [] if self.speaking else self._begin(until)

    def _begin(self, until: int) -> list[Edge]:
        """Speech is found in the evidence, whose last window ends with ``until``."""
        first = next(place for place, each in enumerate(self._evidence) if each)
        began = min(self._stirs_since, until - (len(self._evidence) - first) * WINDOW)
        self.speaking, self._speech_until = True, until
        return [Edge(max(self.decided, began - PRE_ROLL), True)]

    def _stop(self, frame: int) -> list[Edge]:
        self.speaking = False
        self.decided = max(self.decided, frame)
        return [Edge(frame, False)]

    def _decide(self, start: int) -> None:
        """What the block at ``start`` and those to come can still make of what was before."""
        if self.speaking:
            self.decided = start + BLOCK
        else:
            began = min(max(self._stirs_since, start + BLOCK - _LOOK_BACK), start)
            self.decided = max(self.decided, began - PRE_ROLL)
