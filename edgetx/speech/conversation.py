"""One session from its connection to its end: a sender and a receiver over one wire, and nothing that outlives them.

The *sender* begins when the provider is ready. The *receiver* feeds what arrives to the session and hands on what it
meant. Whoever ends first ends both.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog
from edgetx.errors import TryAgain
from edgetx.speech.account import Account
from edgetx.speech.closing import trouble
from edgetx.speech.events import Closed, Notice, Opened, Progress, SessionEvent, Utterance
from edgetx.speech.sender import Sender
from edgetx.speech.sent import Sent
from edgetx.speech.session import Limits, Session, Wire

LAST_WORD_SECONDS = 1.0
"""How long a broken wire may take to say why."""
LEAVE_SECONDS = 0.5
"""How long taking leave may wait for a wire that takes nothing."""
PROVEN_FRAMES = 60 * RATE
"""A session that took a minute of audio has proved that the provider works, even if nobody spoke."""
SENT_TIMES = 200
"""Chunks whose time of sending is remembered: more than lie between two answered pings."""


@dataclass(slots=True)
class Conversation:
    """``ready`` is called when the provider is, ``healthy`` when it has proved well."""

    id: str
    session: Session
    wire: Wire
    limits: Limits
    log: AudioLog
    account: Account
    sent: Sent
    catch_up_seconds: float
    ready: Callable[[], None]
    healthy: Callable[[], None]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: Closed | None = None
    _speaking: bool = False
    _proven_at: int = PROVEN_FRAMES
    _sent_at: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=SENT_TIMES))

    async def run(self) -> None:
        """Converse until the log ends (return) or the provider does (TryAgain, Refused)."""
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

    async def _end(self, receiver: asyncio.Task[None], sender: asyncio.Task[None]) -> None:
        finished = sender.done() and not sender.exception()
        if sender.done():  # The last words, or the reason for which the wire broke, may still be on their way.
            await asyncio.wait((receiver,), timeout=self.limits.drain_seconds if finished else LAST_WORD_SECONDS)
        if self._closed is None:
            for task in (sender, receiver):
                if task.done():
                    task.result()
        closed = self._closed or Closed("The provider did not end the session when asked to.")
        if not (closed.clean and finished):
            raise trouble(closed.verdict, closed.reason)

    async def _take_leave(self) -> None:
        """Ask the provider to end the session, whatever the way out: an open one may be billed, or hold a place."""
        if not self._opened.is_set() or self._closed is not None:
            return
        self.session.finish()
        leaving = asyncio.ensure_future(self._flush())
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
        await Sender(
            session=self.session,
            wire=self.wire,
            limits=self.limits,
            log=self.log,
            account=self.account,
            sent=self.sent,
            catch_up_seconds=self.catch_up_seconds,
            was_sent=self._was_sent,
            monotonic=self.monotonic,
            sleep=self.sleep,
        ).run()
        self.session.finish()
        await self._flush()

    def _was_sent(self) -> None:
        self._sent_at.append((self.monotonic(), self.sent.end))
        self._settle_silence()
        if self._proven_at < self.sent.frames:
            self._proven_at += PROVEN_FRAMES
            self.healthy()

    async def _receive(self) -> None:
        while self._closed is None:
            message = await self.wire.receive()
            if message is None:
                self.session.connection_closed(self.wire.close_code, self.wire.close_reason)
            else:
                self.session.receive(message)
            self._understand_all()
            await self._flush()

    async def _flush(self) -> None:
        for message in self.session.to_send():
            await self.wire.send(message)

    def _understand_all(self) -> None:
        for event in self.session.events():
            self._understand(event)

    def _understand(self, event: SessionEvent) -> None:
        match event:
            case Utterance():
                self.healthy()
                self._speaking = not event.final
                self.account.understood(event, self.sent, session=self.id)
            case Progress():
                self.healthy()
                self.account.heard(self.sent, until=self.sent.end_frame(event.until_ms))
            case Notice():
                self._happened(event.name, event.data)
            case Opened():
                self._opened.set()
                self._happened("session_opened", {"provider_id": event.provider_id})
            case Closed():
                self._closed = event
                if event.clean:
                    self.account.heard(self.sent, until=self.sent.end)

    def _settle_silence(self) -> None:
        """Settle what the provider is known to have had for long, if no words are under way."""
        if self._speaking or self.limits.silent_seconds is None or self.wire.confirmed_at is None:
            return
        heard_at = self.wire.confirmed_at - self.limits.silent_seconds
        while self._sent_at and self._sent_at[0][0] <= heard_at:
            self.account.heard(self.sent, until=self._sent_at.popleft()[1])

    def _report_end(self) -> None:
        if self._closed is None:  # Words that the session held back come out now.
            self.session.connection_closed(None, "edgetx ended the session.")
            self._understand_all()
        if not self._opened.is_set() or self._closed is None:
            return
        closed = self._closed
        code = {} if closed.code is None else {"code": closed.code}
        told = {"reason": closed.reason, "clean": closed.clean, "audio_seconds": round(self.sent.frames / RATE, 3)}
        self._happened("session_closed", told | code)

    def _happened(self, name: str, data: dict[str, Any]) -> None:
        self.account.happened(name, **data | {"session": self.id, "provider": self.account.provider})
