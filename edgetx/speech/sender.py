"""Sends one session the audio log: first what is owed, chunk by chunk and no faster than allowed; then it is live.

Live, the capture thread itself takes each chunk from the log, through the session, to the wire: no other thread wakes.
This is the path that runs ten times a second for ever. Whatever else comes (a hole, a wire that takes nothing, the end)
is left to `_catch_up` on the loop, which can wait. One lock, the conversation's, stands around the session and what was
sent while both threads may use them.

What is to be sent is the course's to say (`backfill`): only what is owed, and the sender of a late session ends when
there is no more of it. Of sound that lies far back long silence is left out (`silence`). What is owed and no longer
kept is reported lost, as ``overflow``.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from edgetx.audio.format import FRAME_BYTES, RATE
from edgetx.audio.log import AudioLog, Reader, Stretch
from edgetx.speech.account import Account
from edgetx.speech.backfill import STALL_FRAMES, Course, Range
from edgetx.speech.owed import read_owed
from edgetx.speech.pacer import Pacer
from edgetx.speech.sent import Sent
from edgetx.speech.session import Limits, Session, Wire
from edgetx.speech.silence import PAUSE_FRAMES, Skipper

SENT_TIMES = 400
"""Chunks whose time of sending is remembered: more than lie between two answered pings."""
BOOK_FRAMES = RATE // 2
"""Live, the time is looked at once in so many frames."""
REVIEW_SECONDS = 10.0
"""How seldom ``review`` is called at most, live."""
WAIT_SECONDS = 1.0
"""How often what is late looks whether it may go on."""


@dataclass(slots=True)
class Sender:
    """``review`` is called on the loop now and then, to see what has come of what was sent.

    ``reader`` has what ``log`` has, and perhaps more, that is older.
    """

    session: Session
    wire: Wire
    limits: Limits
    log: AudioLog
    reader: Reader
    account: Account
    sent: Sent
    course: Course
    lock: threading.Lock
    review: Callable[[], None]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    _pacer: Pacer = field(default_factory=lambda: Pacer(rate=1.0, now=0.0))
    _skipper: Skipper = field(default_factory=Skipper)
    _chunk: int = 0
    _chunk_bytes: int = 0
    _position: int = 0
    _parted_at: int = -1
    _unbooked: int = 0
    _delay: float = 0.0
    _left: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: bool = False
    _live: bool = False
    _direct: bool = False
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _sent_at: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=SENT_TIMES))

    async def run(self) -> None:
        """Send until all is sent and no more will come, or `leave`. Raise TryAgain when the wire is gone."""
        self._pacer = Pacer(rate=self.limits.replay_rate, now=self.monotonic())
        self._chunk = self.limits.chunk_ms.best * RATE // 1000
        self._chunk_bytes = self._chunk * FRAME_BYTES
        self.course.begin(self._known_end())
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

    async def finish(self) -> None:
        """Have the session ended, and note when all had left."""
        self.session.finish()
        await self.flush()
        self._sent_at.append((self.monotonic(), self.sent.end))

    def sent_before(self, monotonic: float) -> int | None:
        """Return the number of the frame after the last that was sent before a time; None: nothing is known."""
        return next((end for at, end in reversed(self._sent_at) if at <= monotonic), None)

    @property
    def behind(self) -> int:
        """How many frames there are to send, or more: what they begin with may be settled."""
        return self.log.end - self.sent.end

    @property
    def busy_at(self) -> float:
        """When there was something to send last, by the monotonic clock, or not long before."""
        return self._sent_at[-1][0] if self._sent_at else float("-inf")

    def _known_end(self) -> int:
        """Return the frame before which it is known what there is to send."""
        return self.log.end

    @property
    def _grows(self) -> bool:
        """More may follow at once upon what is known."""
        return True

    async def _catch_up(self) -> bool:
        """Send until there is less than a chunk; return whether no more is to be sent in this session."""
        self._skipper = Skipper(self.sent.end if self.sent.frames else None)
        while not self._leaving:
            ended, end = self.log.ended, self._known_end()
            wanted = self.course.next(self._position, end)
            if wanted is None and not self.course.late and self.account.ledger.owed(self._position, end):
                self._leave_behind()
            elif wanted is None:
                await self._go_on_at(max(self._position, end))
                return ended or self.course.late
            elif wanted[1] == end and end - wanted[0] < self._chunk and not (ended or self.course.late) and self._grows:
                await self._go_on_at(wanted[0])
                return False
            elif self.course.waits(end):
                await self.sleep(WAIT_SECONDS)
            else:
                await self._send_some(wanted)
        return True

    async def _go_on_at(self, position: int) -> None:
        """Have what comes next begin there, behind a hole perhaps."""
        self._position = position
        await self._send_all(self._skipper.flush())
        if self._grows and not (self.course.late or self.log.ended):
            self._part(position)
            await self.flush()

    def _leave_behind(self) -> None:
        """Go on where the course's share begins now; what lies before it is another session's."""
        self._part(self.course.seam.at)
        self._position = max(self._position, self.course.seam.at)
        self._skipper = Skipper()

    async def _send_some(self, wanted: Range) -> None:
        """Send up to a chunk of what is wanted, when it is due, or leave it out."""
        stretch = self._read(wanted)
        self._position = stretch.end
        if not stretch.pcm:
            return
        if self._skipper.jump(stretch.start):
            await self._send_all(self._skipper.flush())
            self._part(stretch.start)
        if self.course.late or self.log.end - stretch.end > STALL_FRAMES:
            sending, skipping = self._skipper.take(stretch)
        else:
            sending, skipping = self._skipper.pass_on(stretch), []
        for silent in skipping:
            self.account.left_out(silent.start, silent.end)
        await self._send_all(sending)
        if not sending:
            await asyncio.sleep(0)  # There may be hours of it.

    async def _send_all(self, stretches: Iterable[Stretch]) -> None:
        for stretch in stretches:
            self.session.send_audio(stretch.pcm)
            self.sent.add(stretch.start, stretch.frames)
            self._unbooked += stretch.frames
            if delay := self._pay(self.monotonic()):
                await self.sleep(delay)
            await self.flush()
            self._sent_at.append((self.monotonic(), self.sent.end))  # Not before: it may have waited for long.
            self.review()

    def _part(self, start: int) -> None:
        """Part what was sent from what begins at ``start``, if there is something between, once."""
        if self.sent.frames and start not in (self.sent.end, self._parted_at):
            self._pause(start - self.sent.end)
            self._parted_at = start

    def _pause(self, jump: int) -> None:
        """Have the provider hear that what comes next was not said in one breath with what was sent last."""
        frames = min(jump, PAUSE_FRAMES - self._skipper.quiet)
        if frames > 0:
            self.session.send_audio(bytes(frames * FRAME_BYTES))
            self.sent.pause(frames)
            self._unbooked += frames

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
                self._direct = self.wire.send_now(message)
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
                        self._direct = self.wire.send_now(message)
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
        if self._delay or self._leaving or not self._direct:
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

    def _read(self, wanted: Range) -> Stretch:
        """Return up to a chunk of what is wanted; nothing, and where to go on, if its beginning is not there."""
        stretch, given_up = read_owed(self.reader, wanted, self._chunk, remembers=self.log.oldest)
        if given_up:
            self.account.lose(given_up)
        return stretch
