"""One microphone's speech: the audio log in, transcripts and events out, through one session after another.

The transcriber owns what outlives a session: the account of what is settled, and the retry loops. After a short break a
new session begins with what is owed. After a longer one it begins at now, and a second session, with a retry loop of
its own, works off behind it what is *late*; see `backfill`. It begins only once the live one has proved well, or has
lasted (with a muted microphone it has nothing to prove itself by), and while few have begun: together they call the
provider no oftener than one alone would. A session that has to be replaced
because it would expire is no break: the next begins at once.

A session that does not come about is told in a `session_failed` event, once for each reason until one does. While
nobody speaks, or the day's budget is used up, there may be none; see `resting`.

It ends when its log does: the last frames are sent, late ones too, and the sessions' last words are awaited.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from edgetx import clock
from edgetx.audio.format import Gap
from edgetx.audio.log import AudioLog, Reader
from edgetx.errors import Refused, TryAgain
from edgetx.retry import retry
from edgetx.speech.account import Account
from edgetx.speech.backfill import Course, Late, Live, Range, Seam
from edgetx.speech.budget import Budget
from edgetx.speech.conversation import Conversation
from edgetx.speech.events import Verdict
from edgetx.speech.failures import Failures
from edgetx.speech.quota import Quota
from edgetx.speech.resting import LOOK_SECONDS, Rest
from edgetx.speech.sent import Sent
from edgetx.speech.session import Connect, Provider, Wire
from edgetx.speech.silence import CUT_FRAMES, quietest
from edgetx.speech.turns import STARTS, Turns

LASTING_SECONDS = 3.0
"""A provider that lets us in and hangs up has done so by then."""


@dataclass(slots=True)
class Transcriber:
    """Keeps one microphone's log transcribed by one provider, for ever.

    ``report`` takes the provider's state (``connecting``, ``ready``, ``waiting``, ``refused``, ``idle``) and why; it is
    the live session's. ``quota`` is shared by all that use the provider, ``starts`` bounds this microphone's sessions.
    ``reader`` has what ``log`` has, and perhaps more, that is older. ``close_after_seconds``: a session is closed when
    nobody has spoken for so long; None: it is kept. It needs a log that knows what is ``spoken``.
    """

    provider: Provider
    connect: Connect
    log: AudioLog
    account: Account
    catch_up_seconds: float
    report: Callable[[str, str], None]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    quota: Quota | None = None
    reader: Reader | None = None
    close_after_seconds: float | None = None
    budget: Budget = field(default_factory=Budget)
    starts: Quota = field(default_factory=lambda: Quota(STARTS))
    _seam: Seam = field(init=False)
    _rest: Rest = field(init=False)
    _failures: Failures = field(init=False)
    _late_failures: Failures = field(init=False)
    _loops: "tuple[asyncio.Task[None], ...]" = ()
    _backfill: Conversation | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _is_proven: bool = False
    _opened_at: float | None = None
    _is_over: bool = False
    _stopping: bool = False
    _slowly: bool = False

    def __post_init__(self) -> None:
        alone = self.provider.limits.max_sessions == 1
        catch_up_seconds = float("inf") if alone else self.catch_up_seconds
        self._seam = Seam(
            self.account.ledger,
            catch_up_seconds=catch_up_seconds,
            moved=self._changed.set,
            cut=self._quiet_moment,
            settle=self._settle,
        )
        self._rest = Rest(
            log=self.log,
            account=self.account,
            report=self.report,
            now=clock.now,
            sleep=self.sleep,
            owed=self._owed,
            close_after_seconds=self.close_after_seconds,
            budget=self.budget,
            began=self._changed.set,
        )
        self._failures = Failures(self.account, late=False)
        self._late_failures = Failures(self.account, late=True)

    async def run(self) -> None:
        """Transcribe until the log has ended and all of it is settled."""
        loops = asyncio.create_task(self._live(), name="live"), asyncio.create_task(self._late(), name="late")
        self._loops = loops
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_EXCEPTION)
            for loop in loops:
                if loop.done() and not loop.cancelled():
                    loop.result()
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
        self.report("idle", "")

    def stop_late(self) -> None:
        """Send no more of what is late, and hear the last words of what was sent; the rest stays owed."""
        self._stopping = True
        self._rest.stop()
        if self._backfill:
            self._backfill.leave()
        elif self._loops:
            self._loops[1].cancel()

    @property
    def position(self) -> int:
        """The first frame that is to be sent live, and was not; any thread."""
        at, spoken = max(self._seam.live.end, self._seam.at, self.account.ledger.frontier), self.log.spoken
        return at if spoken is None or spoken.speaking or spoken.ended > at else max(at, spoken.decided)

    def owed(self, start: int, end: int) -> list[Range]:
        """Return the ranges within [start, end) that are not settled, now that it is known when nobody spoke."""
        self._settle()
        return self.account.ledger.owed(start, end)

    # --- live

    async def _live(self) -> None:
        await retry(self._live_sessions, lost=self._lost, sleep=self.sleep, random=self.random)
        self._is_over = True
        self._changed.set()

    async def _live_sessions(self, healthy: Callable[[], None]) -> None:
        """Hold one session, and another each time that it has to be replaced."""
        rotated = False
        while not self._is_done():
            if resting := await self._rest.over():
                if self._stopping and resting == "budget":
                    return
                rotated = resting == "silence"
                continue
            if not rotated:
                self.report("connecting", "")
            self._failures.begin()
            # What came while the old session ended was no outage: none of it is late.
            course = Live(self._seam, patient=rotated)
            try:
                rotated = await self._session(course, partial(self._well, healthy))
            finally:
                self._is_proven, self._opened_at = False, None
                self._seam.finish()
            if not rotated:
                return

    def _is_done(self) -> bool:
        return self.log.ended and not self.owed(self._seam.at, self.log.end)

    def _owed(self) -> list[Range]:
        """Return what there is to send live, as far as that is known."""
        end, spoken = self.log.end, self.log.spoken
        return self.owed(self._seam.at, spoken.limit(end) if spoken and not self.log.ended else end)

    def _settle(self) -> None:
        if self.log.spoken is not None:
            self.account.leave_out_silence(self.log.spoken)

    def _ready(self) -> None:
        self._failures.opened()
        self.report("ready", "")
        self._opened_at = self.monotonic()
        self._changed.set()

    def _well(self, healthy: Callable[[], None]) -> None:
        healthy()
        if not self._is_proven:
            self._is_proven = True
            self._changed.set()

    def _lost(self, trouble: TryAgain | Refused, delay_seconds: float) -> None:
        refused = isinstance(trouble, Refused)
        self.report("refused" if refused else "waiting", f"{trouble} The next try is in {delay_seconds:.0f} s.")
        self._failures.lost(trouble, delay_seconds)

    def _quiet_moment(self, end: int) -> int:
        """Return where to cut the sound that ends at ``end``: there, or shortly before."""
        last = self.log.read(end - CUT_FRAMES, CUT_FRAMES)
        return last.start + quietest(last.pcm) if last.end == end else end

    # --- late

    async def _late(self) -> None:
        await retry(self._late_sessions, lost=self._late_failures.lost, sleep=self.sleep, random=self.random)

    async def _late_sessions(self, healthy: Callable[[], None]) -> None:
        """Hold one session after another while something is late, and the provider serves the live one well."""
        while await self._is_due():
            self._late_failures.begin()
            try:
                await self._session(Late(self._seam), healthy)
            finally:
                self._backfill = None

    async def _is_due(self) -> bool:
        """Wait until a late session is to begin; False: none will be."""
        while not self._stopping:
            self._changed.clear()
            wait = 0.0 if self._is_proven or self._is_over or self._rest.is_silent else self._lasting_in()
            if self._rest.is_used_up:
                wait = LOOK_SECONDS
            elif wait <= 0 and self._has_late():
                return True
            if self._is_over:
                return False
            if 0 < wait < float("inf") and self._has_late():
                await self.sleep(wait)
            else:
                await self._changed.wait()
        return False

    def _lasting_in(self) -> float:
        """Return in how many seconds the live session will have lasted; infinite: there is none."""
        return float("inf") if self._opened_at is None else self._opened_at + LASTING_SECONDS - self.monotonic()

    def _has_late(self) -> bool:
        """Whether anything late is still kept; what is too old for that is given up, what is damaged others tell."""
        reader = self.reader or self.log
        position = 0
        while late := self._seam.next_late(position):
            first, last = late
            there = reader.read(first, 1)
            if there.pcm and there.start == first:
                return True
            position = min(there.start, last) if there.start > first else last
            if first < reader.oldest:
                self.account.lose(Gap(first, position - first, "overflow"))
        return False

    # --- both

    async def _session(self, course: Course, healthy: Callable[[], None]) -> bool:
        connected = False
        turns = Turns(self.starts, self.quota, self.budget, self.report, self.monotonic, self.sleep)
        begun = await turns.next(late=course.late)
        try:
            async with self.connect(self.provider.opening()) as wire:
                connected = True
                turns.begun()
                conversation = self._conversation(wire, healthy, course=course)
                if course.late:
                    self._backfill = conversation
                try:
                    return await conversation.run()
                finally:
                    self._slowly = conversation.verdict is Verdict.SLOWER
        finally:
            if connected:
                turns.ended()
            else:
                turns.give_back(begun)

    def _conversation(self, wire: Wire, healthy: Callable[[], None], *, course: Course) -> Conversation:
        limits = self.provider.limits
        return Conversation(
            id=self.account.new_id(),
            session=self.provider.session(),
            wire=wire,
            limits=replace(limits, replay_rate=min(1.0, limits.replay_rate)) if self._slowly else limits,
            log=self.log,
            reader=self.reader or self.log,
            account=self.account,
            sent=Sent() if course.late else self._seam.live,
            course=course,
            ready=self._late_failures.opened if course.late else self._ready,
            healthy=healthy,
            monotonic=self.monotonic,
            sleep=self.sleep,
            close_after_seconds=self.close_after_seconds,
            used_up=self._rest.used_up if self.budget.is_bounded else None,
        )
