"""The keeper with a real log, a real folder and a real ledger: every frame is kept, settled, or told lost."""

import asyncio
import os
import random
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio import keeper
from edgetx.audio.format import Gap
from edgetx.audio.keeper import Keeper
from edgetx.audio.keeping import BLOCK_BYTES, Rules
from edgetx.audio.kept import Kept
from edgetx.audio.log import AudioLog
from edgetx.audio.spool import Spool
from edgetx.speech.ledger import Fate, Ledger
from tests.audio.test_keeping import frames
from tests.audio.test_spool import NOBODY, file_of, is_numbered, largest_file, nothing_writable, numbers, open_folder
from tests.rigs.story import story, until

__all__ = ["NOBODY", "open_folder"]

KEEP = 1200
RULES = Rules(write_after=800, longest=200, max_bytes=100 * BLOCK_BYTES, max_age=10**9)
"""What 75 ms of memory would have."""


def files(folder: str) -> int:
    return len(list(Path(folder).iterdir()))


class Desk:
    """A microphone whose provider is away, unless ``settle`` is called."""

    def __init__(self, folder: Path, *, rules: Rules = RULES, start: int = 0) -> None:
        self.log = AudioLog(keep_seconds=KEEP / 16000, start=start)
        self.ledger = Ledger()
        self.ledger.settle(0, start, Fate.SILENT)
        self.spool = Spool(folder)
        self.kept = Kept(self.log, self.spool)
        self.gaps: list[tuple[int, int, str]] = []
        self.reports: list[tuple[str, str]] = []
        self.keeper = Keeper(
            log=self.log,
            spool=self.spool,
            rules=rules,
            owed=self.ledger.owed,
            lose=self.lose,
            report=lambda status, detail: self.reports.append((status, detail)),
            sleep=asyncio.sleep,
        )

    def lose(self, gap: Gap) -> None:
        self.gaps.append((gap.start, gap.end, gap.cause))
        assert self.ledger.settle(gap.start, gap.end, Fate.LOST) == gap.frames

    def miss(self, frames: int) -> None:
        """Have the device be away."""
        self.lose(Gap(self.log.end, frames, "device"))
        self.log.append(self.log.end + frames, b"")

    async def capture(self, frames: int, *, step: int = 100) -> None:
        """Have sound come, and the keeper look after it as often as it does."""
        stop = self.log.end + frames
        while self.log.end < stop:
            self.log.append(self.log.end, numbers(self.log.end, min(step, stop - self.log.end)))
            await self.keeper.round()

    def extents(self, start: int = 0) -> list[tuple[int, int]]:
        """Read all that is kept, and check it; neighbours are joined."""
        joined: list[tuple[int, int]] = []
        while (stretch := self.kept.read(start, 10**6)).pcm:
            assert is_numbered(stretch)
            if joined and joined[-1][1] == stretch.start:
                joined[-1] = (joined[-1][0], stretch.end)
            else:
                joined.append((stretch.start, stretch.end))
            start = stretch.end
        return joined


@story
async def test_in_good_weather_nothing_touches_the_disk():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name) / "desk")
        for _ in range(50):
            await desk.capture(100)
            desk.ledger.settle(0, desk.log.end - 500, Fate.TRANSCRIBED)
        assert not (Path(name) / "desk").exists()
        assert (desk.gaps, desk.reports) == ([], [])


@story
async def test_an_outage_that_outlasts_memory_is_kept_whole_and_removed_when_it_is_settled():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        await desk.capture(5000)
        assert desk.log.oldest == 3800
        assert desk.extents() == [(0, 5000)]
        desk.ledger.settle(0, 1000, Fate.TRANSCRIBED)
        await desk.keeper.round()
        assert desk.kept.oldest == 1000
        desk.ledger.settle(1000, 5000, Fate.TRANSCRIBED)
        await desk.keeper.round()
        assert (desk.gaps, desk.spool.segments, files(name)) == ([], (), 0)


@story
async def test_holes_stay_holes_and_settled_sound_is_not_written():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        await desk.capture(1000)
        desk.miss(300)
        desk.ledger.settle(300, 450, Fate.TRANSCRIBED)
        await desk.capture(4000)
        assert desk.extents() == [(0, 300), (450, 1000), (1300, 5300)]
        assert desk.gaps == [(1000, 1300, "device")]


@story
async def test_a_device_that_is_away_for_longer_than_memory_lasts_takes_nothing_with_it():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        await desk.capture(1000)
        await desk.keeper.round()
        desk.miss(10**6)
        await desk.capture(1000)
        assert desk.extents() == [(0, 1000), (10**6 + 1000, 10**6 + 2000)]
        assert desk.gaps == [(1000, 10**6 + 1000, "device")]


@story
async def test_the_oldest_is_given_up_first_when_there_is_no_room():
    with tempfile.TemporaryDirectory() as name:
        rules = Rules(write_after=800, longest=200, max_bytes=5 * BLOCK_BYTES, max_age=10**6)
        desk = Desk(Path(name), rules=rules)
        await desk.capture(5000)
        ((first, last),) = desk.extents()
        assert last == 5000
        assert len(desk.spool.segments) == files(name) == 5
        assert desk.gaps[0] == (0, 200, "overflow")
        assert sum(end - start for start, end, _ in desk.gaps) == desk.ledger.frontier == first == 3200


@story
async def test_what_is_too_old_is_given_up():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name), rules=Rules(write_after=800, longest=200, max_bytes=10**9, max_age=2000))
        await desk.capture(5000)
        assert desk.extents() == [(2800, 5000)]
        assert {cause for _, _, cause in desk.gaps} == {"overflow"}
        assert desk.ledger.frontier == 2800


@story
async def test_a_damaged_segment_is_told_with_its_extent():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        await desk.capture(3000)
        file_of(Path(name), 400).write_bytes(b"garbage")
        assert desk.extents() == [(0, 400), (600, 3000)]
        await desk.keeper.round()
        assert desk.gaps == [(400, 600, "damaged")]


@story
async def test_what_is_damaged_on_disk_and_still_in_memory_is_written_again():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        await desk.capture(1100)
        file_of(Path(name), 0).write_bytes(b"garbage")
        assert desk.spool.read(0, 100, before=200) is None
        await desk.capture(900)
        assert desk.extents() == [(0, 2000)]
        assert desk.gaps == []


@story
async def test_a_full_disk_is_said_once_told_in_frames_and_recovered_from():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        await desk.capture(2000)
        with largest_file(100):
            await desk.capture(2000)
        assert [status for status, _ in desk.reports] == ["memory"]
        assert "File too large" in desk.reports[0][1]
        await desk.capture(2000)
        assert [status for status, _ in desk.reports] == ["memory", "ready"]
        lost = sum(end - start for start, end, cause in desk.gaps if cause == "overflow")
        assert sum(end - start for start, end in desk.extents()) == 6000 - lost
        assert 0 < lost < 2000


@story
async def test_a_disk_that_nobody_needs_any_more_is_no_trouble():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        with largest_file(100):
            await desk.capture(1000)
        desk.ledger.settle(0, 1000, Fate.TRANSCRIBED)
        await desk.keeper.round()
        assert [status for status, _ in desk.reports] == ["memory", "ready"]


def test_a_folder_that_became_read_only_gives_up_only_what_leaves_memory(open_folder):
    @story
    async def told() -> None:
        desk = Desk(open_folder)
        await desk.capture(2000)
        kept = desk.spool.end
        with nothing_writable(open_folder):
            await desk.capture(3000)
            desk.ledger.settle(0, 200, Fate.TRANSCRIBED)
            await desk.keeper.round()
            assert desk.reports[-1][0] == "memory"
        assert desk.extents() == [(0, kept), (desk.log.oldest, 5000)]
        await desk.keeper.round()
        assert desk.spool.segments[0].start == 200
        assert desk.reports[-1] == ("ready", "")
        assert [cause for _, _, cause in desk.gaps] == ["overflow"] * len(desk.gaps)

    told()


@story
async def test_at_a_stop_all_that_is_owed_goes_to_disk_and_the_next_run_has_it():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        await desk.capture(2500)
        desk.ledger.settle(2300, 2400, Fate.TRANSCRIBED)
        await desk.keeper.stop()
        assert desk.gaps == []
        later = Desk(Path(name), start=desk.spool.end + 700)
        later.ledger = desk.ledger
        later.spool.open()
        later.log.append(3200, numbers(3200, 100))
        assert later.extents() == [(0, 2300), (2400, 2500), (3200, 3300)]


@story
async def test_what_an_earlier_run_did_not_leave_on_disk_is_told_at_the_beginning():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        await desk.capture(2500)
        later = Desk(Path(name), start=2700)
        later.ledger = Ledger()
        later.keeper.owed = later.ledger.owed
        later.spool.open()
        later.keeper.begin()
        assert later.gaps == [(desk.spool.end, 2700, "restart")]
        await later.keeper.round()
        assert later.extents() == [(0, 1800)]


@story
async def test_without_a_disk_nothing_is_written_and_what_is_left_of_one_goes():
    with tempfile.TemporaryDirectory() as name:
        before = Desk(Path(name))
        await before.capture(2500)
        desk = Desk(Path(name), rules=replace(RULES, max_bytes=0))
        desk.spool.open()
        await desk.capture(2500)
        assert (files(name), desk.gaps, desk.reports) == (0, [], [])
        await desk.keeper.stop()
        assert desk.gaps == [(0, 2500, "stopped")]


@story
async def test_at_a_stop_what_the_disk_does_not_take_is_told():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        await desk.capture(500)
        with largest_file(100):
            await desk.keeper.stop()
        assert desk.gaps == [(0, 500, "stopped")]
        assert desk.ledger.frontier == 500


@story
async def test_a_stop_in_the_middle_of_a_round_waits_for_it_and_writes_nothing_twice():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        desk.log.append(0, numbers(0, 1200))
        running = asyncio.create_task(desk.keeper.run())
        await until(lambda: desk.keeper._working)
        running.cancel()
        await asyncio.wait((running,))
        await desk.keeper.stop()
        assert desk.extents() == [(0, 1200)]
        assert [segment.start for segment in desk.spool.segments] == list(range(0, 1200, 200))
        assert desk.gaps == []


@story
async def test_a_disk_that_hangs_is_said_holds_up_nobody_and_is_waited_for(monkeypatch):
    monkeypatch.setattr(keeper, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(keeper, "STOP_SECONDS", 0.05)
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        stuck = file_of(Path(name), 0).with_suffix(".pcm.part")
        os.mkfifo(stuck)  # To open it for writing takes until somebody reads.
        await desk.capture(1600)
        assert desk.reports == [("memory", "The disk took more than 0.05 s.")]
        assert desk.extents() == [(400, 1600)]
        await desk.keeper.stop()
        assert [cause for _, _, cause in desk.gaps] == ["overflow"] * 4 + ["stopped"]
        assert desk.ledger.frontier == 1600
        reading = os.open(stuck, os.O_RDONLY)
        await until(desk.keeper._working.done)
        os.close(reading)


@story
async def test_it_goes_on_by_itself_and_beside_a_folder_that_vanishes():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name) / "desk", rules=Rules(write_after=80, longest=40, max_bytes=10**9, max_age=10**6))
        running = asyncio.create_task(desk.keeper.run())
        desk.log.append(0, numbers(0, 1000))
        await until(lambda: desk.spool.end == 1000)
        shutil.rmtree(Path(name) / "desk")
        desk.log.append(1000, numbers(1000, 1000))
        await until(lambda: desk.spool.end == 2000)
        assert desk.extents() == [(desk.log.oldest, 2000)]
        running.cancel()
        await asyncio.wait((running,))


@story
async def test_a_file_stays_until_a_restart_would_know_that_its_sound_is_settled():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        written = Ledger()
        desk.keeper.written = written.owed
        await desk.capture(2500)
        desk.ledger.settle(0, 1000, Fate.TRANSCRIBED)
        await desk.keeper.round()
        assert desk.spool.segments[0] == (0, 200)
        written.carry_forward(desk.ledger.balance)
        await desk.keeper.round()
        assert desk.spool.segments[0] == (1000, 1200)


@story
async def test_at_a_stop_what_was_settled_is_written_down_and_its_files_go():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        written = Ledger()

        async def commit() -> None:
            written.carry_forward(desk.ledger.balance)

        desk.keeper.written = written.owed
        desk.keeper.commit = commit
        await desk.capture(2500)
        desk.ledger.settle(0, 2500, Fate.TRANSCRIBED)
        await desk.keeper.stop()
        assert (files(name), desk.gaps) == (0, [])


@story
async def test_at_a_stop_a_state_that_is_stuck_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(keeper, "STOP_SECONDS", 0.05)
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        desk.keeper.written = lambda start, end: [(start, end)]
        desk.keeper.commit = asyncio.Event().wait
        await desk.capture(2500)
        desk.ledger.settle(0, 2500, Fate.TRANSCRIBED)
        await desk.keeper.stop()
        assert files(name) > 0  # The next run knows that it is settled, or has it.


@story
async def test_once_the_log_has_ended_all_that_is_owed_is_on_disk_before_the_last_words_come():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        desk.log.append(0, numbers(0, 1200))
        running = asyncio.create_task(desk.keeper.run())
        await until(lambda: desk.keeper._working)
        desk.log.append(1200, numbers(1200, 300))
        desk.log.finish()
        await desk.keeper.secure()
        assert desk.spool.end == 1500
        assert frames(desk.ledger.owed(0, 1500)) <= frames(desk.extents())
        running.cancel()
        await asyncio.wait((running,))


@story
async def test_two_may_wait_for_the_disk_and_one_of_them_go_on_before_the_other():
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        desk.log.append(0, numbers(0, 1200))
        desk.log.finish()

        async def going_on() -> None:
            await desk.keeper.round()
            await desk.keeper.round()

        await asyncio.gather(going_on(), desk.keeper.secure())
        assert desk.spool.end == 1200


@given(st.integers(0, 10**9))
@settings(max_examples=25, deadline=None)
def test_whatever_happens_every_frame_is_settled_or_kept_and_what_is_kept_is_right(seed):
    """Sound and holes come, answers come in any order, files are damaged, the disk is full, the daemon is restarted."""

    async def told() -> None:
        chance = random.Random(seed)
        with tempfile.TemporaryDirectory() as name:
            rules = Rules(write_after=800, longest=200, max_bytes=chance.choice([4, 100]) * BLOCK_BYTES, max_age=9000)
            desk = Desk(Path(name), rules=rules)
            for _ in range(40):
                await happen(chance, desk)
                if chance.random() < 0.1:
                    await desk.keeper.stop()
                    desk = restarted(desk, rules)
                await desk.keeper.round()
                check(desk)

    asyncio.run(told())


async def happen(chance: random.Random, desk: Desk) -> None:
    match chance.randrange(5):
        case 0:
            desk.miss(chance.randrange(1, 300))
        case 1:
            start = chance.randrange(desk.log.end + 1)
            desk.ledger.settle(start, min(desk.log.end, start + chance.randrange(1500)), Fate.TRANSCRIBED)
        case 2:
            files = sorted(desk.spool._folder.glob("*.pcm"))
            if files:
                chance.choice(files).write_bytes(chance.randbytes(chance.randrange(500)))
        case 3:
            with largest_file(100):
                await desk.capture(chance.randrange(600))
        case 4:
            await desk.capture(chance.randrange(1500))


def restarted(desk: Desk, rules: Rules) -> Desk:
    later = Desk(desk.spool._folder, rules=rules, start=desk.log.end + 100)
    later.ledger.carry_forward(desk.ledger.balance)
    later.ledger.settle(desk.log.end, later.log.end, Fate.LOST)
    later.spool.open()
    return later


def check(desk: Desk) -> None:
    """What is owed is read; what is read is right, or was damaged behind our back and is told next."""
    there = [*desk.extents(), *desk.spool._damaged]
    assert frames(desk.ledger.owed(0, desk.log.end)) <= frames(there)
