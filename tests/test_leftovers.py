"""Sound of microphones that are no more, on a real disk, with a state that is really kept."""

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgetx.audio.format import RATE
from edgetx.audio.spool import Spool
from edgetx.clock import Moment
from edgetx.clock import now as clocks
from edgetx.config import parse
from edgetx.daemon import Daemon
from edgetx.health import Health
from edgetx.keys import Secrets
from edgetx.leftovers import Leftovers
from edgetx.mqtt.outbox import Outbox
from edgetx.mqtt.topics import Publication, Topics
from edgetx.mutes import Mutes
from edgetx.restart import Mark, Remembered
from edgetx.speech.ledger import Fate, Ledger
from edgetx.state import State
from edgetx.store import Store
from edgetx.wiring import SOUND_SECONDS, sound_folder
from tests.rigs.story import story

OLD, YOUNG = SOUND_SECONDS + 60, SOUND_SECONDS - 60
SOUND = bytes(2 * RATE)


def ago(seconds: float) -> Moment:
    return clocks().earlier(seconds)


def settled(*fates: tuple[int, int], mark: int, seconds: float) -> Remembered:
    ledger = Ledger()
    for first, last in fates:
        ledger.settle(first * RATE, last * RATE, Fate.TRANSCRIBED)
    return Remembered(Mark(mark * RATE, ago(seconds)), ledger.balance)


class House:
    """A daemon with one microphone, desk, that is not started."""

    def __init__(self, folder: Path, **remembered: Remembered) -> None:
        state = State(Store(folder, "crash"), report=lambda *_: None)
        config = parse(
            "microphones: [{name: desk}]", path="x.yaml", environment={}, host_name="lab", world_readable=False
        )
        self.daemon = Daemon(
            config,
            Secrets(None, {}),
            Health(clock=time.monotonic),
            Outbox(),
            state,
            folder,
            remembered,
            quotas={},
            mutes=Mutes(folder, report=lambda *_: None),
        )
        self.published: list[Publication] = []
        publisher: Any = SimpleNamespace(topics=Topics("edgetx", "lab"), put=self.published.append)
        self.daemon.publisher = publisher
        self.leftovers = Leftovers(self.daemon)

    def left(self, name: str, *starts: int, seconds: float = OLD) -> Path:
        """Leave a second of sound on disk for each of ``starts``, captured so long ago."""
        folder = sound_folder(self.daemon) / name
        spool = Spool(folder, captured=lambda _: ago(seconds))
        for start in starts:
            spool.write(start * RATE, SOUND)
        return folder

    def gaps(self) -> list[tuple[str, str, list[float]]]:
        told = [(publication.topic, json.loads(publication.payload)) for publication in self.published]
        return [(topic.split("/")[2], gap["cause"], [n / RATE for n in gap["frames"]]) for topic, gap in told]


@story
async def test_what_is_too_old_is_told_lost_once_and_removed(tmp_path):
    house = House(tmp_path, hall=settled((0, 3), (4, 5), mark=9, seconds=OLD))
    folder = house.left("hall", 3, 5, 6, 7)
    await house.leftovers.look()
    assert house.gaps() == [("hall", "overflow", [3, 4]), ("hall", "overflow", [5, 9])]
    assert not folder.exists()
    kept = house.daemon.state.recall("hall")
    assert kept == house.daemon.remembered["hall"]
    assert kept.balance.frontier == 9 * RATE
    await house.leftovers.look()
    assert len(house.gaps()) == 2


@story
async def test_what_nobody_knows_any_more_is_told_by_what_it_says_itself(tmp_path):
    house = House(tmp_path)
    folder = house.left("hall", 100, 101)
    await house.leftovers.look()
    assert house.gaps() == [("hall", "overflow", [100, 102])]
    gap = json.loads(house.published[0].payload)
    assert gap["start"] < gap["end"] < gap["at"]
    assert not folder.exists()


@pytest.mark.parametrize(("name", "seconds"), [("hall", YOUNG), ("desk", OLD)], ids=["young", "in use"])
@story
async def test_what_may_still_be_wanted_stays(tmp_path, name, seconds):
    house = House(tmp_path)
    folder = house.left(name, 0, seconds=seconds)
    part = folder / f"{5:020}.pcm.part"
    part.write_bytes(b"being written")
    await house.leftovers.look()
    assert house.gaps() == []
    assert (folder / f"{0:020}.pcm").exists()
    assert part.exists() is (name == "desk")


@story
async def test_a_microphone_that_is_just_being_stopped_is_in_use(tmp_path):
    house = House(tmp_path)
    folder = house.left("hall", 0)
    stopping: Any = None
    house.daemon.microphones["hall"] = stopping
    await house.leftovers.look()
    assert (house.gaps(), folder.exists()) == ([], True)


@story
async def test_what_was_in_memory_only_when_the_daemon_was_killed_is_told_as_well(tmp_path):
    house = House(tmp_path, hall=settled((0, 3), mark=5, seconds=OLD))
    await house.leftovers.look()
    assert house.gaps() == [("hall", "overflow", [3, 5])]


@story
async def test_empty_folders_go_and_other_peoples_stay(tmp_path):
    house = House(tmp_path)
    house.left("hall").mkdir(parents=True)
    (sound_folder(house.daemon) / "Not Ours").mkdir()
    (sound_folder(house.daemon) / "notes").write_text("mine")
    await house.leftovers.look()
    assert sorted(path.name for path in sound_folder(house.daemon).iterdir()) == ["Not Ours", "notes"]
