"""What a session was sent: which frame of the microphone stands at which millisecond of the session's audio clock.

The session's clock runs on without a break while the microphone's frames may jump (a hole, skipped silence), so the map
is a list of straight pieces. An instant at a seam belongs to two frames: as a start it is the first frame behind the
jump, as an end the last one before it.
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

    def add(self, start: int, count: int) -> None:
        """Note that ``count`` frames from number ``start`` were sent next."""
        if not self._starts:
            self.first = start
        if not self._starts or start != self.end:
            self._sent.append(self.frames)
            self._starts.append(start)
        self.frames += count
        self.end = start + count

    def start_frame(self, ms: float) -> int:
        """Return the microphone's frame at which something begins that the session says begins at ``ms``."""
        return self._frame(ms, bisect_right(self._sent, ms * RATE / 1000))

    def end_frame(self, ms: float) -> int:
        """Return the number of the frame after the last of something that the session says ends at ``ms``."""
        return self._frame(ms, bisect_left(self._sent, ms * RATE / 1000))

    def frames_before(self, frame: int) -> int:
        """Return how much of what was sent stands before the microphone's frame number ``frame``."""
        after = bisect_right(self._starts, frame)
        if not after:
            return 0
        sent_next = self._sent[after] if after < len(self._sent) else self.frames
        return min(self._sent[after - 1] + frame - self._starts[after - 1], sent_next)

    def _frame(self, ms: float, after: int) -> int:
        if not self._starts:
            return self.end
        piece = max(0, after - 1)
        frame = self._starts[piece] + round(ms * RATE / 1000) - self._sent[piece]
        return min(max(frame, self.first), self.end)
