"""When a microphone has no session although nothing is wrong: nobody speaks, or the day's budget is used up.

*Nobody speaks*: where sessions are to be closed then, none begins before there is something to send. The log's own
writer rings when somebody begins to; until then nobody wakes.

*The budget is used up*: what is captured from then on is given up (a gap of cause ``budget``), as it would be with a
mute. Kept for the next day it would use up that day's budget before anybody has spoken. What was captured before, and
is still owed, stays owed, and is sent when there is a budget again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from edgetx.audio.log import AudioLog
from edgetx.clock import Moment
from edgetx.speech.account import Account
from edgetx.speech.backfill import Range
from edgetx.speech.budget import NOTE_SECONDS, Budget, next_day

LOOK_SECONDS = 60.0
"""How often it is looked whether there is a budget again, and sound is given up meanwhile."""
KEPT_SHARE = 0.5
"""Of what memory keeps: it is given up before it would go to disk."""


Reason = Literal["silence", "budget"]


class Doorbell:
    """A `Follower` of a log that is gated: ``ring`` is called, in its writer's thread, when there is cause.

    That is speech behind the frame ``since``. One that goes on is none by itself: a stuck device adds nothing to it.
    """

    def __init__(self, log: AudioLog, ring: Callable[[], object], *, since: int) -> None:
        self._log = log
        self._ring = ring
        self._since = since

    def take(self, _start: int, _pcm: bytes) -> bool:
        """See `Follower`: it takes none."""
        return False

    def look(self) -> None:
        """See `Follower`."""
        spoken = self._log.spoken
        if self._log.ended or spoken is None or (self._log.end if spoken.speaking else spoken.ended) > self._since:
            self._ring()


@dataclass(slots=True)
class Rest:
    """One microphone's. ``owed()``: what there is to send live; ``began`` is called when it is silent."""

    log: AudioLog
    account: Account
    report: Callable[[str, str], None]
    now: Callable[[], Moment]
    sleep: Callable[[float], Awaitable[None]]
    owed: Callable[[], list[Range]]
    began: Callable[[], None]
    budget: Budget
    close_after_seconds: float | None = None
    is_silent: bool = False
    """There is no session because nobody speaks."""
    _stopping: bool = False
    _given_up_from: int | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Wait for nothing any more."""
        self._stopping = True
        self._woken.set()

    @property
    def is_used_up(self) -> bool:
        """There is no budget left."""
        return not self.budget.left(self.now())

    async def over(self) -> Reason | None:
        """If there is to be no session now, wait until that may be over, and return why."""
        if self.is_used_up:
            await self._without_budget()
            return "budget"
        self._given_up_from = None
        end, spoken = self.log.end, self.log.spoken
        known = spoken.limit(end) if spoken else end  # Asked before `owed`: what comes in between is to ring.
        if self.close_after_seconds is None or self.log.ended or self.owed():
            return None
        await self._while_nobody_speaks(known)
        return "silence"

    async def used_up(self) -> None:
        """Wait, with a session open, until the budget is used up."""
        while seconds := self.budget.lasts(self.now()):
            self.budget.changed()
            await self.sleep(min(seconds, NOTE_SECONDS))
        self._give_up()

    async def _while_nobody_speaks(self, since: int) -> None:
        self.report("idle", "Nobody speaks.")
        self._forget_rings()
        ring = partial(asyncio.get_running_loop().call_soon_threadsafe, self._woken.set)
        bell = Doorbell(self.log, ring, since=since)
        self.is_silent = True
        self.began()
        self.log.follow(bell)
        try:
            bell.look()  # What came before it followed rang for nobody.
            await self._woken.wait()
        finally:
            self.log.follow(None)
            self.is_silent = False
        if not self.log.ended:
            self.report("idle", "Somebody speaks: a session begins.")

    async def _without_budget(self) -> None:
        now, budget = self.now(), self.budget
        until = next_day(now)
        used_up = f"The {budget.seconds / 60:g} minutes of sessions a day (max_session_minutes_per_day) are used up"
        self.report("waiting", f"{used_up}: what is said is not transcribed before {until:%Y-%m-%d %H:%M} UTC.")
        if budget.is_news(now):
            self.account.happened("budget_used_up", minutes=budget.seconds / 60, until=until)
        self._give_up()
        await self._wait(min(until.timestamp() - now.wall, LOOK_SECONDS, KEPT_SHARE * self.log.keep_seconds))
        self._give_up()

    def _give_up(self) -> None:
        """Give up what was captured since this was called first, in this spell."""
        owed = self.owed()
        if self._given_up_from is None:
            self._given_up_from = owed[-1][1] if owed else self.log.end
        for start, end in owed:
            self.account.lose_owed(max(start, self._given_up_from), end, cause="budget")

    async def _wait(self, seconds: float) -> None:
        """Wait so long, or until `stop`."""
        self._forget_rings()
        waits = [asyncio.ensure_future(self.sleep(seconds)), asyncio.ensure_future(self._woken.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _forget_rings(self) -> None:
        """Wait for the next one; but `stop` is for good."""
        if not self._stopping:
            self._woken.clear()
