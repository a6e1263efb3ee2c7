"""Sends one session the audio log: first what is owed, chunk by chunk and no faster than allowed; then it is live.

Live, a bell answers each new chunk in the log with one read and one send, without a task between them; this is the
path that runs ten times a second for ever. Whatever else comes (a hole, a wire that takes nothing, a chunk that was
missed, the end) is left to `_catch_up`, which can wait.

Where to begin, and what to give up when the log has run away, is one rule: what is owed is sent in order unless it is
older than ``catch_up_seconds``; that is reported lost, in one gap: a live stream stays live.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from edgetx.audio.format import RATE
from edgetx.audio.log import Alarm, AudioLog, Stretch
from edgetx.speech.account import Account
from edgetx.speech.bell import Bell
from edgetx.speech.pacer import Pacer
from edgetx.speech.sent import Sent
from edgetx.speech.session import Limits, Session, Wire


@dataclass(slots=True)
class Sender:
    """``was_sent`` is called after each chunk."""

    session: Session
    wire: Wire
    limits: Limits
    log: AudioLog
    account: Account
    sent: Sent
    catch_up_seconds: float
    was_sent: Callable[[], None]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    _pacer: Pacer = field(default_factory=lambda: Pacer(rate=1.0, now=0.0))
    _chunk: int = 0
    _position: int = 0
    _left: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: bool = False

    async def run(self) -> None:
        """Send until the log has ended and all of it is sent, or `leave`. Raise TryAgain when the wire is gone."""
        self._pacer = Pacer(rate=self.limits.replay_rate, now=self.monotonic())
        self._chunk = self.limits.chunk_ms.best * RATE // 1000
        self.account.lose_owed(0, self._oldest_wanted(), cause="outage")
        self._position = self.account.ledger.frontier
        with Bell(asyncio.get_running_loop(), self._left.set) as bell:
            while not await self._catch_up():
                await self._stream(bell)

    def leave(self) -> None:
        """Have `run` return at the next chunk, with sound left in the log for another session."""
        self._leaving = True
        self._left.set()

    async def flush(self) -> None:
        """Send what the session has to send; wait while the wire does not take it."""
        for message in self.session.to_send():
            await self.wire.send(message)

    async def _catch_up(self) -> bool:
        """Send until there is less than a chunk; return whether no more is to be sent in this session."""
        while not self._leaving and (self.log.ended or self.log.end - self._position >= self._chunk):
            stretch = self._read()
            self._position = stretch.end
            if stretch.pcm:
                self.session.send_audio(stretch.pcm)
                if delay := self._book(stretch):
                    await self.sleep(delay)
                await self.flush()
                self.was_sent()
            elif self.log.ended:
                return True
        return self._leaving

    async def _stream(self, bell: Bell) -> None:
        """Let the bell send each chunk as it comes, until it cannot."""

        def sound_came() -> None:
            if not self._leaving and self._send_live():
                self.log.set_alarm(self._alarm(bell))
            else:
                self._left.set()

        self._left.clear()
        bell.answer = sound_came
        self.log.set_alarm(self._alarm(bell))
        await self._left_for_good()

    async def _left_for_good(self) -> None:
        """Wait until the bell cannot go on; keep the session open where no sound comes for long."""
        due = self.limits.keepalive_seconds
        sent = self.sent.frames
        while due is not None:
            leaving = asyncio.ensure_future(self._left.wait())
            await asyncio.wait((leaving,), timeout=due)
            leaving.cancel()
            if self._left.is_set():
                return
            if sent == self.sent.frames:
                self.session.keep_alive()
                await self.flush()
            sent = self.sent.frames
        await self._left.wait()

    def _alarm(self, bell: Bell) -> Alarm:
        return Alarm(self._position + self._chunk - 1, bell.ring)

    def _send_live(self) -> bool:
        """Send the next chunk, if it is one like any other; return whether it was."""
        stretch = self.log.read(self._position, self._chunk)
        if stretch.start != self._position or stretch.frames < self._chunk or not self.wire.ready:
            return False
        self.session.send_audio(stretch.pcm)
        for message in self.session.to_send():
            self.wire.send_now(message)
        self._position = stretch.end
        delay = self._book(stretch)
        self.was_sent()
        return not delay

    def _book(self, stretch: Stretch) -> float:
        """Take note of a stretch that the session has got; return how long to wait before more is sent."""
        self.sent.add(stretch.start, stretch.frames)
        return self._pacer.delay(stretch.frames / RATE, self.monotonic())

    def _read(self) -> Stretch:
        stretch = self.log.read(self._position, self._chunk)
        if stretch.start > self._position and self.log.oldest > self._position:
            wanted = max(stretch.start, self._oldest_wanted(of_kept=0.5))  # Or the next chunk would be too old again.
            self.account.lose_owed(self._position, wanted, cause="overflow")
            stretch = self.log.read(wanted, self._chunk)
        return stretch

    def _oldest_wanted(self, *, of_kept: float = 1.0) -> int:
        seconds = min(self.catch_up_seconds, self.log.keep_seconds * of_kept)
        return max(0, self.log.end - round(seconds * RATE))
