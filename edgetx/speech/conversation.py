"""One session from its connection to its end: a sender and a receiver over one wire, and nothing that outlives them.

The *sender* begins when the provider is ready. The *receiver* feeds what arrives to the session and hands on what it
meant. Whoever ends first ends both. A session that is about to expire is left: the sender stops, the session is
finished as agreed, and whoever ran it begins another.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog, Reader
from edgetx.errors import TryAgain
from edgetx.speech.account import Account
from edgetx.speech.backfill import STALL_FRAMES, Course
from edgetx.speech.closing import trouble
from edgetx.speech.events import Closed, Notice, Opened, Progress, Received, SessionEvent, Utterance, Verdict
from edgetx.speech.gated import GatedSender
from edgetx.speech.lifespan import Lifespan
from edgetx.speech.receipts import Receipts
from edgetx.speech.rotation import lifetime
from edgetx.speech.sender import Sender
from edgetx.speech.sent import Sent
from edgetx.speech.session import Limits, Session, Wire
from edgetx.speech.settling import Settling

LAST_WORD_SECONDS = 1.0
"""How long a broken wire may take to say why."""
LEAVE_SECONDS = 0.5
"""How long taking leave may wait for a wire that takes nothing."""
PROVEN_FRAMES = 60 * RATE
"""A session that has provably got a minute of audio has proved that the provider works, even if nobody spoke."""


@dataclass(slots=True)
class Conversation:
    """``ready`` is called when the provider is, ``healthy`` when it has proved well.

    ``close_after_seconds``: when nobody has spoken for so long, the session is left; None: it is kept. It is left, too,
    when ``used_up`` returns.
    """

    id: str
    session: Session
    wire: Wire
    limits: Limits
    log: AudioLog
    reader: Reader
    account: Account
    sent: Sent
    course: Course
    ready: Callable[[], None]
    healthy: Callable[[], None]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    close_after_seconds: float | None = None
    used_up: Callable[[], Awaitable[None]] | None = None
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: Closed | None = None
    _left: str = ""
    _span: Lifespan = field(init=False)
    _receipts: Receipts = field(default_factory=Receipts)
    _proven_at: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _settling: Settling = field(init=False)
    _sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        self._span = Lifespan(self.monotonic, self.sleep)
        self._settling = Settling(account=self.account, sent=self.sent, log=self.log)
        self._sender = (GatedSender if self.log.spoken else Sender)(
            session=self.session,
            wire=self.wire,
            limits=self.limits,
            log=self.log,
            reader=self.reader,
            account=self.account,
            sent=self.sent,
            course=self.course,
            lock=self._lock,
            review=self._review,
            monotonic=self.monotonic,
            sleep=self.sleep,
        )

    @property
    def verdict(self) -> Verdict:
        """What the session's end says about the next."""
        return self._closed.verdict if self._closed else Verdict.AGAIN

    async def run(self) -> bool:
        """Converse until the log ends, the provider does (TryAgain, Refused), or the session has to be replaced.

        Return whether it has to be: it ended as agreed, and there may be more to send.
        """
        receiver = asyncio.create_task(self._receive(), name="session receiver")
        sender = asyncio.create_task(self._send(), name="session sender")
        try:
            await asyncio.wait((receiver, sender), return_when=asyncio.FIRST_COMPLETED)
            await self._end(receiver, sender)
        finally:
            receiver.cancel()
            sender.cancel()
            await asyncio.gather(receiver, sender, return_exceptions=True)
            try:
                await self._take_leave()
            finally:
                self._report_end()
        return bool(self._left)

    async def _end(self, receiver: asyncio.Task[None], sender: asyncio.Task[None]) -> None:
        finished = sender.done() and not sender.exception()
        if sender.done():  # The last words, or the reason for which the wire broke, may still be on their way.
            await asyncio.wait((receiver,), timeout=self.limits.drain_seconds if finished else LAST_WORD_SECONDS)
        if self._closed is None and finished and self.limits.ends_by_silence and not receiver.done():
            self._understand(Closed("The session was finished.", clean=True))
        if self._closed is None:
            for task in (sender, receiver):
                if task.done():
                    task.result()
        closed = self._closed or Closed("The provider did not end the session when asked to.")
        if not (closed.clean and finished):
            raise trouble(closed.verdict, closed.reason)

    async def _take_leave(self) -> None:
        """Ask the provider to end the session, whatever the way out: an open one may be billed, or hold a place.

        One that is not ready yet too: its beginning may be on its way to us.
        """
        if self._closed is not None:
            return
        self.session.finish()
        leaving = asyncio.ensure_future(self._sender.flush())
        # Not asyncio.timeout: in a task that was cancelled Python 3.11.2 does not raise its TimeoutError.
        await asyncio.wait((leaving,), timeout=LEAVE_SECONDS)
        leaving.cancel()
        with suppress(TryAgain, asyncio.CancelledError):
            await leaving

    async def _send(self) -> None:
        try:
            async with asyncio.timeout(self.limits.open_seconds):
                await self._opened.wait()
        except TimeoutError as error:
            raise TryAgain(f"The provider was not ready within {self.limits.open_seconds:.0f} s.") from error
        self.ready()
        leaving = [
            asyncio.create_task(self._leave_when(*reason), name=f"session {reason[0]}") for reason in self._ends()
        ]
        try:
            await self._sender.run()
        finally:
            for task in leaving:
                task.cancel()
        await self._sender.finish()

    def _ends(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Yield for what reasons it will be left, and what to wait for."""
        if self._span.seconds is not None:
            yield "rotated", partial(self._span.expire, self._span.seconds)
        if self.close_after_seconds is not None and not self.course.late:
            yield "silence", partial(self._span.fall_silent, self.close_after_seconds, lambda: self._sender.busy_at)
        if self.used_up is not None:
            yield "budget", self.used_up

    async def _leave_when(self, reason: str, time: Callable[[], Awaitable[None]]) -> None:
        await time()
        self.leave(reason)

    def leave(self, reason: str = "rotated") -> None:
        """Have `run` end the session as agreed, with more to send; ``reason`` is told."""
        self._left = self._left or reason
        self._sender.leave()

    def _review(self) -> None:
        with self._lock:
            self._settle_silence()
            taken = self.sent.frames_before(self._proven())
        if taken - self._proven_at >= PROVEN_FRAMES:
            self._proven_at = taken
            self.healthy()

    async def _receive(self) -> None:
        while self._closed is None:
            message = await self.wire.receive()
            with self._lock:
                if message is None:
                    self.session.connection_closed(self.wire.close_code, self.wire.close_reason)
                else:
                    self.session.receive(message)
                self._understand_all()
            await self._sender.flush()

    def _understand_all(self) -> None:
        for event in self.session.events():
            self._understand(event)

    def _understand(self, event: SessionEvent) -> None:
        match event:
            case Utterance():
                self._heard(event)
            case Progress():
                self.healthy()
                self._span.took_back()  # A partial, perhaps.
                until = self.sent.end_frame(event.until_ms)
                self._receipts.arrived(until)
                self.account.heard(self.sent, until=until)
            case Received():
                self.healthy()
                self._receipts.got(self.monotonic(), self.sent.end_frame(event.until_ms), listened=event.listened)
            case Notice():
                self._noticed(event)
            case Opened():
                self._open(event)
            case Closed():
                self._closed = event
                if event.clean:
                    self.account.heard(self.sent, until=self._acknowledged(event))

    def _noticed(self, notice: Notice) -> None:
        if notice.name == "speech_started":
            self._span.began_to_speak()
            if self.course.late or self.log.spoken:  # Nobody does now; or that was told, from nearer by.
                return
        self._happened(notice.name, notice.data)

    def _open(self, opened: Opened) -> None:
        if self._opened.is_set():  # A second beginning is none, and must not put off the end.
            return
        self._span.opened_at = self.monotonic()
        wall = self.account.timeline.now().timestamp() if self.account.clock_synced() else None
        self._span.seconds = lifetime(self.limits.session_seconds, expires_at=opened.expires_at, wall=wall)
        self._opened.set()
        self._happened("session_opened", {"provider_id": opened.provider_id})

    def _heard(self, utterance: Utterance) -> None:
        self.healthy()
        self._span.said(final=utterance.final)
        if utterance.final and utterance.end_ms is not None:
            self._receipts.arrived(self.sent.end_frame(utterance.end_ms))
        late = self.course.late
        if utterance.final or not late:
            self.account.understood(utterance, self.sent, session=self.id, late=late)

    def _settle_silence(self) -> None:
        """Settle what can be of what the provider is known to have had for long, if no words are under way.

        Not what was sent faster than it was spoken: the provider may not have come so far.
        """
        now, seconds = self.monotonic(), self.limits.silent_seconds
        if self._span.speaking or seconds is None or self._is_behind():
            return
        if listened := self._receipts.listened.before(now - seconds):
            self.account.heard(self.sent, until=listened)
        until = self._receipts.received.before(now - seconds) or 0
        if self.wire.confirmed_at is not None:
            until = max(until, self._sender.departures.before(self.wire.confirmed_at - seconds) or 0)
        self._settling.settle(now, until)

    def _report_end(self) -> None:
        self._settle_silence()
        if self._closed is None:  # Words that the session held back come out now.
            self.session.connection_closed(None, "edgetx ended the session.")
            self._understand_all()
        if not self._opened.is_set() or self._closed is None:
            return
        closed = self._closed
        code = {} if closed.code is None else {"code": closed.code}
        told = {
            "reason": self._left if self._left and closed.clean else closed.reason,
            "clean": closed.clean,
            "seconds": round(self.monotonic() - self._span.opened_at, 3),
            "audio_seconds": round(self.sent.frames / RATE, 3),
            "acknowledged_seconds": round(self.sent.frames_before(self._acknowledged(closed)) / RATE, 3),
        }
        self._happened("session_closed", told | code)

    def _acknowledged(self, closed: Closed) -> int:
        """Return the frame before which all that was sent has provably arrived."""
        if closed.clean and not self.limits.ends_by_silence:
            return self.sent.end
        return self._proven()

    def _proven(self) -> int:
        if self.wire.confirmed_at is not None:
            self._receipts.arrived(self._sender.departures.before(self.wire.confirmed_at) or 0)
        return self._receipts.proven

    def _is_behind(self) -> bool:
        return self.course.late or self._sender.behind > STALL_FRAMES

    def _happened(self, name: str, data: dict[str, Any]) -> None:
        late = {"late": True} if self.course.late else {}
        self.account.happened(name, **data | late | {"session": self.id, "provider": self.account.provider})
