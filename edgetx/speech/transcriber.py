"""One microphone's speech: the audio log in, transcripts and events out, through one session after another.

The transcriber owns what outlives a session: the account of what is settled, and the retry loops. After a short break a
new session begins with what is owed. After a longer one it begins at now, and a second session, with a retry loop of
its own, works off behind it what is *late*; see `backfill`. It begins only once the live one has proved well, or has
lasted (with a muted microphone it has nothing to prove itself by), and while few have begun: together they call the
provider no oftener than one alone would. A session that has to be replaced
because it would expire is no break: the next begins at once.

A session that does not come about is told in a `session_failed` event, once for each reason until one does: an outage
of a day must not fill the queue to the broker.

It ends when its log does: the last frames are sent, late ones too, and the sessions' last words are awaited.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from edgetx.audio.format import Gap
from edgetx.audio.log import AudioLog, Reader
from edgetx.errors import Refused, TryAgain
from edgetx.retry import retry
from edgetx.speech.account import Account
from edgetx.speech.backfill import Course, Late, Live, Seam
from edgetx.speech.conversation import Conversation
from edgetx.speech.events import Verdict
from edgetx.speech.quota import Quota
from edgetx.speech.sent import Sent
from edgetx.speech.session import Connect, Provider, Wire
from edgetx.speech.silence import CUT_FRAMES, quietest

REASONS_TOLD = 16
"""Some reasons hold a number that is another each time."""
LASTING_SECONDS = 3.0
"""A provider that lets us in and hangs up has done so by then."""
STARTS = 10
"""So many sessions begin in a minute at most, by whatever loop; half of that is left to the live ones."""


@dataclass(slots=True)
class Failures:
    """Tells of sessions that do not come about; of one that did, its own end tells."""

    account: Account
    late: bool
    _opened: bool = False
    _told: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Note that a session is to come about."""
        self._opened = False

    def opened(self) -> None:
        """Note that it did."""
        self._opened = True
        self._told.clear()

    def lost(self, trouble: TryAgain | Refused, _delay_seconds: float) -> None:
        """Tell why it did not, once."""
        reason = str(trouble)
        if self._opened or reason in self._told or len(self._told) >= REASONS_TOLD:
            return
        self._told.add(reason)
        late = {"late": True} if self.late else {}
        told = {"reason": reason, "refused": isinstance(trouble, Refused), "provider": self.account.provider}
        self.account.happened("session_failed", **told, **late)


@dataclass(slots=True)
class Transcriber:
    """Keeps one microphone's log transcribed by one provider, for ever.

    ``report`` takes the provider's state (``connecting``, ``ready``, ``waiting``, ``refused``, ``idle``) and why; it is
    the live session's. ``quota`` is shared by all that use the provider, ``starts`` bounds this microphone's sessions.
    ``reader`` has what ``log`` has, and perhaps more, that is older.
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
    starts: Quota = field(default_factory=lambda: Quota(STARTS))
    _seam: Seam = field(init=False)
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
            self.account.ledger, catch_up_seconds=catch_up_seconds, moved=self._changed.set, cut=self._quiet_moment
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
        if self._backfill:
            self._backfill.leave()
        elif self._loops:
            self._loops[1].cancel()

    @property
    def position(self) -> int:
        """The first frame that has not been sent live."""
        return max(self._seam.live.end, self._seam.at, self.account.ledger.frontier)

    # --- live

    async def _live(self) -> None:
        await retry(self._live_sessions, lost=self._lost, sleep=self.sleep, random=self.random)
        self._is_over = True
        self._changed.set()

    async def _live_sessions(self, healthy: Callable[[], None]) -> None:
        """Hold one session, and another each time that it has to be replaced."""
        rotated = False
        while not self._is_done():
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
        return self.log.ended and not self.account.ledger.owed(self._seam.at, self.log.end)

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
            wait = 0.0 if self._is_proven or self._is_over else self._lasting_in()
            if wait <= 0 and self._has_late():
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
        begun = await self._turn(course)
        try:
            async with self.connect(self.provider.opening()) as wire:
                connected = True
                conversation = self._conversation(wire, healthy, course=course)
                if course.late:
                    self._backfill = conversation
                try:
                    return await conversation.run()
                finally:
                    self._slowly = conversation.verdict is Verdict.SLOWER
        finally:
            for quota in (self.starts, self.quota):
                if quota and not connected:
                    quota.give_back(begun)

    async def _turn(self, course: Course) -> float:
        """Wait until another session may begin; return when that was. A late one leaves some for the live."""
        while delay := self.starts.delay(self.monotonic(), spare=course.late * STARTS // 2):
            await self.sleep(delay)
        while self.quota and (delay := self.quota.delay(self.monotonic(), spare=course.late)):
            often = f"no more than {self.quota.per_minute} new sessions a minute are allowed (sessions_per_minute)"
            if not course.late:
                self.report("waiting", f"Too soon: {often}. The next begins in {delay:.0f} s.")
            await self.sleep(delay)
        now = self.monotonic()
        self.starts.begin(now)
        if self.quota:
            self.quota.begin(now)
        return now

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
        )
