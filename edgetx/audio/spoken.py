"""Which of a microphone's sound is speech: what its detector has decided, for the threads that send and settle it.

The capture thread hears each piece of sound before it goes into the log, so whoever looks into the log finds what is
known of it here. All other methods and fields are for any thread: each field is assigned at once, and in an order in
which no reader takes speech for silence.

What is decided not to be speech is handed out once, by `silent`, and forgotten here. Of sound that was not heard here
(an earlier run's), and of holes, nothing is said.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from edgetx.audio.format import FRAME_BYTES, RATE

HANG_OVER_FRAMES = RATE * 7 // 10
"""Behind the last sound of speech the detector lets so much pass before it says that the speech has ended."""
RANGES = 4096
"""Silences that may wait to be handed out: what is dropped beyond counts as sound of which nothing is known."""

Range = tuple[int, int]


class Detector(Protocol):
    """Tells speech from other sound: 16 kHz, mono, int16, pieces of any length; ``start`` jumps over holes.

    Every frame before ``decided`` is decided. An edge is never before what had been decided already.
    """

    @property
    def decided(self) -> int:
        """The first frame that is not decided yet."""

    def hear(self, start: int, pcm: bytes) -> Sequence[tuple[int, bool]]:
        """Take what comes next; return where speech began (True; pre-roll taken off) or ended, oldest first."""

    def end(self) -> Sequence[tuple[int, bool]]:
        """Come to the end of what was heard, a hole perhaps; return what began or ended before it."""


class Spoken:
    """One microphone's. ``tell(start, end)``: speech began at a frame (``end`` is None), or was [start, end)."""

    def __init__(self, detector: Detector, tell: Callable[[int, int | None], None] = lambda _start, _end: None) -> None:
        self._detector = detector
        self._tell = tell
        self.speaking = False
        """Somebody speaks."""
        self.began = 0
        """Where the newest speech began."""
        self.ended = 0
        """Where the newest speech that has ended did."""
        self.tail = 0
        """How many of its last frames are no speech: the hang-over, if it was not cut short."""
        self.decided = 0
        """All that was heard before this frame is decided."""
        self._end: int | None = None
        self._quiet_from = 0
        self._quiet: Range = (0, 0)
        self._holes: list[Range] = []
        self._silent: deque[Range] = deque(maxlen=RANGES)

    # --- the capture thread ----------------------------------------------------------------------------------------

    def hear(self, start: int, pcm: bytes) -> None:
        """Take the sound whose first frame is number ``start``, before anybody can find it in the log."""
        if start != self._end:
            self._jump(start)
        self._end = start + len(pcm) // FRAME_BYTES
        for frame, speaking in self._detector.hear(start, pcm):
            if speaking:
                self._begin(frame)
            else:
                self._stop(frame, tail=HANG_OVER_FRAMES)
        self._decide(self._detector.decided)

    def rest(self) -> None:
        """Note that no sound will come for a while, or ever. Where no speech was found until here, there is none."""
        if self._end is not None:
            self._cut_short(self._end)
            self._decide(self._end)

    def _jump(self, start: int) -> None:
        if self._end is None:
            self._quiet_from = self.ended = self.decided = start
            self._quiet = (start, start)
        else:
            self._cut_short(self._end)  # What is said behind the hole is told from what was said before.
            self._holes.append((self._end, start))

    def _cut_short(self, end: int) -> None:
        for frame, speaking in self._detector.end():
            if speaking:
                self._begin(frame)
        self._stop(end, tail=0)

    def _begin(self, frame: int) -> None:
        if self.speaking:
            return
        began = max(frame, self.decided)
        self._pass_holes(began)
        self._hand_out(began)
        self.began = began
        self.speaking = True
        self._tell(began, None)

    def _stop(self, frame: int, *, tail: int) -> None:
        if not self.speaking:
            return
        end = max(frame, self.began)
        self.ended, self.tail = end, min(tail, end - self.began)
        self._quiet_from, self._quiet = end, (end, end)
        self.decided = max(self.decided, end)
        self.speaking = False
        self._tell(self.began, end)

    def _decide(self, frame: int) -> None:
        """Note that all is decided before ``frame``."""
        if not self.speaking and frame > self.decided:
            self._pass_holes(frame)
            if frame > self._quiet_from:
                self._quiet = (self._quiet_from, frame)
        self.decided = max(self.decided, frame)

    def _pass_holes(self, frame: int) -> None:
        while self._holes and self._holes[0][0] <= frame:
            first, last = self._holes.pop(0)
            self._hand_out(first)
            self._quiet_from = max(self._quiet_from, last)

    def _hand_out(self, end: int) -> None:
        if end > self._quiet_from:
            self._silent.append((self._quiet_from, end))
            self._quiet_from = end
            self._quiet = (end, end)

    # --- any thread ------------------------------------------------------------------------------------------------

    def silent(self) -> list[Range]:
        """Return which frames are known to be no speech, those that were returned before as far as they adjoin."""
        found = [self._silent.popleft() for _ in range(len(self._silent))]
        start, end = self._quiet
        return [*found, (start, end)] if end > start else found

    def limit(self, end: int) -> int:
        """Return up to which frame of a log that ends at ``end`` it is known whether there is something to send."""
        return end if self.speaking else min(end, self.decided)
