"""What is collected on the loop, and what of it a restart finds: on real files, and on a disk that has its moods."""

import asyncio
import threading
from pathlib import Path

import pytest

from edgetx.clock import Moment
from edgetx.errors import TryAgain
from edgetx.mqtt.outbox import Outbox
from edgetx.mqtt.topics import Kind, Publication
from edgetx.restart import Mark, Remembered
from edgetx.speech.ledger import Fate, Ledger
from edgetx.state import State
from edgetx.store import Contents, Locked, Store
from tests.rigs.story import story, until

MOMENT = Moment(1.5, synced=True, monotonic=-2.0, boottime=3.0, boot_id="b")


def final(name):
    return Publication(f"final/{name}", b"hello", qos=1, retain=False, durable=True, kind=Kind.FINAL, id=str(name))


def event(name):
    return Publication(f"event/{name}", b"gap", qos=1, retain=False, durable=True, kind=Kind.EVENT, id=str(name))


class Moody:
    """A `Store` on a disk that is full, or gone, while ``fails`` says why. ``batches`` were tried."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder, "crash")
        self.fails = ""
        self.moves = threading.Event()
        self.moves.set()
        self.batches = []

    def open(self):
        self._grumble()
        return self._store.open()

    def write(self, batch):
        self.batches.append(batch)
        self.moves.wait(30)
        self._grumble()
        self._store.write(batch)

    def close(self):
        self._store.close()

    def _grumble(self):
        if self.fails:
            self._store.close()
            raise TryAgain(self.fails)


class Run:
    """``async with Run(folder) as run``: one run of the daemon's state, ledger and outbox; stopped in order."""

    def __init__(self, folder: Path, *, fails: str = "") -> None:
        self.disk = Moody(folder)
        self.disk.fails = fails
        self.said = []
        self.state = State(self.disk, report=lambda *said: self.said.append(said), retry_seconds=0.02)
        self.outbox = Outbox(journal=self.state)
        self.ledger = Ledger(lambda: self.state.changed("desk"))
        self.known = Contents()
        self._running = None

    async def __aenter__(self):
        self.known = await self.state.open()
        self.outbox.restore(self.known.rows)
        self.state.follow("desk", lambda: Remembered(Mark(9, MOMENT), self.ledger.balance))
        self.outbox.connection_made()
        self._running = asyncio.ensure_future(self.state.run(self.outbox.put))
        await until(lambda: self.said)
        return self

    async def __aexit__(self, *_):
        await self.state.stop()
        await self._running

    def acknowledge(self, count):
        for _ in range(count):
            self.outbox.acknowledged(self.outbox.take()[0])

    def rest(self):
        return [publication for _, publication in iter(self.outbox.take, None)]


@story
async def test_what_the_broker_does_not_have_is_there_again_with_its_number_and_in_order(tmp_path):
    async with Run(tmp_path) as run:
        for publication in (final(1), event(2), final(3)):
            run.outbox.put(publication)
        run.acknowledge(1)
    async with Run(tmp_path) as run:
        assert run.known.rows == [(2, event(2)), (3, final(3))]
        run.outbox.put(final(4))
        assert run.rest() == [event(2), final(3), final(4)]
    assert [said[0] for said in run.said] == ["ready"]


@story
async def test_a_final_and_what_it_settles_are_in_one_batch_and_silence_waits_for_it(tmp_path):
    async with Run(tmp_path) as run:
        run.outbox.put(event(1))
        await until(lambda: len(run.disk.batches) == 1)
        run.ledger.settle(0, 50, Fate.SILENT)
        run.ledger.settle(50, 100, Fate.TRANSCRIBED)
        run.outbox.put(final(2))
        await until(lambda: len(run.disk.batches) == 2)
        assert run.disk.batches[1].rows == [(2, final(2))]
        assert run.disk.batches[1].microphones["desk"].balance.frontier == 100
        run.ledger.settle(100, 200, Fate.SILENT)
        run.acknowledge(2)
        await asyncio.sleep(0)
        assert len(run.disk.batches) == 2
    async with Run(tmp_path) as run:
        assert run.known.rows == []
        assert run.known.microphones["desk"].balance.settled == {Fate.TRANSCRIBED: 50, Fate.SILENT: 150, Fate.LOST: 0}


@story
async def test_silence_alone_is_written_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr("edgetx.state.LAZY_SECONDS", 0.05)
    async with Run(tmp_path) as run:
        run.ledger.settle(0, 50, Fate.SILENT)
        await until(lambda: run.disk.batches)
        assert run.disk.batches[0].microphones["desk"].balance.frontier == 50


@story
async def test_what_a_crash_must_not_forget_is_written_at_once(tmp_path):
    async with Run(tmp_path) as run:
        await run.state.commit()
        run.disk.batches.clear()
        run.state.changed_now("desk")
        await until(lambda: run.disk.batches)
        assert list(run.disk.batches[0].microphones) == ["desk"]


@story
async def test_the_next_run_knows_what_was_given_up_in_this_one(tmp_path):
    async with Run(tmp_path) as run:
        run.state.gave_up(Kind.EVENT)
    async with Run(tmp_path) as run:
        assert run.known.given_up == {Kind.EVENT: 1}
        outbox = Outbox(limit=100, journal=run.state)
        for number in range(120):
            outbox.put(final(0) if number else event(0))
        assert outbox.dropped == {Kind.EVENT: 1, Kind.FINAL: 19}
    async with Run(tmp_path, fails="The card is away.") as run:
        run.state.gave_up(Kind.FINAL)
        run.disk.fails = ""
        await until(lambda: run.said[-1] == ("ready", ""))
    async with Run(tmp_path) as run:
        assert run.known.given_up == {Kind.EVENT: 2, Kind.FINAL: 20}


@story
async def test_what_a_full_disk_does_not_take_is_kept_in_memory_and_written_when_there_is_room(tmp_path):
    async with Run(tmp_path) as run:
        run.outbox.put(final(1))
        await until(lambda: len(run.disk.batches) == 1)
        run.disk.fails = "The disk is full."
        run.outbox.put(final(2))
        await until(lambda: run.said[-1][0] == "memory")
        assert run.said[-1][1].startswith("The disk is full. What a restart must find again is kept in memory only.")
        run.outbox.put(final(3))
        run.acknowledge(1)
        run.disk.fails = ""
        await until(lambda: run.said[-1] == ("ready", ""))
    async with Run(tmp_path) as run:
        assert run.known.rows == [(2, final(2)), (3, final(3))]


@story
async def test_a_file_that_comes_late_brings_what_was_owed(tmp_path):
    async with Run(tmp_path) as run:
        run.outbox.put(final(1))
    async with Run(tmp_path, fails="The card is away.") as run:
        assert run.known == Contents()
        run.outbox.put(final(2))
        run.disk.fails = ""
        await until(lambda: run.said[-1] == ("ready", ""))
        assert run.rest() == [final(2), final(1)]
    async with Run(tmp_path) as run:
        assert [publication for _, publication in run.known.rows] == [final(2), final(1)]


@story
async def test_a_damaged_file_is_told_of_and_what_was_saved_of_it_is_in_the_new_one(tmp_path):
    async with Run(tmp_path) as run:
        run.outbox.put(final(1))
    (tmp_path / "state.db").write_bytes(b"x" * 10_000)
    async with Run(tmp_path) as run:
        assert run.said[0][0] == "ready"
        assert "set aside" in run.said[0][1]
        run.outbox.put(final(2))
    async with Run(tmp_path) as run:
        assert run.known.rows == [(1, final(2))]
        assert run.said == [("ready", "")]


@story
async def test_a_stop_says_how_much_is_lost_when_nothing_can_be_written(tmp_path):
    async with Run(tmp_path) as run:
        run.disk.fails = "The disk is full."
        run.outbox.put(final(1))
    assert run.said[-1] == ("memory", "The messages that the broker does not have, 1, go with the daemon.")


@story
async def test_what_is_published_leaves_when_it_is_on_disk(tmp_path):
    async with Run(tmp_path) as run:
        run.state.saved = run.outbox.kept
        run.disk.moves.clear()
        run.outbox.put(final(1))
        await until(lambda: len(run.disk.batches) == 1)
        run.outbox.put(final(2))
        assert run.rest() == []
        run.disk.moves.set()
        taken = []
        await until(lambda: taken.extend(run.rest()) or taken)
        await until(lambda: taken.extend(run.rest()) or len(taken) == 2)
        assert taken == [final(1), final(2)]
    async with Run(tmp_path) as run:
        assert [row[1] for row in run.known.rows] == [final(1), final(2)]


@story
async def test_a_disk_that_is_stuck_holds_nothing_back_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr("edgetx.state.PATIENCE_SECONDS", 0.05)
    async with Run(tmp_path) as run:
        run.state.saved = run.outbox.kept
        run.disk.moves.clear()
        run.outbox.put(final(1))
        await until(lambda: len(run.disk.batches) == 1)
        run.outbox.put(final(2))
        taken = []
        await until(lambda: taken.extend(run.rest()) or len(taken) == 2)
        run.outbox.put(final(3))
        assert run.rest() == [final(3)]
        run.disk.moves.set()
        await until(lambda: len(run.disk.batches) == 2)
        await until(lambda: not run.state._slow)


@story
async def test_a_disk_that_takes_nothing_holds_nothing_back(tmp_path):
    async with Run(tmp_path) as run:
        run.state.saved = run.outbox.kept
        run.disk.fails = "The disk is full."
        run.outbox.put(final(1))
        taken = []
        await until(lambda: taken.extend(run.rest()) or taken)
        assert run.said[-1][0] == "memory"
        run.outbox.put(final(2))
        assert run.rest() == [final(2)]
        run.disk.fails = ""
        await until(lambda: run.said[-1] == ("ready", ""))


def holes(count):
    ledger = Ledger()
    for number in range(1, count + 1):
        ledger.settle(10 * number, 10 * number + 5, Fate.LOST)
    return Remembered(Mark(10**6, MOMENT), ledger.balance)


@story
async def test_a_file_that_another_program_has_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("edgetx.store.LOCKED_SECONDS", 0.05)
    async with Run(tmp_path) as run:
        run.outbox.put(final(1))
    other = Store(tmp_path, "crash")
    other.open()
    asyncio.get_running_loop().call_later(0.4, other.close)
    async with Run(tmp_path) as run:
        assert run.known.rows == [(1, final(1))]
        assert run.said == [("ready", "")]


@story
async def test_a_file_that_another_program_does_not_let_go_of_is_no_file_that_is_empty(tmp_path, monkeypatch):
    monkeypatch.setattr("edgetx.store.LOCKED_SECONDS", 0.05)
    monkeypatch.setattr("edgetx.state.LOCKED_SECONDS", 0.2)
    other = Store(tmp_path, "crash")
    other.open()
    with pytest.raises(Locked, match="another program uses it"):
        await State(Moody(tmp_path), report=lambda *_: None).open()
    other.close()


@story
async def test_what_a_restart_would_find_is_what_was_written_and_that_can_be_had_at_once(tmp_path):
    async with Run(tmp_path) as run:
        await run.state.commit()
        assert run.state.kept("desk").balance.frontier == 0
        run.ledger.settle(0, 50, Fate.SILENT)
        assert run.state.kept("desk").balance.frontier == 0
        await run.state.commit()
        assert run.state.kept("desk").balance.frontier == 50
        run.disk.fails = "The disk is full."
        run.ledger.settle(50, 70, Fate.SILENT)
        await run.state.commit()
        assert run.state.kept("desk").balance.frontier == 70  # There is no other way to make room.


@story
async def test_a_long_row_is_not_written_with_each_hole_but_with_each_final(tmp_path, monkeypatch):
    monkeypatch.setattr("edgetx.memory.LONG", 3)
    async with Run(tmp_path) as run:
        run.state.follow("hall", lambda: holes(5))
        for number in range(1, 4):
            run.state.changed("hall")
            run.outbox.put(event(number))
            await until(lambda count=number: len(run.disk.batches) == count)
        assert ["hall" in batch.microphones for batch in run.disk.batches] == [True, False, False]
        run.outbox.put(final(4))
        await until(lambda: len(run.disk.batches) == 4)
        assert "hall" in run.disk.batches[3].microphones
