"""When what a session was sent had left. Pure: it is told."""

from collections import deque

TIMES = 400
"""What is remembered: more than lie between two answered pings."""


class Departures:
    """Of one session; times are of one monotonic clock."""

    def __init__(self) -> None:
        self._known: deque[tuple[float, int]] = deque(maxlen=TIMES)

    def note(self, monotonic: float, end: int) -> None:
        """Note that by now all has left before the frame number ``end``."""
        self._known.append((monotonic, end))

    def before(self, monotonic: float) -> int | None:
        """Return the number of the frame after the last that had left by then; None: nothing is known."""
        return next((end for at, end in reversed(self._known) if at <= monotonic), None)

    @property
    def last_at(self) -> float:
        """When something left last."""
        return self._known[-1][0] if self._known else float("-inf")
