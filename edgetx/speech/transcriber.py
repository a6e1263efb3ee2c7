"""One microphone's speech: the audio log in, transcripts and events out, through one session after another.

The transcriber owns what outlives a session: the account of what is settled, and the retry loop. After a break a new
session begins with what is owed. A session that has to be replaced because it would expire is no break: the next begins
at once.

A session that does not come about is told in a `session_failed` event, once for each reason until one does: an outage
of a day must not fill the queue to the broker.

It ends when its log does: the last frames are sent, the session is finished and its last words are awaited.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from edgetx.audio.log import AudioLog
from edgetx.errors import Refused, TryAgain
from edgetx.retry import retry
from edgetx.speech.account import Account
from edgetx.speech.conversation import Conversation
from edgetx.speech.events import Verdict
from edgetx.speech.quota import Quota
from edgetx.speech.sent import Sent
from edgetx.speech.session import Connect, Provider, Wire

REASONS_TOLD = 16
"""Some reasons hold a number that is another each time."""


@dataclass(slots=True)
class Transcriber:
    """Keeps one microphone's log transcribed by one provider, for ever.

    ``report`` takes the provider's state (``connecting``, ``ready``, ``waiting``, ``refused``, ``idle``) and why.
    ``quota`` is shared by all that use the provider.
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
    _sent: Sent = field(default_factory=Sent)
    _opened: bool = False
    _slowly: bool = False
    _failures: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Transcribe until the log has ended and all of it is settled."""
        await retry(self._sessions, lost=self._lost, sleep=self.sleep, random=self.random)
        self.report("idle", "")

    @property
    def position(self) -> int:
        """The first frame that has not been sent."""
        return max(self._sent.end, self.account.ledger.frontier)

    async def _sessions(self, healthy: Callable[[], None]) -> None:
        """Hold one session, and another each time that it has to be replaced."""
        rotated = False
        while not self._is_done():
            if not rotated:
                self.report("connecting", "")
            # What came while the old session ended was no outage: none of it is given up.
            catch_up_seconds = float("inf") if rotated else self.catch_up_seconds
            rotated = await self._session(healthy, catch_up_seconds)
            if not rotated:
                return

    async def _session(self, healthy: Callable[[], None], catch_up_seconds: float) -> bool:
        self._opened = connected = False
        begun = await self._turn()
        self._sent = Sent()
        try:
            async with self.connect(self.provider.opening()) as wire:
                connected = True
                conversation = self._conversation(wire, healthy, catch_up_seconds=catch_up_seconds)
                try:
                    return await conversation.run()
                finally:
                    self._slowly = conversation.verdict is Verdict.SLOWER
        finally:
            if self.quota and not connected:
                self.quota.give_back(begun)

    async def _turn(self) -> float:
        """Wait until the account allows another session; return when that was."""
        while self.quota and (delay := self.quota.delay(self.monotonic())):
            often = f"no more than {self.quota.per_minute} new sessions a minute are allowed (sessions_per_minute)"
            self.report("waiting", f"Too soon: {often}. The next begins in {delay:.0f} s.")
            await self.sleep(delay)
        now = self.monotonic()
        if self.quota:
            self.quota.begin(now)
        return now

    def _conversation(self, wire: Wire, healthy: Callable[[], None], *, catch_up_seconds: float) -> Conversation:
        limits = self.provider.limits
        return Conversation(
            id=self.account.new_id(),
            session=self.provider.session(),
            wire=wire,
            limits=replace(limits, replay_rate=min(1.0, limits.replay_rate)) if self._slowly else limits,
            log=self.log,
            account=self.account,
            sent=self._sent,
            catch_up_seconds=catch_up_seconds,
            ready=self._ready,
            healthy=healthy,
            monotonic=self.monotonic,
            sleep=self.sleep,
        )

    def _is_done(self) -> bool:
        return self.log.ended and not self.account.ledger.owed(0, self.log.end)

    def _ready(self) -> None:
        self._opened = True
        self._failures.clear()
        self.report("ready", "")

    def _lost(self, trouble: TryAgain | Refused, delay_seconds: float) -> None:
        refused = isinstance(trouble, Refused)
        self.report("refused" if refused else "waiting", f"{trouble} The next try is in {delay_seconds:.0f} s.")
        if self._opened or str(trouble) in self._failures or len(self._failures) >= REASONS_TOLD:
            return
        self._failures.add(str(trouble))
        provider = self.account.provider
        self.account.happened("session_failed", reason=str(trouble), refused=refused, provider=provider)
