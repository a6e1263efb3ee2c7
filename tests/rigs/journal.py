"""Journald's socket, and a reader of its protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/."""

import socket
from pathlib import Path
from typing import Self

from tests.rigs.microphones import wait_until


class JournalSocket:
    """``with JournalSocket(path) as journald``: what is sent there can be had entry by entry."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.1)
        self.entries: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def next(self) -> dict[str, str]:
        """Wait for one more entry."""
        seen = len(self.entries)
        wait_until(lambda: len(self.all()) > seen, seconds=30, what="an entry")
        return self.entries[seen]

    def all(self) -> list[dict[str, str]]:
        """Every entry that has come."""
        try:
            while True:
                self.entries.append(parsed(self._socket.recv(1 << 20)))
        except TimeoutError:
            return self.entries


def parsed(datagram: bytes) -> dict[str, str]:
    """Return an entry's fields. Raise ValueError for what journald would not take."""
    fields = {}
    while datagram:
        head, newline, rest = datagram.partition(b"\n")
        if not newline:
            raise ValueError(f"{head!r} does not end")
        name, equals, value = head.partition(b"=")
        if not equals:
            size, data = int.from_bytes(rest[:8], "little"), rest[8:]
            if data[size : size + 1] != b"\n":
                raise ValueError(f"{name!r} is not as long as it says")
            value, rest = data[:size], data[size + 1 :]
        if not name.replace(b"_", b"").isalnum() or name != name.upper() or name[:1] in b"_0123456789":
            raise ValueError(f"{name!r} is no field's name")
        fields[name.decode()] = value.decode()
        datagram = rest
    return fields
