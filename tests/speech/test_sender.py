"""The sender between a real log, which a real thread writes, and a wire and a session that only take notes."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog, Stretch
from edgetx.errors import TryAgain
from edgetx.speech import sender as senders
from edgetx.speech.account import Account
from edgetx.speech.backfill import Late, Live, Seam
from edgetx.speech.ledger import Fate
from edgetx.speech.pacer import BURST_SECONDS
from edgetx.speech.sender import Sender
from edgetx.speech.sent import Sent
from edgetx.speech.session import ChunkMs, Limits
from edgetx.speech.silence import LEAD_FRAMES, PAUSE_FRAMES, TAIL_FRAMES
from edgetx.speech.timeline import Timeline
from tests.rigs.story import story, until

CHUNK = 1600
KEEP_ALIVE = "still here"


class Notes:
    """A session that sends each piece as it gets it, and a wire that notes what it was given, how, and where.

    ``busy_after``: so many messages at once, and it is not `ready` until one was waited for.
    """

    def __init__(self, *, busy_after: int = 1_000_000) -> None:
        self.out: list[bytes | str] = []
        self.sent: list[tuple[bytes | str, str, int, float]] = []
        self.busy_after = busy_after
        self.at_once = 0
        self.asked = 0
        self.taking = asyncio.Event()
        self.taking.set()
        self.gone = False

    def send_audio(self, pcm: bytes) -> None:
        self.out.append(pcm)

    def keep_alive(self) -> None:
        self.out.append(KEEP_ALIVE)

    def to_send(self) -> list[bytes | str]:
        out, self.out = self.out, []
        return out

    @property
    def ready(self) -> bool:
        self.asked += 1
        return self.at_once < self.busy_after

    def send_now(self, message: bytes | str) -> bool:
        assert self.at_once < self.busy_after
        self.at_once += 1
        self._note(message, "now")
        return self.ready

    async def send(self, message: bytes | str) -> None:
        await self.taking.wait()
        if self.gone:
            raise TryAgain("The wire is gone.")
        self.at_once = 0
        self._note(message, "waited")

    def _note(self, message: bytes | str, how: str) -> None:
        self.sent.append((message, how, threading.get_ident(), asyncio_time()))

    @property
    def how(self) -> list[str]:
        return [how for _, how, _, _ in self.sent]

    @property
    def sound(self) -> bytes:
        return b"".join(message for message, *_ in self.sent if isinstance(message, bytes))

    @property
    def sizes(self) -> list[int]:
        return [len(message) // 2 for message, *_ in self.sent]


def asyncio_time() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:  # In the capture thread.
        return 0.0


class Bench:
    """A sender, the thread that writes its log, and what the account was told."""

    def __init__(self, notes: Notes, *, log: AudioLog | None = None, **limits) -> None:
        self.notes = notes
        self.log = log or AudioLog(keep_seconds=60)
        self.delivered = []
        self.slept: list[float] = []
        self.reviews = 0
        self.capture = ThreadPoolExecutor(1)
        self.sent = Sent()
        self.lock = threading.Lock()
        self.account = Account(
            timeline=Timeline(monotonic=time.monotonic, wall=time.time),
            deliver=self.delivered.append,
            new_id=lambda: "id",
            clock_synced=lambda: True,
            provider="p",
        )
        self.sender = Sender(
            session=notes,
            wire=notes,
            limits=Limits(ChunkMs(50, 100, 1000), **{"replay_rate": 1000.0} | limits),
            log=self.log,
            reader=self.log,
            account=self.account,
            sent=self.sent,
            course=Live(Seam(self.account.ledger)),
            lock=self.lock,
            review=self._review,
            monotonic=lambda: time.monotonic() + sum(self.slept),
            sleep=self._sleep,
        )

    def _review(self) -> None:
        self.reviews += 1

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def append(self, frames: int, *, hole: int = 0) -> None:
        """Have the capture thread write what comes next."""
        await self.captures(lambda: self.log.append(start := self.log.end + hole, numbers(start, frames)))

    async def captures(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self.capture, work)

    @property
    def live(self) -> bool:
        return self.log._follower is self.sender and self.sender._live


def numbers(start: int, count: int) -> bytes:
    """Sound whose every frame tells its own number."""
    return (np.arange(start, start + count) % 32768).astype("<i2").tobytes()


@contextlib.asynccontextmanager
async def sending(notes: Notes, **options) -> AsyncIterator[Bench]:
    """A sender that runs, and is live; it ends with the log if it has not ended before."""
    bench = Bench(notes, **options)
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        yield bench
        bench.log.finish()
        await running


async def in_capture_thread(bench: Bench) -> set[int]:
    idents: set[int] = set()
    await bench.captures(lambda: idents.add(threading.get_ident()))
    return idents


# --- live


@story
async def test_live_each_chunk_leaves_in_the_thread_that_captured_it():
    async with sending(Notes()) as bench:
        for _ in range(20):
            await bench.append(CHUNK)
        assert bench.notes.how == ["now"] * 20
        assert {ident for _, _, ident, _ in bench.notes.sent} == await in_capture_thread(bench)
        assert bench.notes.sound == numbers(0, 20 * CHUNK)
        assert (bench.sent.first, bench.sent.end, bench.sent.frames) == (0, 20 * CHUNK, 20 * CHUNK)


@pytest.mark.parametrize("frames", [1, 1000, 1601, 4000])
@story
async def test_irregular_pieces_are_gathered_to_chunks(frames):
    async with sending(Notes()) as bench:
        for _ in range(4000 // frames + 8):
            await bench.append(frames)
        whole = bench.log.end // CHUNK
        assert bench.notes.sizes == [CHUNK] * whole
        assert bench.notes.sound == numbers(0, whole * CHUNK)
        assert {ident for _, _, ident, _ in bench.notes.sent} == await in_capture_thread(bench)


@story
async def test_who_is_live_with_a_piece_left_over_still_sends_in_order():
    async with sending(Notes()) as bench:
        for frames in (600, CHUNK, CHUNK, 1000, CHUNK, CHUNK):
            await bench.append(frames)
        assert bench.notes.sound == numbers(0, 8000)
        assert bench.notes.how == ["now"] * 5


# --- what has to be left to the loop


@story
async def test_over_a_hole_the_loop_goes_on_with_a_pause_and_then_it_is_live_again():
    async with sending(Notes()) as bench:
        await bench.append(CHUNK)
        await bench.append(CHUNK, hole=500)
        await until(lambda: bench.sent.frames == 2 * CHUNK + 500 and bench.live)
        await bench.append(CHUNK)
        assert bench.notes.how == ["now", "waited", "waited", "now"]
        start = CHUNK + 500
        assert bench.notes.sound == numbers(0, CHUNK) + bytes(2 * 500) + numbers(start, 2 * CHUNK)
        assert bench.sent.start_frame(100 + 500 / 16) == start
        assert bench.sent.end == start + 2 * CHUNK


@story
async def test_a_piece_before_a_hole_is_sent_though_it_is_no_chunk_and_then_a_pause_though_nothing_follows_yet():
    async with sending(Notes()) as bench:
        await bench.append(700)
        await bench.captures(lambda: bench.log.append(10_000, b""))
        await until(lambda: bench.sent.frames == 10_000 and bench.live)
        assert bench.notes.sound == numbers(0, 700) + bytes(2 * 9_300)
        await bench.append(CHUNK)
        assert bench.notes.sizes == [700, 9_300, CHUNK]
        assert bench.notes.how == ["waited", "waited", "now"]
        assert bench.sent.start_frame(10_000 / 16) == 10_000


@story
async def test_a_wire_that_is_busy_is_waited_for_and_nothing_is_lost_or_doubled():
    async with sending(Notes(busy_after=3)) as bench:
        for n in range(12):
            await bench.append(CHUNK)
            await until(lambda n=n: bench.sent.frames == (n + 1) * CHUNK and bench.live)
        assert bench.notes.how == (["now"] * 3 + ["waited"]) * 3
        assert bench.notes.sound == numbers(0, 12 * CHUNK)


@story
async def test_what_comes_while_the_wire_takes_nothing_is_sent_by_the_loop_in_order():
    async with sending(Notes(busy_after=2)) as bench:
        bench.notes.taking.clear()
        for _ in range(10):
            await bench.append(CHUNK)
        assert bench.notes.how == ["now"] * 2
        bench.notes.taking.set()
        await until(lambda: bench.sent.frames == 10 * CHUNK and bench.live)
        await bench.append(CHUNK)
        assert bench.notes.how == ["now"] * 2 + ["waited"] * 8 + ["now"]
        assert bench.notes.sound == numbers(0, 11 * CHUNK)


@story
async def test_a_wire_that_is_never_ready_works_and_nothing_spins():
    async with sending(Notes(busy_after=0), keepalive_seconds=20.0) as bench:
        for n in range(10):
            await bench.append(CHUNK)
            await until(lambda n=n: bench.sent.frames == (n + 1) * CHUNK and bench.live)
        assert bench.notes.how == ["waited"] * 10
        assert bench.notes.sound == numbers(0, 10 * CHUNK)
        assert bench.notes.asked <= 11  # Once for each time that it became live.


@story
async def test_faster_than_is_allowed_it_is_not_live():
    async with sending(Notes(), replay_rate=1.0) as bench:
        for _ in range(60):
            await bench.append(CHUNK)
        await until(lambda: bench.sent.frames == 60 * CHUNK)
        assert bench.notes.sound == numbers(0, 60 * CHUNK)
        assert sum(bench.slept) > 3  # Six seconds of sound, of which two may go at once.


@story
async def test_a_writer_that_races_the_loop_loses_and_doubles_nothing():
    def write() -> None:
        for n in range(3000):
            bench.log.append(n * CHUNK, numbers(n * CHUNK, CHUNK))

    async with sending(Notes(busy_after=2), log=AudioLog(keep_seconds=400), replay_rate=1e6) as bench:
        await bench.captures(write)
        await until(lambda: bench.sent.frames == 3000 * CHUNK)
        assert bench.notes.sound == numbers(0, 3000 * CHUNK)
        assert {"now", "waited"} == set(bench.notes.how)


@story
async def test_a_wire_that_is_gone_ends_it():
    bench = Bench(Notes(busy_after=0))
    bench.notes.gone = True
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        await bench.append(CHUNK)
        with pytest.raises(TryAgain, match="gone"):
            await running
        assert bench.log._follower is None


# --- no sound for a while


@story
async def test_a_microphone_that_rests_leaves_nothing_unsent_and_its_last_words_are_followed_by_a_pause():
    async with sending(Notes()) as bench:
        await bench.append(2 * CHUNK)
        await bench.append(CHUNK // 3)
        for _ in range(3):  # Once is enough.
            await asyncio.to_thread(bench.log.rest)
            await until(lambda: bench.live and bench.sent.paused)
        before = numbers(0, 2 * CHUNK + CHUNK // 3) + bytes(2 * PAUSE_FRAMES)
        assert bench.notes.sound == before
        bench.log.append(5 * CHUNK, numbers(5 * CHUNK, CHUNK))
        await until(lambda: bench.sent.end == 6 * CHUNK)
        assert bench.notes.sound == before + numbers(5 * CHUNK, CHUNK)


@story
async def test_who_was_sent_nothing_hears_no_pause_of_a_microphone_that_rests():
    async with sending(Notes()) as bench:
        await asyncio.to_thread(bench.log.rest)
        await bench.append(CHUNK)
        await until(lambda: bench.sent.end == CHUNK)
    assert bench.notes.sound == numbers(0, CHUNK)


@story
async def test_who_is_to_leave_while_a_pause_waits_for_the_wire_leaves():
    bench = Bench(Notes())
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        await bench.append(2 * CHUNK)
        bench.notes.taking.clear()
        await bench.captures(bench.log.rest)
        await until(lambda: bench.sent.paused)
        bench.sender.leave()
        bench.notes.taking.set()
        await running
        assert not bench.log.ended


@story
async def test_no_pause_is_sent_before_what_was_said_when_a_hole_is_parted_and_sound_rests_meanwhile():
    async with sending(Notes()) as bench:
        await bench.append(2 * CHUNK)
        bench.notes.taking.clear()
        await bench.append(CHUNK // 2, hole=CHUNK)
        await until(lambda: bench.sent.paused)
        await bench.append(2 * CHUNK)
        await bench.captures(bench.log.rest)
        bench.notes.taking.set()
        await until(lambda: bench.sent.end == bench.log.end and bench.sent.paused)
        behind = numbers(3 * CHUNK, 2 * CHUNK + CHUNK // 2) + bytes(2 * PAUSE_FRAMES)
        assert bench.notes.sound == numbers(0, 2 * CHUNK) + bytes(2 * CHUNK) + behind


@story
async def test_silence_in_what_was_caught_up_with_does_not_count_as_the_pause_of_what_is_live():
    async with sending(Notes()) as bench:
        await bench.append(2 * CHUNK)
        bench.notes.taking.clear()
        await bench.append(CHUNK // 2, hole=CHUNK)
        await until(lambda: bench.sent.paused)
        bench.sender._skipper.quiet = PAUSE_FRAMES
        bench.notes.taking.set()
        await until(lambda: bench.live)
        await bench.append(CHUNK // 2)
        await bench.captures(bench.log.rest)
        await until(lambda: bench.sent.paused)
        assert bench.sent.paused == PAUSE_FRAMES


@story
async def test_who_is_cancelled_as_what_is_live_ends_does_not_go_on():
    bench = Bench(Notes())
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        await bench.append(2 * CHUNK)
        bench.sender._stop_live()
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


# --- when it was sent


@story
async def test_what_still_waits_to_be_sent_does_not_count_as_sent():
    async with sending(Notes(busy_after=0)) as bench:
        bench.notes.taking.clear()
        await bench.append(CHUNK)
        await until(lambda: bench.sent.end == CHUNK)
        assert bench.sender.departures.before(time.monotonic()) is None
        bench.notes.taking.set()
        await until(lambda: bench.notes.sent and bench.live)
        assert bench.sender.departures.before(time.monotonic()) == CHUNK


@story
async def test_live_it_is_noted_every_half_second_what_was_sent_until_when():
    async with sending(Notes()) as bench:
        before = time.monotonic()
        for _ in range(14):
            await bench.append(CHUNK)
        assert bench.sender.departures.before(before) is None
        assert bench.sender.departures.before(time.monotonic()) == 10 * CHUNK


@story
async def test_what_became_of_what_was_sent_is_reviewed_now_and_then(monkeypatch):
    monkeypatch.setattr(senders, "REVIEW_SECONDS", 0.01)
    async with sending(Notes()) as bench:
        await until(lambda: bench.reviews > 3)
    assert not bench.notes.sent


# --- the end


@story
async def test_after_leave_nothing_more_is_sent_and_the_rest_stays_in_the_log():
    bench = Bench(Notes())
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        await bench.append(CHUNK)
        bench.sender.leave()
        await running
        await bench.append(CHUNK)
        assert bench.notes.sound == numbers(0, CHUNK)
        assert bench.log._follower is None
        assert not bench.sender.take(2 * CHUNK, numbers(0, CHUNK))


@story
async def test_a_chunk_that_comes_between_leaving_and_having_left_is_not_said_to_be_taken():
    async with sending(Notes(busy_after=1)) as bench:
        bench.log.append(0, numbers(0, CHUNK))  # Here, so that the loop cannot do its part in between.
        assert not bench.sender.take(CHUNK, numbers(CHUNK, CHUNK))
        assert bench.notes.sound == numbers(0, CHUNK)


@story
async def test_leaving_while_it_catches_up():
    bench = Bench(Notes(busy_after=0))
    bench.log.append(0, numbers(0, 10 * CHUNK))
    bench.notes.taking.clear()
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.sent.frames)
        bench.sender.leave()
        bench.notes.taking.set()
        await running
        assert bench.notes.sizes == [CHUNK]


@story
async def test_a_session_that_is_cut_off_gets_no_more_from_the_capture_thread():
    bench = Bench(Notes())
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        await bench.append(CHUNK)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await bench.append(CHUNK)
        await bench.captures(bench.log.finish)
        assert bench.notes.sound == numbers(0, CHUNK)


@story
async def test_one_session_after_another_gets_what_the_first_was_not_sent():
    log = AudioLog(keep_seconds=60)
    first = Bench(Notes(), log=log)
    with first.capture:
        running = asyncio.create_task(first.sender.run())
        await until(lambda: first.live)
        await first.append(CHUNK)
        first.sender.leave()
        await running
        await first.append(CHUNK)
        first.account.heard(first.sent, until=first.sent.end)
        second = Bench(Notes(), log=log)
        second.sender.account, second.sender.course = first.account, first.sender.course
        with second.capture:
            running = asyncio.create_task(second.sender.run())
            await until(lambda: second.live)
            await first.append(CHUNK)
            await first.captures(log.finish)
            await running
    assert second.notes.sound == numbers(CHUNK, 2 * CHUNK)
    assert second.notes.how == ["waited", "now"]


@pytest.mark.parametrize("rest", [0, 900])
@story
async def test_the_end_of_the_log_is_the_end_and_the_rest_is_sent(rest):
    bench = Bench(Notes())
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        await bench.append(CHUNK)
        await bench.append(rest)
        await bench.captures(bench.log.finish)
        await running
    assert bench.notes.sound == numbers(0, CHUNK + rest)


@story
async def test_the_log_may_be_ended_by_another_thread_than_the_one_that_writes():
    def write() -> None:
        while not stop.is_set() and bench.log.end < 50 * RATE:
            bench.log.append(bench.log.end, numbers(bench.log.end, CHUNK))

    bench, stop = Bench(Notes(), replay_rate=1e6), threading.Event()
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        writing = asyncio.create_task(bench.captures(write))
        await until(lambda: bench.sent.frames)
        bench.log.finish()
        stop.set()
        await asyncio.gather(running, writing)
    assert bench.notes.sound == numbers(0, bench.sent.frames)


@story
async def test_a_log_that_has_ended_already_is_sent_and_that_is_all():
    bench = Bench(Notes())
    bench.log.append(0, numbers(0, 5000))
    bench.log.finish()
    with bench.capture:
        await bench.sender.run()
    assert bench.notes.sound == numbers(0, 5000)
    assert bench.notes.how == ["waited"] * 4


@story
async def test_what_the_log_has_lost_is_reported_and_it_goes_on_with_what_is_there():
    bench = Bench(Notes(busy_after=0), log=AudioLog(keep_seconds=2))
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        bench.notes.taking.clear()
        await bench.append(CHUNK)
        await until(lambda: bench.sent.frames)
        for _ in range(50):
            await bench.append(CHUNK)
        bench.notes.taking.set()
        await until(lambda: bench.sent.end == 51 * CHUNK)
        bench.log.finish()
        await running
    (gap,) = bench.delivered
    assert (gap.name, gap.data["cause"], gap.data["frames"]) == ("gap", "overflow", [CHUNK, 51 * CHUNK - RATE])
    pause = bytes(2 * PAUSE_FRAMES)
    assert bench.notes.sound == numbers(0, CHUNK) + pause + numbers(51 * CHUNK - RATE, RATE)


class Tiers:
    """A reader of a disk and a memory behind it, of which the disk has no more than [``oldest``, `oldest` + 5 s)."""

    def __init__(self, log: AudioLog, oldest: int) -> None:
        self.log, self.oldest = log, oldest

    @property
    def end(self) -> int:
        return self.log.end

    def read(self, start: int, count: int) -> Stretch:
        start = max(start, self.oldest)
        if start < self.log.oldest:
            return Stretch(start, numbers(start, min(count, self.log.oldest - start)))
        return self.log.read(start, count)


@pytest.mark.parametrize(("oldest", "given_up_until"), [(4 * RATE, 4 * RATE), (20 * RATE, 25 * RATE)])
@story
async def test_what_the_disk_still_has_is_not_given_up_with_what_it_has_not(oldest, given_up_until):
    bench = Bench(Notes(), log=AudioLog(keep_seconds=10))
    bench.log.append(0, numbers(0, 30 * RATE))
    bench.log.finish()
    bench.sender.reader = Tiers(bench.log, oldest)
    with bench.capture:
        await bench.sender.run()
    assert [gap.data["frames"] for gap in bench.delivered] == [[0, given_up_until]]
    assert bench.notes.sound == numbers(given_up_until, 30 * RATE - given_up_until)


# --- keeping a quiet session open


class Skipping(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer when there is nothing else to do."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0.0
        self._look = self._selector.select
        self._selector.select = self._select

    def time(self) -> float:
        return super().time() + self._skipped

    def _select(self, timeout: float | None = None) -> list:
        if timeout is None or (events := self._look(0)):
            return self._look(timeout) if timeout is None else events
        self._skipped += timeout
        return []


def skipping(scene: Callable[[], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=Skipping) as runner:
        runner.run(scene())


@pytest.mark.parametrize(
    ("due", "seldom"), [(0.9, 0.3), (4.0, 1.5), (9.9, 4.0), (27.0, 9.0), (30.0, 10.0), (3240, 3000)]
)
def test_a_quiet_session_is_kept_open_in_time_and_no_oftener_than_needed(due, seldom):
    async def scene() -> None:
        bench = Bench(Notes(), keepalive_seconds=due)
        began = asyncio_time()
        with bench.capture:
            running = asyncio.create_task(bench.sender.run())
            while len(bench.notes.sent) < 4:  # noqa: ASYNC110  (nothing tells)
                await asyncio.sleep(due / 10)
            bench.log.finish()
            await running
        assert {message for message, *_ in bench.notes.sent} == {KEEP_ALIVE}
        times = [began, *(at for *_, at in bench.notes.sent)]
        waits = [after - before for before, after in pairwise(times)]
        assert max(waits) <= due
        assert min(waits) >= seldom

    skipping(scene)


@pytest.mark.parametrize("due", [None, 30.0])
def test_where_sound_comes_or_nobody_asks_for_it_nothing_else_is_sent(due):
    async def scene() -> None:
        bench = Bench(Notes(), keepalive_seconds=due)
        with bench.capture:
            running = asyncio.create_task(bench.sender.run())
            for n in range(200):
                await asyncio.sleep(1 if due else 60)
                if due:
                    bench.log.append(n * CHUNK, numbers(n * CHUNK, CHUNK))
            bench.log.finish()
            await running
        assert KEEP_ALIVE not in {message for message, *_ in bench.notes.sent}

    skipping(scene)


# --- long silence in what is sent again


def outage(*, speech_seconds: float, silence_seconds: float, times: int) -> bytes:
    """Speech and digital silence by turns."""
    speech = numbers(0, round(speech_seconds * RATE))
    return (speech + bytes(round(silence_seconds * RATE) * 2)) * times


@pytest.mark.parametrize(("times", "slack_seconds"), [(1, 3.0), (4, 6.0)])
@story
async def test_a_minute_of_which_forty_seconds_were_silent_is_worked_off_in_the_time_of_the_rest(times, slack_seconds):
    bench = Bench(Notes(), replay_rate=1.2)
    seam = Seam(bench.account.ledger, catch_up_seconds=1.0)
    seam.begin(60 * RATE, patient=False)
    bench.sender.course = Late(seam)
    sound = outage(speech_seconds=20 / times, silence_seconds=40 / times, times=times)
    bench.log.append(0, sound)
    await bench.sender.run()
    assert 20 / 1.2 <= sum(bench.slept) + BURST_SECONDS / 1.2 <= (20 + slack_seconds) / 1.2
    left = bench.account.ledger.settled[Fate.SILENT]
    assert left + bench.sent.frames == 60 * RATE
    frames = [frame for first, last in bench.sent.ranges(0, 60 * RATE) for frame in range(first, last)]
    assert bench.notes.sound == b"".join(sound[2 * frame : 2 * frame + 2] for frame in frames)
    assert np.count_nonzero(np.frombuffer(bench.notes.sound, "<i2")) == np.count_nonzero(np.frombuffer(sound, "<i2"))


@story
async def test_live_silence_is_sent_whole():
    async with sending(Notes()) as bench:
        for _ in range(60):
            await bench.captures(lambda: bench.log.append(bench.log.end, bytes(2 * CHUNK)))
        await until(lambda: bench.sent.frames == 60 * CHUNK)
        assert bench.account.ledger.settled[Fate.SILENT] == 0


@story
async def test_a_live_session_that_lags_leaves_long_silence_out_until_it_has_come_near():
    bench = Bench(Notes())
    bench.log.append(0, bytes(2 * 8 * RATE) + numbers(1, RATE))
    with bench.capture:
        running = asyncio.create_task(bench.sender.run())
        await until(lambda: bench.live)
        ranges = bench.sent.ranges(0, 9 * RATE)
        assert len(ranges) == 2
        assert ranges[0] == (0, TAIL_FRAMES)
        assert 7 * RATE - LEAD_FRAMES - CHUNK <= ranges[1][0] <= 7 * RATE - LEAD_FRAMES
        assert ranges[1][1] == 9 * RATE
        bench.log.finish()
        await running
