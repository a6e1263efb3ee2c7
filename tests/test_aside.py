"""Files set aside, in real folders."""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from edgetx import aside
from edgetx.aside import KEPT, set_aside


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """What the clock shows, seconds."""
    shows = [1.79e9]
    real = time.gmtime
    monkeypatch.setattr(aside.time, "gmtime", lambda: real(shows[0]))
    return shows


def put_aside(folder: Path, text: str) -> Path:
    (folder / "x.db").write_text(text)
    (folder / "x.db-log").write_text(f"log of {text}")
    (folder / "x.db-shm").write_text("of no use")
    return set_aside(folder / "x.db", along=["-log"], gone=["-shm", "-none"])


def test_it_goes_with_what_belongs_to_it(tmp_path):
    path = put_aside(tmp_path, "one")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        path.name: "one",
        f"{path.name}-log": "log of one",
    }


def test_two_in_a_second_have_two_names(tmp_path):
    assert put_aside(tmp_path, "one") != put_aside(tmp_path, "two")


def test_the_oldest_are_removed_but_never_the_one_just_set_aside_whatever_the_clock_says(tmp_path, clock):
    numbers = count()
    for shows in (1.79e9, 1.79e9 + 9, 1.79e9 + 99, 1.75e9):
        clock[0] = shows
        last = put_aside(tmp_path, str(next(numbers)))
    assert last.read_text() == "3"
    assert sorted(file.read_text() for file in tmp_path.iterdir() if "-log" not in file.name) == ["1", "2", "3"]
    assert len(list(tmp_path.iterdir())) == 2 * KEPT
