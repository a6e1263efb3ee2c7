"""Sends one session the audio log: first what is owed, chunk by chunk and no faster than allowed; then it is live.

Live, the capture thread itself takes each chunk from the log, through the session, to the wire: no other thread wakes.
This is the path that runs ten times a second for ever. Whatever else comes (a hole, a rest, a wire that takes nothing,
the end) is left to `_catch_up` on the loop, which can wait. One lock, the conversation's, stands around the session and
what was sent while both threads may use them.

What is to be sent is the course's to say (`backfill`): only what is owed, and the sender of a late session ends when
there is no more of it. Of sound that lies far back long silence is left out (`silence`). What is owed and no longer
kept is reported lost, as ``overflow``.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from edgetx.audio.format import FRAME_BYTES, RATE
from edgetx.audio.log import AudioLog, Reader, Stretch
from edgetx.speech.account import Account
from edgetx.speech.alive import KeepAlive
from edgetx.speech.backfill import STALL_FRAMES, Course, Range
from edgetx.speech.departures import Departures
from edgetx.speech.owed import read_owed
from edgetx.speech.pacer import Pacer
from edgetx.speech.sent import Sent
from edgetx.speech.session import Limits, Session, Wire
from edgetx.speech.silence import Skipper

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
    departures: Departures = field(default_factory=Departures)
    _pacer: Pacer = field(default_factory=lambda: Pacer(rate=1.0, now=0.0))
    _skipper: Skipper = field(default_factory=Skipper)
    _chunk: int = 0
    _position: int = 0
    _unbooked: int = 0
    _delay: float = 0.0
    _left: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: bool = False
    _live: bool = False
    _direct: bool = False
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    async def run(self) -> None:
        """Send until all is sent and no more will come, or `leave`. Raise TryAgain when the wire is gone."""
        self._pacer = Pacer(rate=self.limits.replay_rate, now=self.monotonic())
        self._chunk = self.limits.chunk_ms.best * RATE // 1000
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
        self.departures.note(self.monotonic(), self.sent.end)

    @property
    def behind(self) -> int:
        """How many frames there are to send, or more: what they begin with may be settled."""
        return self.log.end - self.sent.end

    @property
    def busy_at(self) -> float:
        """When there was something to send last, by the monotonic clock, or not long before."""
        return self.departures.last_at

    def _known_end(self) -> int:
        """Return the frame before which it is known what there is to send."""
        return self.log.end

    @property
    def _grows(self) -> bool:
        """More may follow at once upon what is known."""
        return not self.log.resting

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
        stretch, given_up = read_owed(self.reader, wanted, self._chunk, remembers=self.log.oldest)
        if given_up:
            self.account.lose(given_up)
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
            await self._depart()
            self.review()

    async def _depart(self) -> None:
        """Have what was added to ``sent`` leave, when it is due."""
        if delay := self._pay(self.monotonic()):
            await self.sleep(delay)
        await self.flush()
        self.departures.note(self.monotonic(), self.sent.end)  # Not before: it may have waited for long.

    def _part(self, start: int) -> None:
        """Part what was sent from what begins at ``start``, if there is something between."""
        if self.sent.frames and start != self.sent.end:
            self._pause(start - self.sent.end)

    def _pause(self, jump: int) -> None:
        """Have the provider hear that what comes next was not said in one breath with what was sent last."""
        self._hush(min(jump, self.limits.pause_frames - self._skipper.quiet) - self.sent.paused)

    @property
    def _silence_due(self) -> int:
        """How many frames of silence the session is to hear at once: none can be had of a microphone that rests."""
        if not (self.log.resting and self.sent.frames) or self._position < self.log.end:
            return 0
        return self.limits.pause_frames - self._skipper.quiet - self.sent.paused

    def _hush(self, frames: int) -> None:
        """Have the session hear so much silence, if it is any, that is none of the microphone's."""
        if frames > 0:
            self.session.send_audio(bytes(frames * FRAME_BYTES))
            self.sent.pause(frames)
            self._unbooked += frames

    async def _fall_silent(self) -> None:
        """Send the silence that is due."""
        with self.lock:
            due = self._silence_due
            self._hush(due)
        if due > 0:
            await self._depart()

    async def _stream(self) -> None:
        """Let each chunk be sent where it comes from, until that cannot go on."""
        await self._fall_silent()
        self._left.clear()
        if self._leaving:  # Meanwhile: else it would be forgotten.
            return
        self._skipper = Skipper()  # What is live is not looked at for silence.
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
        if start != self._position or len(pcm) != self._chunk * FRAME_BYTES or not self._direct:
            return False
        with self.lock:
            if is_live := self._live:
                self._send_now(Stretch(start, pcm))
        return is_live

    def look(self) -> None:
        """Send what is in the log. The log calls this, in the capture thread; once it is called on the loop's."""
        with self.lock:
            while self._live and (self.log.end - self._position >= self._chunk or self.log.ended):
                stretch = self.log.read(self._position, self._chunk)
                if self._direct and stretch.start == self._position and stretch.frames == self._chunk:
                    self._send_now(stretch)
                else:
                    self._stop_live()
            if self._live and self.log.resting and (self._position < self.log.end or self._silence_due > 0):
                self._stop_live()

    def _send_now(self, stretch: Stretch) -> None:
        self.session.send_audio(stretch.pcm)
        self.sent.add(stretch.start, stretch.frames)
        self._position = stretch.end
        self._unbooked += stretch.frames
        self._let_go()

    def _let_go(self) -> None:
        """Have the wire take what the session has to send, and see whether what comes next may be sent so too."""
        for message in self.session.to_send():
            self._direct = self.wire.send_now(message)
        if self._unbooked >= BOOK_FRAMES:
            now = self.monotonic()
            self.departures.note(now, self.sent.end)
            self._delay = self._pay(now)
        if self._delay or self._leaving or not self._direct:
            self._stop_live()

    def _stop_live(self) -> None:
        self._live = False
        self._loop.call_soon_threadsafe(self._left.set)

    async def _left_for_good(self) -> None:
        """Wait until a chunk cannot be sent so; keep the session open where no sound comes for long."""
        alive = KeepAlive(self.limits.keepalive_seconds, self.sent.frames, turn_seconds=REVIEW_SECONDS)
        while not self._left.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(alive.turn_seconds):
                    await self._left.wait()
            self.review()
            if not self._left.is_set() and alive.is_due(self.sent.frames):
                await self._keep_alive()

    async def _keep_alive(self) -> None:
        with self.lock:
            self.session.keep_alive()
        await self.flush()

    def _pay(self, now: float) -> float:
        """Return how long to wait so that what was added to ``sent`` is not too much."""
        frames, self._unbooked = self._unbooked, 0
        return self._pacer.delay(frames / RATE, now)
