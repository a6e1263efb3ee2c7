"""Frames to UTC, by way of the monotonic clock.

Two errors are kept apart. The *sound card's* clock drifts (100 ppm is 8.6 s a day), so frame *n* does not lie exactly
n / 16000 s after the first: its *offset*, monotonic time minus nominal time, wanders slowly. The *wall clock* steps
(a Pi has no RTC; NTP sets it after boot), the monotonic clock never does.

The offset is observed whenever a period has been read. A read can return late but never early, so of the observations
of one window the least offset is the truest, and becomes an anchor when the window is over; offsets between anchors are
interpolated. Until then the newest anchor holds, unless an observation proves it to have been late itself. The
wall clock's distance from the monotonic clock is a single number, always the newest: after a step, what was captured
before it is placed by the corrected clock too.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from edgetx.audio.format import RATE

WINDOW_FRAMES = 10 * RATE
"""Frames that give one anchor: 200 ppm move the offset by 2 ms in it."""
MAX_ANCHORS = 4096
"""Anchors kept (11 hours); older sound is placed by the oldest of them."""


class Timeline:
    """Places one microphone's frames on UTC.

    ``observe`` may be called by the capture thread while another thread asks ``utc``: lists are only appended to
    or replaced whole.
    """

    def __init__(self, *, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._frames: list[float] = []
        self._offsets: list[float] = []
        self._best = (0.0, float("inf"))
        self._window_ends = 0.0
        self._earlier = (float("-inf"), 0.0)

    def remember(self, frame: float, monotonic: float, *, before: float) -> None:
        """Place the frames of an earlier run, all those before the frame ``before``: by where one ``frame`` of it was.

        ``monotonic``: what the monotonic clock would have shown at its capture, had it run; it may be negative.
        """
        self._earlier = (before, monotonic - frame / RATE)

    def observe(self, frame: float, monotonic: float) -> None:
        """Note that all frames before ``frame`` had been read by the monotonic time ``monotonic`` (seconds)."""
        offset = monotonic - frame / RATE
        if frame >= self._window_ends:
            self._close_window()
            self._window_ends = frame + WINDOW_FRAMES
        if offset < self._best[1]:
            self._best = (frame, offset)

    def monotonic(self, frame: float) -> float:
        """Return the monotonic time (seconds) at which frame number ``frame`` was captured."""
        return frame / RATE + self._offset(frame)

    def utc(self, frames: Iterable[float]) -> list[datetime]:
        """Return the UTC times (aware) of several frames, all by one reading of the clocks."""
        ahead = self._wall() - self._monotonic()
        return [datetime.fromtimestamp(self.monotonic(frame) + ahead, UTC) for frame in frames]

    def now(self) -> datetime:
        """Return the present time in UTC, by the same wall clock."""
        return datetime.fromtimestamp(self._wall(), UTC)

    def _offset(self, frame: float) -> float:
        if frame < self._earlier[0]:
            return self._earlier[1]
        frames, offsets = self._frames, self._offsets
        after = bisect_right(frames, frame)
        if after == len(frames):
            newest = min(self._best[1], offsets[-1] if offsets else float("inf"))
            return newest if newest < float("inf") else self._monotonic() - frame / RATE
        if after == 0:
            return offsets[0]
        share = (frame - frames[after - 1]) / (frames[after] - frames[after - 1])
        return offsets[after - 1] + share * (offsets[after] - offsets[after - 1])

    def _close_window(self) -> None:
        frame, offset = self._best
        if offset < float("inf"):
            if len(self._frames) >= MAX_ANCHORS:
                half = MAX_ANCHORS // 2
                self._offsets, self._frames = self._offsets[half:], self._frames[half:]
            self._offsets.append(offset)  # Before its frame: another thread may be looking.
            self._frames.append(frame)
        self._best = (0.0, float("inf"))
