"""When frames were captured, by the monotonic clock: good enough to measure a hole, not to stamp a word.

A frame is read at its capture time plus a delay that is never negative and now and then next to nothing. So the
smallest `read time - frame / rate` seen is when frame 0 was captured. A sound card that runs slow moves that moment
forward; the smallest value is therefore allowed to rise by `LEAK` a second, ten times what a crystal is off.
"""

LEAK = 1e-3


class Anchor:
    """Follows one stream of frames at ``rate`` Hz."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._zero_seconds: float | None = None
        self._seen_seconds = 0.0

    def observe(self, end: int, now_seconds: float) -> None:
        """All frames before ``end`` had been read at ``now_seconds``."""
        zero = now_seconds - end / self._rate
        if self._zero_seconds is not None:
            zero = min(zero, self._zero_seconds + LEAK * (now_seconds - self._seen_seconds))
        self._zero_seconds, self._seen_seconds = zero, now_seconds

    def missed(self, end: int, now_seconds: float) -> int:
        """Return how many frames beyond ``end`` went by until ``now_seconds``; 0 before the first `observe`."""
        if self._zero_seconds is None:
            return 0
        return max(0, round((now_seconds - self._zero_seconds) * self._rate) - end)
