import socket
from pathlib import Path

import pytest

from edgetx.systemd import notifier, state_folder, watchdog_seconds


def test_what_is_told_reaches_systemd_s_socket(tmp_path, monkeypatch):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        notifier({"NOTIFY_SOCKET": path})("READY=1")
        assert server.recv(100) == b"READY=1"


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
