"""The audio log: numbered frames, one writer, many readers that each hold a frame number. It is a log, not a queue.

A ring of bytes whose index is the frame number modulo its size. The writer never waits and takes no lock: it copies
first and moves `end` afterwards (one assignment, atomic under the GIL). A reader copies first and looks at `oldest`
afterwards: what was overwritten meanwhile is thrown away. The ring is one second longer than what it promises to
keep, so a reader at `oldest` has that second to make its copy.

Holes are skipped: `read` goes on behind them, and the number it returns tells. A reader that has to wait leaves an
alarm: a frame's number, and what to call when that frame is there. It is called once, by the writer's thread.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from edgetx.audio.format import FRAME_BYTES, RATE


class Stretch(NamedTuple):
    """Consecutive frames out of the log, int16 little-endian; ``start`` numbers the first."""

    start: int
    pcm: bytes

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.pcm) // FRAME_BYTES

    @property
    def end(self) -> int:
        """The number of the frame after the last."""
        return self.start + self.frames


class Alarm(NamedTuple):
    """``ring`` is called when ``frame`` is in the log, or the log has ended."""

    frame: int
    ring: Callable[[], None]


class AudioLog:
    """Memory tier of a microphone's sound: 16 kHz, mono, int16."""

    def __init__(self, *, keep_seconds: float) -> None:
        self.keep_seconds = keep_seconds
        self._keep = round(keep_seconds * RATE)
        self._size = self._keep + RATE
        self._ring = bytearray(self._size * FRAME_BYTES)
        self._holes: tuple[tuple[int, int], ...] = ()
        self._alarms: dict[int, Alarm] = {}  # Each operation on it is atomic, so no lock is needed.
        self.end = 0
        """The number of the frame that comes next."""
        self.ended = False
        """Nothing more will come."""

    @property
    def oldest(self) -> int:
        """The oldest frame that a reader may still ask for."""
        return max(0, self.end - self._keep)

    def append(self, start: int, pcm: bytes) -> None:
        """Write ``pcm`` whose first frame is number ``start``, at or behind `end`; what lies between is a hole."""
        if start < self.end:
            raise ValueError(f"Frame {start} was already written: the log ends at {self.end}.")
        if start > self.end:
            oldest = self.oldest
            self._holes = (*(hole for hole in self._holes if hole[1] > oldest), (self.end, start))
        end = start + len(pcm) // FRAME_BYTES
        self._write(end, pcm)
        self.end = end
        if self._alarms:
            self._ring_alarms()

    def finish(self) -> None:
        """Say that nothing more will come (a recording has an end) and wake every reader."""
        self.ended = True
        self._ring_alarms()

    def read(self, start: int, count: int) -> Stretch:
        """Return up to ``count`` consecutive frames from ``start``.

        From where sound goes on, if ``start`` is in a hole or no longer kept. Empty, with the number from which to
        wait, when nothing is there yet.
        """
        start = max(start, self.oldest)
        stop = min(start + count, self.end)
        if self._holes:
            start = self._behind_holes(start)
            stop = min(start + count, self.end, *(hole[0] for hole in self._holes if hole[0] >= start))
        if stop <= start:
            return Stretch(start, b"")
        first, last = start % self._size * FRAME_BYTES, stop % self._size * FRAME_BYTES
        pcm = bytes(self._ring[first:last] if first < last else self._ring[first:] + self._ring[:last])
        lost = self.oldest - start
        return Stretch(start, pcm) if lost <= 0 else self.read(start + lost, count)

    def set_alarm(self, alarm: Alarm) -> None:
        """Have ``alarm`` ring once, at once if its frame is there already; a reader's own thread may set it."""
        self._alarms[id(alarm)] = alarm
        if self.end > alarm.frame or self.ended:  # The writer may have passed before it could see the alarm.
            self._ring_alarms()

    def _write(self, end: int, pcm: bytes) -> None:
        size = self._size * FRAME_BYTES
        pcm = pcm[-size:]
        at = (end * FRAME_BYTES - len(pcm)) % size
        head = pcm[: size - at] if at + len(pcm) > size else pcm
        self._ring[at : at + len(head)] = head
        if len(head) < len(pcm):
            self._ring[: len(pcm) - len(head)] = pcm[len(head) :]

    def _behind_holes(self, frame: int) -> int:
        holes = self._holes
        index = bisect_right(holes, (frame, self.end)) - 1
        return max(frame, holes[index][1]) if index >= 0 else frame

    def _ring_alarms(self) -> None:
        for key, alarm in list(self._alarms.items()):
            if alarm.frame < self.end or self.ended:
                due = self._alarms.pop(key, None)
                if due:  # Else the other thread was first.
                    due.ring()
