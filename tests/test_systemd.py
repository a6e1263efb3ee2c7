import socket

from edgetx.systemd import notifier, watchdog_seconds


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
