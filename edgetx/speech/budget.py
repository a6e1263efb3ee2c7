"""How long the sessions of one microphone may be open in a day, all together. Pure.

The day is UTC's: that is what every time that is published is in, what providers bill by, and what no change to summer
time makes longer or shorter. Two sessions at once count twice, as they are billed.

A clock that is not synchronised may only go on to a later day: where it goes back, the budget is not had again.

What was used outlives a kill: who keeps it is told when a session begins or ends, and now and then while one is open.
Sessions that were open when it was noted last count until the next run, or until it would have been noted again: a kill
may make them longer than they were, but never shorter. It is counted without a bound, too, for one may come.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf, isfinite

from edgetx.clock import Moment

DAY_SECONDS = 86_400.0
NOTE_SECONDS = 60.0
"""While a session is open `Budget.changed` is called at least so often."""
_NOTED_SECONDS = 2 * NOTE_SECONDS
"""By then it has been noted again, whatever the disk was busy with."""


@dataclass(frozen=True, slots=True)
class Spent:
    """So many ``seconds`` on the ``day`` (ISO, UTC); so many sessions were ``open`` then.

    ``told``: that it is used up.
    """

    day: str
    seconds: float
    open: int = 0
    told: bool = False


class Budget:
    """``seconds``: of a day. ``changed`` is called when it is to be noted what was `spent`."""

    def __init__(self, seconds: float = inf, changed: Callable[[], None] = lambda: None) -> None:
        self.seconds = seconds
        self.changed = changed
        self._day = ""
        self._spent = 0.0
        self._open = 0
        self._at = 0.0
        self._told = ""

    @property
    def is_bounded(self) -> bool:
        """Whether it can be used up."""
        return isfinite(self.seconds)

    def carry_on(self, spent: Spent, *, now: Moment, elapsed_seconds: float) -> None:
        """Go on from what was noted so long ago, perhaps by a run that was killed; to be called before all else."""
        self._day, self._spent, self._open = spent.day, spent.seconds, spent.open
        self._at = now.monotonic - (elapsed_seconds if 0 <= elapsed_seconds < _NOTED_SECONDS else _NOTED_SECONDS)
        self._count(now)
        self._open = 0
        self._told = spent.day if spent.told and self._spent >= self.seconds else ""  # The bound may be another now.

    def begin(self, now: Moment) -> None:
        """Note that a session is open."""
        self._count(now)
        self._open += 1
        self.changed()

    def end(self, now: Moment) -> None:
        """Note that one is not open any more."""
        self._count(now)
        self._open -= 1
        self.changed()

    def spent(self, now: Moment) -> Spent:
        """Return what was used of this day's."""
        self._count(now)
        return Spent(self._day, self._spent, self._open, self._told == self._day)

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
        self.changed()
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
