"""A broker that does what a script says, packet by packet: for what Mosquitto cannot be made to do. No pytest in here.

It speaks just enough MQTT (5: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html) to take clients'
packets apart and to make its own; it checks nothing, for the script is the judge.
"""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 8, 12, 14

RECEIVE_MAXIMUM, MAXIMUM_QOS, RETAIN_AVAILABLE, MAXIMUM_PACKET, SERVER_KEEP_ALIVE = 33, 36, 37, 39, 19
_FORMS = {
    RECEIVE_MAXIMUM: "!H",
    MAXIMUM_QOS: "!B",
    RETAIN_AVAILABLE: "!B",
    MAXIMUM_PACKET: "!I",
    SERVER_KEEP_ALIVE: "!H",
}


@dataclass(frozen=True, slots=True)
class Published:
    """A PUBLISH packet; ``size`` is that of the whole, ``properties`` are its bytes (version 5)."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    message_id: int
    properties: bytes
    size: int


@dataclass(slots=True)
class Visit:
    """One connection of a client, which has sent its CONNECT of protocol ``version``."""

    connection: socket.socket
    version: int = 0
    will_qos: int = 0
    will_retain: bool = False
    published: list[Published] = field(default_factory=list)
    pings: int = 0

    def packet(self) -> tuple[int, int, bytes, int]:
        """Wait for a packet: its type, flags, body and whole size. Raise EOFError when the client has gone."""
        head = self._read(1)[0]
        length, shift, size = 0, 0, 1
        while True:
            byte = self._read(1)[0]
            length |= (byte & 127) << shift
            shift, size = shift + 7, size + 1
            if byte < 128:
                return head >> 4, head & 15, self._read(length), size + length

    def greet(self) -> None:
        """Take the CONNECT."""
        kind, _, body, _ = self.packet()
        assert kind == CONNECT, kind
        self.version, flags = body[6], body[7]
        self.will_qos, self.will_retain = flags >> 3 & 3, bool(flags & 32)

    def accept(self, code: int = 0, **properties: int | str) -> None:
        """Send the CONNACK; ``properties`` by their numbers: ``p33=3``."""
        self.send(2, bytes([0, code]) + (_properties(properties) if self.version == 5 else b""))

    def acknowledge(self, message: Published, code: int = 0) -> None:
        """Send the PUBACK."""
        self.send(4, struct.pack("!H", message.message_id) + (bytes([code, 0]) if code else b""))

    def disconnect(self, code: int) -> None:
        """Send a DISCONNECT, as a broker of version 5 may."""
        self.send(14, bytes([code, 0]))

    def send(self, kind: int, body: bytes) -> None:
        """Send any packet."""
        self.begin(kind, len(body))
        self.connection.sendall(body)

    def begin(self, kind: int, length: int) -> None:
        """Send the head of a packet that has ``length`` more bytes."""
        self.connection.sendall(bytes([kind << 4]) + _length(length))

    def next(self) -> Published:
        """Wait for the next PUBLISH; pings are answered meanwhile. Raise EOFError when the client has gone."""
        while True:
            kind, flags, body, size = self.packet()
            if kind == PINGREQ:
                self.pings += 1
                self.send(13, b"")
            if kind == DISCONNECT:
                raise EOFError
            if kind == PUBLISH:
                self.published.append(self._publication(flags, body, size))
                return self.published[-1]

    def serve(self) -> None:
        """Acknowledge all that comes, until the client goes."""
        while True:
            message = self.next()
            if message.qos:
                self.acknowledge(message)

    def _publication(self, flags: int, body: bytes, size: int) -> Published:
        end = 2 + struct.unpack("!H", body[:2])[0]
        topic, qos = body[2:end].decode(), flags >> 1 & 3
        message_id = struct.unpack("!H", body[end : end + 2])[0] if qos else 0
        end += 2 * bool(qos)
        properties = b""
        if self.version == 5:
            assert body[end] < 128, "properties longer than this rig reads"
            properties, end = body[end + 1 : end + 1 + body[end]], end + 1 + body[end]
        return Published(topic, body[end:], qos, bool(flags & 1), message_id, properties, size)

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.connection.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data


class ScriptedBroker:
    """``with ScriptedBroker(script, …) as broker``: visit *n* is served by script *n*, all later ones by the last.

    A script is called when the CONNECT has come; when it returns, the connection is closed.
    """

    def __init__(self, *scripts: Callable[[Visit], None]) -> None:
        self.visits: list[Visit] = []
        self.faults: list[BaseException] = []
        self._scripts = scripts
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"mqtt://localhost:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for end in (self._server, *(visit.connection for visit in self.visits)):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._server.close()
        if self.faults and not _error:
            raise self.faults[0]

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                visit = Visit(connection)
                self.visits.append(visit)
                self._visited(visit)

    def _visited(self, visit: Visit) -> None:
        with visit.connection:
            try:
                visit.greet()
                self._scripts[min(len(self.visits), len(self._scripts)) - 1](visit)
            except (EOFError, OSError):
                pass  # The client has gone.
            except AssertionError as fault:
                self.faults.append(fault)


def _properties(properties: dict[str, int | str]) -> bytes:
    body = b""
    for name, value in properties.items():
        number = int(name[1:])
        text = value.encode() if isinstance(value, str) else b""
        told = struct.pack("!H", len(text)) + text if isinstance(value, str) else struct.pack(_FORMS[number], value)
        body += bytes([number]) + told
    return _length(len(body)) + body


def _length(number: int) -> bytes:
    data = b""
    while number > 127:
        data, number = data + bytes([number & 127 | 128]), number >> 7
    return data + bytes([number])
