"""A listening socket whose connections note when the sender's kernel took each audio message.

The time is the kernel's own, of the moment in which the packet entered the loopback device, which on one machine is
inside the sender's call to send(): "the bytes have left the socket". How long the receiver takes to wake up and to
parse is not in it. See socket(7), SO_TIMESTAMP; Linux gives the stamps of TCP too since 4.12.
"""

import re
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from bench_pacer import NUMBER, PERIOD_BYTES, number_of

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_AGENT = re.compile(rb"^user-agent: *([^\r]*)", re.IGNORECASE | re.MULTILINE)
_REQUEST_END = b"\r\n\r\n"
_BINARY = 2
_MASK_BYTES = 4
SILENCE = -1
"""Stands for the number of a period that is none of the pacer's."""


@dataclass(slots=True)
class Arrivals:
    """What came over one connection: who sent it, and (number, monotonic seconds) of each period."""

    agent: str = ""
    periods: list[tuple[int, float]] = field(default_factory=list)
    _unread: bytes = b""

    def note(self, data: bytes, when: float) -> None:
        """Take what came, and when the last of it did."""
        self._unread += data
        if not self.agent:
            self._request()
        while self.agent and (size := self._message(when)):
            self._unread = self._unread[size:]

    def _request(self) -> None:
        head, end, rest = self._unread.partition(_REQUEST_END)
        if end:
            agent = _AGENT.search(head)
            self.agent, self._unread = agent[1].decode() if agent else "unknown", rest

    def _message(self, when: float) -> int:
        """Take the first message, if it is whole; return its size (RFC 6455, section 5.2; a client's is masked)."""
        data = self._unread
        if len(data) < 4:
            return 0
        length, start = data[1] & 0x7F, 2
        if length == 126:
            length, start = int.from_bytes(data[2:4], "big"), 4
        payload = start + _MASK_BYTES
        if len(data) < payload + length:
            return 0
        if data[0] & 0x0F == _BINARY and length == PERIOD_BYTES:
            digits = bytes(
                a ^ b for a, b in zip(data[payload : payload + NUMBER.size], data[start:payload], strict=True)
            )
            number = number_of(digits, 0)
            self.periods.append((SILENCE if number is None else number, when))
        return payload + length


class StampedSocket(socket.socket):
    """One connection. A message of one period is one send and so one packet here, and is received alone."""

    arrivals: Arrivals

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data, ancillary, _, _ = self.recvmsg(size, socket.CMSG_SPACE(_TIMESPEC.size), flags)
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                self.arrivals.note(data, _monotonic(*_TIMESPEC.unpack(value)))
        return data


class StampingListener(socket.socket):
    """Bound to a free port of 127.0.0.1; ``connections`` has the arrivals of each connection, in order."""

    def __init__(self) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self.connections: list[Arrivals] = []
        self.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)  # Those that are accepted inherit it.
        self.bind(("127.0.0.1", 0))

    def accept(self) -> tuple[StampedSocket, Any]:
        descriptor, address = self._accept()  # type: ignore[attr-defined]  # as socket.accept does
        connection = StampedSocket(self.family, self.type, self.proto, fileno=descriptor)
        connection.arrivals = Arrivals()
        self.connections.append(connection.arrivals)
        return connection, address


def _monotonic(seconds: int, nanoseconds: int) -> float:
    """Turn a time of the wall clock, a moment ago, into the monotonic clock's."""
    return time.monotonic() - (time.time() - seconds - nanoseconds / 1e9)
