"""What a session was sent: which frame of the microphone stands at which millisecond of the session's audio clock.

The session's clock runs on without a break while the microphone's frames may jump (a hole, skipped silence), so the map
is a list of straight pieces. An instant at a seam belongs to two frames: as a start it is the first frame behind the
jump, as an end the last one before it. So does every instant of a pause that was sent in a jump's place.
"""

from bisect import bisect_left, bisect_right

from edgetx.audio.format import RATE


class Sent:
    """Audio sent to one session, in order. ``frames`` counts it; ``first`` and ``end`` bound it on the microphone."""

    def __init__(self) -> None:
        self.frames = 0
        self.first = 0
        self.end = 0
        self._sent: list[int] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        """Of all pieces but the last, which ends at `end`."""
        self.paused = 0
        """So many frames of silence were sent since, that are none of the microphone's."""

    def add(self, start: int, count: int) -> None:
        """Note that ``count`` frames from number ``start`` were sent next."""
        if not self._starts:
            self.first = start
        if not self._starts or start != self.end or self.paused:
            if self._starts:
                self._ends.append(self.end)
            self._sent.append(self.frames)
            self._starts.append(start)
            self.paused = 0
        self.frames += count
        self.end = start + count

    def pause(self, count: int) -> None:
        """Note that ``count`` frames of silence were sent that are none of the microphone's."""
        self.frames += count
        self.paused += count

    def ranges(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return which of the microphone's frames [start, end) were sent, in order."""
        pieces = zip(self._starts, [*self._ends, self.end], strict=False)
        return [(max(a, start), min(b, end)) for a, b in pieces if max(a, start) < min(b, end)]

    def start_frame(self, ms: float) -> int:
        """Return the microphone's frame at which something begins that the session says begins at ``ms``."""
        after = bisect_right(self._sent, ms * RATE / 1000)
        frame = self._frame(ms, after)
        return self._starts[after] if 0 < after < len(self._starts) and frame == self._ends[after - 1] else frame

    def end_frame(self, ms: float) -> int:
        """Return the number of the frame after the last of something that the session says ends at ``ms``."""
        return self._frame(ms, bisect_left(self._sent, ms * RATE / 1000))

    def frames_before(self, frame: int) -> int:
        """Return how much of what was sent stands before the microphone's frame number ``frame``."""
        after = bisect_right(self._starts, frame)
        return self._sent[after - 1] + min(frame, self._end(after - 1)) - self._starts[after - 1] if after else 0

    def _frame(self, ms: float, after: int) -> int:
        if not self._starts:
            return self.end
        piece = max(0, after - 1)
        frame = self._starts[piece] + round(ms * RATE / 1000) - self._sent[piece]
        return min(max(frame, self.first), self._end(piece))

    def _end(self, piece: int) -> int:
        return self._ends[piece] if piece < len(self._ends) else self.end
