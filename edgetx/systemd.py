"""The door to systemd: readiness, status, the watchdog, the journal, where state is.

Does nothing when systemd did not start us.

READY means: the settings are valid and the loop runs, not that a microphone, broker or provider is up.
"""

import importlib
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

Notify = Callable[[str], None]

JOURNAL = Path("/run/systemd/journal/socket")
NOTICE_BYTES = 3000
"""systemd drops a notice of more than 4096 bytes whole, and what a provider says may be long."""


def notifier(environment: Mapping[str, str]) -> Notify:
    """Return the function that tells systemd ``KEY=value`` lines (see sd_notify(3)); a long last line is cut."""
    if "NOTIFY_SOCKET" not in environment:
        return lambda _state: None
    daemon = importlib.import_module("systemd.daemon")  # 15 ms that only a service pays.
    notify = cast("Notify", daemon.notify)

    def tell(state: str) -> None:
        # Neither half a character nor, as a provider might have it, one that UTF-8 has not.
        notify(state.encode(errors="replace")[:NOTICE_BYTES].decode(errors="ignore"))

    return tell


def state_folder(environment: Mapping[str, str]) -> Path:
    """Return where state is kept: what systemd says, else the user's own directory for it."""
    given = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    xdg = environment.get("XDG_STATE_HOME", "")
    home = Path(environment.get("HOME", "") or os.sep)
    return Path(given) if given else (Path(xdg) if xdg.startswith("/") else home / ".local/state") / "edgetx"


def watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """Return how often systemd wants a sign of life, or None if it wants none."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdigit() else None


def runtime_folder(environment: Mapping[str, str]) -> Path | None:
    """Return the directory that lasts as long as the service (RuntimeDirectory=), or None if there is none."""
    first = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(first) if first else None


def is_read_by_journal(environment: Mapping[str, str]) -> bool:
    """Return whether standard error goes to the journal: a program in a desktop's terminal only inherits the variable.

    systemd.exec(5): JOURNAL_STREAM has the device and inode of what standard error was.
    """
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class Journal:
    """Writes entries with fields, by https://systemd.io/JOURNAL_NATIVE_PROTOCOL/, to journald at ``path``.

    Not by systemd-python's `journal`, which would wait while journald is busy: so would the event loop.
    """

    def __init__(self, path: Path = JOURNAL) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def send(self, fields: Mapping[str, str]) -> None:
        """Write one entry. Raise OSError when journald is not there, is busy, or finds it too long."""
        self._socket.sendto(b"".join(_field(name, value) for name, value in fields.items()), self._path)

    def close(self) -> None:
        """Write no more."""
        self._socket.close()


def _field(name: str, value: str) -> bytes:
    data = value.encode(errors="replace")
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
