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

    def delay(self, now: float, *, spare: int = 0) -> float:
        """Return how long to wait before a session may begin, and ``spare`` more if so many are allowed; 0: none."""
        allowed = max(1, self.per_minute - spare)
        over = len(self._begun) - allowed
        return max(0.0, self._begun[over] + WINDOW_SECONDS - now) if over >= 0 else 0.0

    def begin(self, now: float) -> None:
        """Count a session that begins, when `delay` is 0."""
        self._begun.append(now)

    def give_back(self, begun: float) -> None:
        """Count the session of that time no longer: it did not come about."""
        if begun in self._begun:
            self._begun.remove(begun)
