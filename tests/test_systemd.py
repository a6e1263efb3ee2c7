import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from edgetx.systemd import (
    NOTICE_BYTES,
    Journal,
    is_read_by_journal,
    notifier,
    runtime_folder,
    state_folder,
    watchdog_seconds,
)
from tests.rigs.journal import JournalSocket


@pytest.fixture
def server(tmp_path, monkeypatch):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield server


def test_what_is_told_reaches_systemd_s_socket(server):
    notifier(os.environ)("READY=1")
    assert server.recv(100) == b"READY=1"


def test_a_notice_that_systemd_would_drop_is_cut_between_characters(server):
    notifier(os.environ)("STATUS=ä" + "ö" * 5000 + "\ud800")
    told = server.recv(10_000)
    assert NOTICE_BYTES - 2 <= len(told) <= NOTICE_BYTES
    assert told.decode().startswith("STATUS=äö")


def test_without_systemd_nothing_is_told(capfd):
    notifier({})("READY=1")
    assert capfd.readouterr() == ("", "")


def test_the_watchdog_s_interval_is_in_microseconds():
    assert watchdog_seconds({"WATCHDOG_USEC": "30000000"}) == 30.0
    assert watchdog_seconds({}) is None
    assert watchdog_seconds({"WATCHDOG_USEC": "soon"}) is None


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/edgetx", "HOME": "/x"}, "/var/lib/edgetx"),
        ({"STATE_DIRECTORY": "/var/lib/edgetx:/var/lib/more"}, "/var/lib/edgetx"),
        ({"XDG_STATE_HOME": "/s", "HOME": "/x"}, "/s/edgetx"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/x"}, "/x/.local/state/edgetx"),
        ({}, "/.local/state/edgetx"),
    ],
)
def test_where_state_is_kept(environment, folder):
    assert state_folder(environment) == Path(folder)


def test_the_first_runtime_directory_is_ours():
    assert runtime_folder({}) is None
    assert runtime_folder({"RUNTIME_DIRECTORY": "/run/edgetx"}) == Path("/run/edgetx")
    assert runtime_folder({"RUNTIME_DIRECTORY": "/run/edgetx:/run/more"}) == Path("/run/edgetx")


def test_standard_error_is_the_journal_only_where_the_variable_means_it():
    status = os.fstat(2)
    assert is_read_by_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert not is_read_by_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
    assert not is_read_by_journal({})


def test_an_entry_goes_to_journald_with_its_fields_whatever_is_in_them(tmp_path):
    with JournalSocket(tmp_path / "socket") as journald:
        with closing(Journal(tmp_path / "socket")) as journal:
            journal.send({"MESSAGE": "one\ntwo=2\n", "EDGETX_MICROPHONE": "=desk"})
        assert journald.next() == {"MESSAGE": "one\ntwo=2\n", "EDGETX_MICROPHONE": "=desk"}


def test_journald_that_is_not_there_busy_or_overtaxed_is_said(tmp_path):
    with closing(Journal(tmp_path / "socket")) as journal:
        with pytest.raises(FileNotFoundError):
            journal.send({"MESSAGE": "x"})
        with JournalSocket(tmp_path / "socket"):
            with pytest.raises(OSError, match="too long"):
                journal.send({"MESSAGE": "x" * 10_000_000})
            with pytest.raises(BlockingIOError):
                list(map(journal.send, [{"MESSAGE": "x"}] * 100_000))
        with pytest.raises(ConnectionRefusedError):
            journal.send({"MESSAGE": "x"})
