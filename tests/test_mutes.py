"""What is kept of a mute, on a real disk, and on one that has its moods."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from edgetx import mutes
from edgetx.mutes import Mutes
from tests.rigs.story import story, until


class Marks:
    def __init__(self, folder: Path, **more) -> None:
        self.said: list[tuple[str, str]] = []
        self.mutes = Mutes(folder, report=lambda *said: self.said.append(said), **more)


@story
async def test_a_mute_is_on_disk_when_it_is_kept_and_so_is_its_end(tmp_path):
    marks = Marks(tmp_path / "state").mutes
    assert not marks.wanted("desk")
    marks.want("desk", True)
    assert marks.wanted("desk")
    assert not Marks(tmp_path / "state").mutes.wanted("desk")
    assert await marks.keep() == ""
    again = Marks(tmp_path / "state").mutes
    assert again.wanted("desk")
    assert not again.wanted("hall")
    again.want("desk", False)
    assert await again.keep() == ""
    assert not Marks(tmp_path / "state").mutes.wanted("desk")


@story
async def test_what_is_written_is_forced_to_the_card(tmp_path, monkeypatch):
    forced = []
    monkeypatch.setattr(mutes.os, "fsync", lambda number: forced.append(Path(f"/proc/self/fd/{number}").readlink()))
    marks = Marks(tmp_path).mutes
    marks.want("desk", True)
    await marks.keep()
    assert forced == [tmp_path / "muted", tmp_path]


@story
async def test_a_disk_that_does_not_take_it_is_said_and_so_is_its_end(tmp_path):
    (tmp_path / "muted").write_text("in the way")
    marks = Marks(tmp_path)
    marks.mutes.want("desk", True)
    assert await marks.mutes.keep() == f"{tmp_path}/muted cannot be written: File exists."
    assert marks.mutes.wanted("desk")
    (tmp_path / "muted").unlink()
    assert await marks.mutes.keep() == ""
    assert Marks(tmp_path).mutes.wanted("desk")
    why = f"{tmp_path}/muted cannot be written: File exists. A restart may forget what was muted."
    assert marks.said == [("memory", why), ("ready", "")]


@story
async def test_what_could_not_be_written_is_written_when_the_disk_is_well_without_being_asked_again(tmp_path):
    (tmp_path / "muted").write_text("in the way")
    marks = Marks(tmp_path, retry_seconds=0.02)
    marks.mutes.want("desk", True)
    assert await marks.mutes.keep()
    (tmp_path / "muted").unlink()
    await until(lambda: marks.said[-1] == ("ready", ""))
    assert (tmp_path / "muted" / "desk").exists()


def test_what_cannot_be_looked_up_counts_as_muted_and_is_said(tmp_path):
    (tmp_path / "muted").write_text("in the way")
    marks = Marks(tmp_path)
    assert marks.mutes.wanted("desk")
    assert marks.said == [("memory", "Whether desk is muted cannot be read (Not a directory): it is for now.")]


@story
async def test_a_disk_that_hangs_is_said_and_what_it_writes_at_last_is_what_was_wanted_last(tmp_path, monkeypatch):
    hangs, real, entered = threading.Event(), os.open, []

    def slow(*arguments):
        entered.append(arguments)
        hangs.wait(30)
        return real(*arguments)

    marks = Marks(tmp_path, disk_seconds=0.05).mutes
    marks.want("desk", True)
    monkeypatch.setattr(mutes.os, "open", slow)
    for _ in range(3):
        assert await marks.keep() == f"The disk under {tmp_path}/muted does not answer."
    assert len(entered) == 1
    marks.want("desk", False)
    hangs.set()
    marks._disk_seconds = 30
    assert await marks.keep() == ""
    assert not Marks(tmp_path).mutes.wanted("desk")


@pytest.mark.parametrize("last", [True, False])
@story
async def test_what_was_asked_for_last_is_what_is_kept(tmp_path, last):
    marks = Marks(tmp_path).mutes
    kept = []
    for on in (True, False, True, not last, last):
        marks.want("desk", on)
        kept.append(asyncio.ensure_future(marks.keep()))
    assert set(await asyncio.gather(*kept)) == {""}
    assert Marks(tmp_path).mutes.wanted("desk") is last


@story
async def test_it_knows_the_marks_of_microphones_that_are_in_the_settings_no_longer(tmp_path):
    marks = Marks(tmp_path)
    assert marks.mutes.others(["desk"]) == []
    for name in ("hall", "desk", "attic"):
        marks.mutes.want(name, True)
    assert await marks.mutes.keep() == ""
    assert marks.mutes.others(["desk"]) == ["attic", "hall"]
