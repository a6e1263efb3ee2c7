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
from typing import NamedTuple

from edgetx.audio.format import RATE

WINDOW_FRAMES = 10 * RATE
"""Frames that give one anchor: 200 ppm move the offset by 2 ms in it."""
MAX_ANCHORS = 4096
"""Anchors kept. When there are more (after 11 hours) every second of the older half goes: the oldest are far apart."""
RATE_SECONDS = 600.0
"""Two anchors so far apart tell the sound card's rate: what is wrong with one of them hardly counts."""


class _Earlier(NamedTuple):
    """All frames before number ``before`` are an earlier run's, of which ``frame`` was captured at ``seconds``."""

    before: float = float("-inf")
    frame: float = 0.0
    seconds: float = 0.0
    rate: float = RATE
    by_wall: bool = False


class Timeline:
    """Places one microphone's frames on UTC.

    ``observe`` may be called by the capture thread while another thread asks ``utc``: the list of anchors is only
    appended to or replaced whole.
    """

    def __init__(self, *, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._anchors: list[tuple[float, float]] = []
        self._best = (0.0, float("inf"))
        self._window_ends = 0.0
        self._earlier = _Earlier()

    def remember(
        self, frame: float, seconds: float, *, before: float, rate: float = RATE, by_wall: bool = False
    ) -> None:
        """Place the frames of an earlier run, all those before the frame ``before``: by when one of it was captured.

        ``seconds``: by the monotonic clock, what it would have shown, had it run; it may be negative. ``by_wall``: by
        the wall clock, which was right then: when it is set now, that moves nothing. ``rate``: the sound card's, in Hz.
        """
        self._earlier = _Earlier(before, frame, seconds, rate, by_wall)

    @property
    def rate(self) -> float:
        """Frames that the sound card delivers in a second, as measured; what it is to deliver until that is known."""
        anchors = self._anchors
        if not anchors or (anchors[-1][0] - anchors[0][0]) / RATE < RATE_SECONDS:
            return self._earlier.rate
        (first, early), (last, late) = anchors[0], anchors[-1]
        return (last - first) / ((last - first) / RATE + late - early)

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
        return self._placed(frame, self._wall() - self._monotonic())

    def utc(self, frames: Iterable[float]) -> list[datetime]:
        """Return the UTC times (aware) of several frames, all by one reading of the clocks."""
        ahead = self._wall() - self._monotonic()
        return [datetime.fromtimestamp(self._placed(frame, ahead) + ahead, UTC) for frame in frames]

    def now(self) -> datetime:
        """Return the present time in UTC, by the same wall clock."""
        return datetime.fromtimestamp(self._wall(), UTC)

    def _placed(self, frame: float, ahead: float) -> float:
        """Return the monotonic time of a frame; the wall clock is ``ahead`` of it."""
        earlier = self._earlier
        if frame < earlier.before:
            seconds = earlier.seconds + (frame - earlier.frame) / earlier.rate
            return seconds - ahead if earlier.by_wall else seconds
        return frame / RATE + self._offset(frame)

    def _offset(self, frame: float) -> float:
        anchors = self._anchors
        after = bisect_right(anchors, (frame, float("inf")))
        if after == len(anchors):
            newest = min(self._best[1], anchors[-1][1] if anchors else float("inf"))
            return newest if newest < float("inf") else self._monotonic() - frame / RATE
        if after == 0:
            return anchors[0][1]
        (first, early), (last, late) = anchors[after - 1], anchors[after]
        return early + (frame - first) / (last - first) * (late - early)

    def _close_window(self) -> None:
        frame, offset = self._best
        if offset < float("inf"):
            if len(self._anchors) >= MAX_ANCHORS:
                half = MAX_ANCHORS // 2
                self._anchors = self._anchors[:half:2] + self._anchors[half:]
            self._anchors.append((frame, offset))
        self._best = (0.0, float("inf"))
