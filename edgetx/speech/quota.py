"""How many new sessions a provider's account allows in a minute: a window that slides over the last 60 s. Pure.

All microphones of a provider share one. A session that did not come about is given back: an outage must not use up
what is needed at its end.
"""

from collections import deque

WINDOW_SECONDS = 60.0


class Quota:
    """``per_minute``: how many, at least 1. Times are monotonic seconds."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._begun: deque[float] = deque(maxlen=per_minute)

    def delay(self, now: float) -> float:
        """Return how long to wait before a session may begin; 0: none."""
        full = len(self._begun) == self.per_minute
        return max(0.0, self._begun[0] + WINDOW_SECONDS - now) if full else 0.0

    def begin(self, now: float) -> None:
        """Count a session that begins, when `delay` is 0."""
        self._begun.append(now)

    def give_back(self, begun: float) -> None:
        """Count the session of that time no longer: it did not come about."""
        if begun in self._begun:
            self._begun.remove(begun)
