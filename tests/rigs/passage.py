"""A TCP passage to a server, through which a test can spoil the way: refuse, cut, swallow the answers, read nothing.

Closed it refuses callers. What it does to those who are inside it does at once.
"""

import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.rigs.broker import free_port

NO_LINGER = struct.pack("ii", 1, 0)
WINDOW_BYTES = 65_536
"""Some seconds of sound: a peer that reads nothing is felt soon. Much less, and the kernel would slow everything."""


class Passage:
    """``with Passage(port_behind) as passage``: open; `port` is its own, ``behind`` may be changed."""

    def __init__(self, behind: int) -> None:
        self.port = free_port()
        self.behind = behind
        self.callers = 0
        """How many have come so far."""
        self._door: socket.socket | None = None
        self._admitting: threading.Thread | None = None
        self._inside: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._reading = threading.Event()
        self._answering = threading.Event()
        self._reading.set()
        self._answering.set()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether callers are let in."""
        return self._door is not None

    def open(self) -> None:
        """Let callers in from now on."""
        self._door = socket.create_server(("127.0.0.1", self.port))
        self._door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)  # Of all that will be accepted.
        self._admitting = threading.Thread(target=self._admit, args=(self._door,), daemon=True)
        self._admitting.start()

    def close(self) -> None:
        """Refuse callers, and drop who is inside."""
        door, self._door = self._door, None
        if door:
            door.shutdown(socket.SHUT_RDWR)
            if self._admitting:
                self._admitting.join()
            door.close()
        self.cut()

    def cut(self, *, reset: bool = False) -> None:
        """Drop who is inside, in order or with a reset; callers are let in as before."""
        self.flow()
        with self._lock:
            inside, self._inside = self._inside, {}
        for end in [*inside, *inside.values()]:
            with suppress(OSError):
                if reset:  # Its thread is woken, and closes it.
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                end.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)

    def swallow_answers(self) -> None:
        """Throw away what the server says, until `flow` or `cut`."""
        self._answering.clear()

    def stall(self) -> None:
        """Read nothing of what callers send, until `flow` or `cut`."""
        self._reading.clear()

    def flow(self) -> None:
        """Pass everything on again."""
        self._reading.set()
        self._answering.set()

    def _admit(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = door.accept()
                self.callers += 1
                try:
                    server = socket.create_connection(("127.0.0.1", self.behind))
                except OSError:
                    caller.close()
                    continue
                with self._lock:
                    self._inside[caller] = server
                threading.Thread(target=self._serve, args=(caller, server), daemon=True).start()

    def _serve(self, caller: socket.socket, server: socket.socket) -> None:
        answering = threading.Thread(target=self._answer, args=(caller, server), daemon=True)
        answering.start()
        self._ask(caller, server)
        answering.join()
        with self._lock:
            self._inside.pop(caller, None)
        caller.close()
        server.close()

    def _ask(self, caller: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                self._reading.wait()
                data = caller.recv(65_536)
                self._reading.wait()
                if not data:
                    break
                server.sendall(data)
        _wake(server)

    def _answer(self, caller: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if self._answering.is_set():
                    caller.sendall(data)
        _wake(caller)


def _wake(end: socket.socket) -> None:
    """End the other direction too: its thread waits for ``end``."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RD)
