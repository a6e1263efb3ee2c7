"""Sends one session the audio log: first what is owed, chunk by chunk and no faster than allowed; then it is live.

Live, the capture thread itself takes each chunk from the log, through the session, to the wire: no other thread wakes.
This is the path that runs ten times a second for ever. Whatever else comes (a hole, a wire that takes nothing, the end)
is left to `_catch_up` on the loop, which can wait. One lock, the conversation's, stands around the session and what was
sent while both threads may use them.

Where to begin, and what to give up when the log has run away, is one rule: what is owed is sent in order unless it is
older than ``catch_up_seconds``; that is reported lost, in one gap: a live stream stays live.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from edgetx.audio.format import FRAME_BYTES, RATE
from edgetx.audio.log import AudioLog, Stretch
from edgetx.speech.account import Account
from edgetx.speech.pacer import Pacer
from edgetx.speech.sent import Sent
from edgetx.speech.session import Limits, Session, Wire

SENT_TIMES = 400
"""Chunks whose time of sending is remembered: more than lie between two answered pings."""
BOOK_FRAMES = RATE // 2
"""Live, the time is looked at once in so many frames."""
REVIEW_SECONDS = 10.0
"""How seldom ``review`` is called at most, live."""


@dataclass(slots=True)
class Sender:
    """``review`` is called on the loop now and then, to see what has come of what was sent."""

    session: Session
    wire: Wire
    limits: Limits
    log: AudioLog
    account: Account
    sent: Sent
    catch_up_seconds: float
    lock: threading.Lock
    review: Callable[[], None]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    _pacer: Pacer = field(default_factory=lambda: Pacer(rate=1.0, now=0.0))
    _chunk: int = 0
    _chunk_bytes: int = 0
    _position: int = 0
    _unbooked: int = 0
    _delay: float = 0.0
    _left: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: bool = False
    _live: bool = False
    _direct: bool = False
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _sent_at: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=SENT_TIMES))

    async def run(self) -> None:
        """Send until the log has ended and all of it is sent, or `leave`. Raise TryAgain when the wire is gone."""
        self._pacer = Pacer(rate=self.limits.replay_rate, now=self.monotonic())
        self._chunk = self.limits.chunk_ms.best * RATE // 1000
        self._chunk_bytes = self._chunk * FRAME_BYTES
        self.account.lose_owed(0, self._oldest_wanted(), cause="outage")
        self._position = self.account.ledger.frontier
        while not await self._catch_up():
            await self._stream()

    def leave(self) -> None:
        """Have `run` return at the next chunk, with sound left in the log for another session."""
        self._leaving = True
        self._left.set()

    async def flush(self) -> None:
        """Send what the session has to send; wait while the wire does not take it."""
        with self.lock:
            messages = self.session.to_send()
        for message in messages:
            await self.wire.send(message)

    def sent_before(self, monotonic: float) -> int | None:
        """Return the number of the frame after the last that was sent before a time; None: nothing new was."""
        end = None
        while self._sent_at and self._sent_at[0][0] <= monotonic:
            end = self._sent_at.popleft()[1]
        return end

    async def _catch_up(self) -> bool:
        """Send until there is less than a chunk; return whether no more is to be sent in this session."""
        while not self._leaving and (self.log.ended or self.log.end - self._position >= self._chunk):
            stretch = self._read()
            self._position = stretch.end
            if stretch.pcm:
                self.session.send_audio(stretch.pcm)
                self.sent.add(stretch.start, stretch.frames)
                self._unbooked += stretch.frames
                if delay := self._pay(self.monotonic()):
                    await self.sleep(delay)
                await self.flush()
                self._sent_at.append((self.monotonic(), self.sent.end))  # Not before: it may have waited for long.
                self.review()
            elif self.log.ended:
                return True
        return self._leaving

    async def _stream(self) -> None:
        """Let each chunk be sent where it comes from, until that cannot go on."""
        self._left.clear()
        self._live = True
        self._direct = self.wire.ready
        self.log.follow(self)
        try:
            self.look()
            await self._left_for_good()
        finally:
            self.log.follow(None)
            with self.lock:  # The capture thread may be in the middle of it; from here on it finds nothing to do.
                self._live = False
        delay, self._delay = self._delay, 0.0
        if delay:  # The sound came faster than it may be sent.
            await self.sleep(delay)

    def take(self, start: int, pcm: bytes) -> bool:
        """Send the next chunk where it comes from. The log calls this, in the capture thread."""
        if start != self._position or len(pcm) != self._chunk_bytes or not self._direct:
            return False
        with self.lock:
            if not self._live:
                return False
            self.session.send_audio(pcm)
            for message in self.session.to_send():
                self.wire.send_now(message)
            self._was_sent(start)
        return True

    def look(self) -> None:
        """Send what is in the log. The log calls this, in the capture thread; once it is called on the loop's."""
        with self.lock:
            while self._live and (self.log.end - self._position >= self._chunk or self.log.ended):
                stretch = self.log.read(self._position, self._chunk)
                if self._direct and stretch.start == self._position and stretch.frames == self._chunk:
                    self.session.send_audio(stretch.pcm)
                    for message in self.session.to_send():
                        self.wire.send_now(message)
                    self._was_sent(stretch.start)
                else:
                    self._stop_live()

    def _stop_live(self) -> None:
        self._live = False
        self._loop.call_soon_threadsafe(self._left.set)

    async def _left_for_good(self) -> None:
        """Wait until a chunk cannot be sent so; keep the session open where no sound comes for long."""
        keepalive_seconds = self.limits.keepalive_seconds or float("inf")
        turn_seconds = min(REVIEW_SECONDS, keepalive_seconds / 2)
        sent, quiet_seconds = self.sent.frames, 0.0
        leaving = asyncio.ensure_future(self._left.wait())
        try:
            while True:
                await asyncio.wait((leaving,), timeout=turn_seconds)
                self.review()
                if leaving.done():
                    return
                quiet_seconds = quiet_seconds + turn_seconds if sent == self.sent.frames else 0.0
                sent = self.sent.frames
                # The quiet began up to a turn before it was noticed, and it is a turn until this is asked again.
                if quiet_seconds and quiet_seconds + 2 * turn_seconds > keepalive_seconds:
                    quiet_seconds = 0.0
                    await self._keep_alive()
        finally:
            leaving.cancel()

    async def _keep_alive(self) -> None:
        with self.lock:
            self.session.keep_alive()
        await self.flush()

    def _was_sent(self, start: int) -> None:
        """Note that a chunk was sent, and see whether the one after it may be sent so too."""
        self._position = start + self._chunk
        self.sent.add(start, self._chunk)
        self._unbooked += self._chunk
        if self._unbooked >= BOOK_FRAMES:
            self._delay = self._book()
        if self._delay or self._leaving or not self.wire.ready:
            self._stop_live()

    def _book(self) -> float:
        """Note when what was added to ``sent`` had left; return how long to wait before more is sent."""
        now = self.monotonic()
        self._sent_at.append((now, self.sent.end))
        return self._pay(now)

    def _pay(self, now: float) -> float:
        """Return how long to wait so that what was added to ``sent`` is not too much."""
        frames, self._unbooked = self._unbooked, 0
        return self._pacer.delay(frames / RATE, now)

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
