"""A TCP gate in front of a server: closed it refuses, open it passes everything on, cut it drops who is inside."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.rigs.broker import free_port


class Gate:
    """``with Gate(port_behind) as gate``: closed at first; `port` is its own."""

    def __init__(self, behind: int) -> None:
        self.port = free_port()
        self._behind = behind
        self._door: socket.socket | None = None
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Let callers in from now on."""
        self._door = socket.create_server(("127.0.0.1", self.port))
        self._start(self._admit, self._door)

    def close(self) -> None:
        """Refuse callers, and drop who is inside."""
        ends, self._ends = [self._door, *self._ends], []
        for end in filter(None, ends):
            with suppress(OSError):  # It may have been shut from the other side.
                end.shutdown(socket.SHUT_RDWR)  # Wakes the thread that waits on it.
        for thread in self._threads:
            thread.join()
        for end in filter(None, ends):
            end.close()
        self._door = None
        self._threads.clear()

    def _start(self, work: Callable[..., None], *ends: socket.socket) -> None:
        thread = threading.Thread(target=work, args=ends, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _admit(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = door.accept()
                server = socket.create_connection(("127.0.0.1", self._behind))
                self._ends += (caller, server)
                self._start(_pass_on, caller, server)
                self._start(_pass_on, server, caller)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
