"""One microphone's speech: the audio log in, transcripts and events out, through one session after another.

The transcriber owns what outlives a session: the account of what is settled, and the retry loop. After a break a new
session begins with what is owed.

It ends when its log does: the last frames are sent, the session is finished and its last words are awaited.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from edgetx.audio.log import AudioLog
from edgetx.errors import Refused, TryAgain
from edgetx.retry import retry
from edgetx.speech.account import Account
from edgetx.speech.conversation import Conversation
from edgetx.speech.sent import Sent
from edgetx.speech.session import Connect, Provider


@dataclass(slots=True)
class Transcriber:
    """Keeps one microphone's log transcribed by one provider, for ever.

    ``report`` takes the provider's state (``connecting``, ``ready``, ``waiting``, ``refused``, ``idle``) and why.
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
    _sent: Sent = field(default_factory=Sent)

    async def run(self) -> None:
        """Transcribe until the log has ended and all of it is settled."""
        await retry(self._session, lost=self._lost, sleep=self.sleep, random=self.random)
        self.report("idle", "")

    @property
    def position(self) -> int:
        """The first frame that has not been sent."""
        return max(self._sent.end, self.account.ledger.frontier)

    async def _session(self, healthy: Callable[[], None]) -> None:
        if self._is_done():
            return
        self.report("connecting", "")
        self._sent = Sent()
        async with self.connect(self.provider.opening()) as wire:
            await Conversation(
                id=self.account.new_id(),
                session=self.provider.session(),
                wire=wire,
                limits=self.provider.limits,
                log=self.log,
                account=self.account,
                sent=self._sent,
                catch_up_seconds=self.catch_up_seconds,
                ready=self._ready,
                healthy=healthy,
                monotonic=self.monotonic,
                sleep=self.sleep,
            ).run()

    def _is_done(self) -> bool:
        return self.log.ended and not self.account.ledger.owed(0, self.log.end)

    def _ready(self) -> None:
        self.report("ready", "")

    def _lost(self, trouble: TryAgain | Refused, delay_seconds: float) -> None:
        state = "refused" if isinstance(trouble, Refused) else "waiting"
        self.report(state, f"{trouble} The next try is in {delay_seconds:.0f} s.")
