"""How long the sessions of one microphone may be open in a day, all together. Pure.

The day is UTC's: that is what every time that is published is in, what providers bill by, and what no change to summer
time makes longer or shorter. Two sessions at once count twice, as they are billed.

A clock that is not synchronised may only go on to a later day: where it goes back, the budget is not had again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edgetx.clock import Moment

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Spent:
    """So many ``seconds`` on the ``day`` (ISO, UTC)."""

    day: str
    seconds: float


class Budget:
    """``seconds``: of a day. ``spent``: what an earlier run had."""

    def __init__(self, seconds: float, spent: Spent | None = None) -> None:
        self.seconds = seconds
        self._day = spent.day if spent else ""
        self._spent = spent.seconds if spent else 0.0
        self._open = 0
        self._at = 0.0
        self._told = self._day if self._spent >= seconds else ""

    def begin(self, now: Moment) -> None:
        """Note that a session is open."""
        self._count(now)
        self._open += 1

    def end(self, now: Moment) -> None:
        """Note that one is not open any more."""
        self._count(now)
        self._open -= 1

    def spent(self, now: Moment) -> Spent:
        """Return what was used of this day's."""
        self._count(now)
        return Spent(self._day, self._spent)

    def left(self, now: Moment) -> float:
        """Return how many seconds are left."""
        self._count(now)
        return max(0.0, self.seconds - self._spent)

    def lasts(self, now: Moment) -> float:
        """Return in how many seconds it will be used up if nothing changes."""
        return self.left(now) / max(1, self._open)

    def is_news(self, now: Moment) -> bool:
        """Return whether it is used up, once a day."""
        if self.left(now) or self._told == self._day:
            return False
        self._told = self._day
        return True

    def _count(self, now: Moment) -> None:
        gone_by, self._at = now.monotonic - self._at, now.monotonic
        self._spent += self._open * gone_by
        day = datetime.fromtimestamp(now.wall, UTC).date().isoformat()
        if day > self._day or (now.synced and day != self._day):
            self._day, self._spent = day, self._open * min(gone_by, now.wall % DAY_SECONDS)


def next_day(now: Moment) -> datetime:
    """Return when the next day begins, if the clock is right."""
    today = datetime.fromtimestamp(now.wall, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)
