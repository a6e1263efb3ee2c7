"""When the next session of a microphone may begin, and what those that did begin use up."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from edgetx import clock
from edgetx.speech.budget import Budget
from edgetx.speech.quota import Quota

STARTS = 10
"""So many sessions begin in a minute at most, by whatever loop; half of that is left to the live ones."""


@dataclass(frozen=True, slots=True)
class Turns:
    """``starts`` is the microphone's, ``quota`` is shared by all that use the provider."""

    starts: Quota
    quota: Quota | None
    budget: Budget
    report: Callable[[str, str], None]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]

    async def next(self, *, late: bool) -> float:
        """Wait until another session may begin; return when that was. A late one leaves some for the live."""
        while delay := self.starts.delay(self.monotonic(), spare=late * STARTS // 2):
            await self.sleep(delay)
        while self.quota and (delay := self.quota.delay(self.monotonic(), spare=late)):
            often = f"no more than {self.quota.per_minute} new sessions a minute are allowed (sessions_per_minute)"
            if not late:
                self.report("waiting", f"Too soon: {often}. The next begins in {delay:.0f} s.")
            await self.sleep(delay)
        now = self.monotonic()
        self.starts.begin(now)
        if self.quota:
            self.quota.begin(now)
        return now

    def give_back(self, begun: float) -> None:
        """Note that the session of that time did not come about."""
        self.starts.give_back(begun)
        if self.quota:
            self.quota.give_back(begun)

    def begun(self) -> None:
        """Note that a session is open."""
        self.budget.begin(clock.now())

    def ended(self) -> None:
        """Note that it is not any more."""
        self.budget.end(clock.now())
