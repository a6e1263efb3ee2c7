"""`edgetx reload`, against processes that behave as a daemon would, or not."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgetx.errors import Refused, TryAgain
from edgetx.reload_note import ask, found, leave
from tests.rigs.microphones import wait_until

LISTENING = """
import signal, sys, time
from pathlib import Path
from edgetx.reload_note import leave
folder = Path(sys.argv[1])
def hear(*_): {heard}
signal.signal(signal.SIGHUP, hear)
leave(folder, 0.0, [])
while True: time.sleep(10)
"""


@contextmanager
def listening(folder: Path, heard: str) -> Iterator[int]:
    """A process that leaves its first note and does ``heard`` when it is signalled."""
    process = subprocess.Popen([sys.executable, "-c", LISTENING.format(heard=heard), folder])
    try:
        wait_until((folder / "settings.json").exists, seconds=30, what="the first note")
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_the_faults_for_which_the_settings_were_not_applied_are_told(tmp_path):
    with listening(tmp_path, "leave(folder, time.monotonic(), ['e.yaml:1: wrong'])"):
        assert ask(tmp_path) == ["e.yaml:1: wrong"]


def test_settings_without_faults_are_applied(tmp_path):
    with listening(tmp_path, "leave(folder, time.monotonic(), [])"):
        assert ask(tmp_path) == []
        assert ask(tmp_path) == []


def test_a_reading_that_began_before_is_not_the_answer(tmp_path):
    """It may have seen the file as it was: the daemon reads once more, and that is the answer."""
    late = "leave(folder, began, ['old']); time.sleep(0.3); leave(folder, time.monotonic(), ['new'])"
    with listening(tmp_path, f"began = time.monotonic() - 5; {late}"):
        assert ask(tmp_path) == ["new"]


def test_a_daemon_that_does_not_answer_is_given_up(tmp_path):
    with listening(tmp_path, "pass"), pytest.raises(TryAgain, match=r"has not read its settings within 0\.2 s"):
        ask(tmp_path, seconds=0.2)


def test_a_daemon_that_ends_instead_is_said(tmp_path):
    with listening(tmp_path, "sys.exit(1)") as pid:
        threading.Thread(target=os.waitpid, args=(pid, 0)).start()  # As systemd would.
        with pytest.raises(TryAgain, match="ended before it said"):
            ask(tmp_path)


def test_where_no_daemon_runs_that_is_said(tmp_path):
    with pytest.raises(Refused, match="No daemon runs"):
        ask(tmp_path)


def test_who_may_not_read_the_note_is_told_how(tmp_path, monkeypatch):
    def forbidden(*_: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", forbidden)
    with pytest.raises(Refused, match="sudo edgetx reload"):
        found(tmp_path)


def test_who_may_not_signal_the_daemon_is_told_how(tmp_path, monkeypatch):
    def forbidden(pid: int, number: int) -> None:
        assert (pid, number) == (os.getpid(), signal.SIGHUP)
        raise PermissionError

    leave(tmp_path, 0.0, [])
    monkeypatch.setattr(os, "kill", forbidden)
    with pytest.raises(Refused, match="sudo edgetx reload"):
        ask(tmp_path)


def test_a_note_is_left_wholly_and_by_whom(tmp_path):
    leave(tmp_path, 12.5, ["wrong"])
    note = found(tmp_path)
    assert (note.pid, note.begun, note.faults) == (os.getpid(), 12.5, ["wrong"])
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_without_a_directory_nobody_waits_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    leave(None, time.monotonic(), ["wrong"])
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_gone_is_logged_and_no_more(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "edgetx"):
        leave(tmp_path / "gone", 0.0, [])
    assert "'edgetx reload' will not hear of this" in caplog.text
