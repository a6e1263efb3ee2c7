"""The packets of one Socket.IO namespace, bounded: fed what Engine.IO carries, it says what it means. Pure.

Door to `socketio`, whose codec this is (protocol 5; an event with binary arguments is one text packet and as many
binary ones after it). Besides events it makes three messages in Socket.IO's reserved names: ``connect`` (the server's
id of us, and ``expires_at``), ``connect_error`` (why) and ``disconnect`` (a word). What does not fit the protocol is
handed on as the text or bytes that it was.
"""

from typing import Any, NamedTuple, cast

from socketio import packet as sio

from edgetx.speech.session import Message, SocketEvent

LAST = frozenset({"connect_error", "disconnect"})
"""The events after which the server says nothing more in this namespace."""
BYTES = 4 * 1024 * 1024
"""The most that one event with its attachments may hold."""
_ATTACHMENTS = 16
_RESERVED = frozenset({"connect", *LAST})
_EXCERPT = 200

Encoded = list[str | bytes]


class Heard(NamedTuple):
    """A message and its size; ``answer`` is due where the server asked for an acknowledgement."""

    message: Message
    size: int
    answer: Encoded


def opening(namespace: str) -> Encoded:
    """Return the packets that ask for a namespace."""
    return _encoded(sio.Packet(sio.CONNECT, data={}, namespace=namespace))


def leaving(namespace: str) -> Encoded:
    """Return the packets that end it."""
    return _encoded(sio.Packet(sio.DISCONNECT, namespace=namespace))


def event(namespace: str, message: SocketEvent) -> Encoded:
    """Return an event's packets, which must stay neighbours on the wire."""
    return _encoded(sio.Packet(sio.EVENT, data=[message.name, *message.args], namespace=namespace))


class Decoder:
    """Understands what comes for ``namespace``; never raises."""

    def __init__(self, namespace: str, expires_at: float | None = None) -> None:
        self._namespace = namespace
        self._expires_at = expires_at
        self._partial: Any = None
        self._size = 0

    def receive(self, data: object) -> Heard | None:
        """Take the data of one packet of Engine.IO's; None where it is the part of an event, or needs no answer."""
        size = len(data) if isinstance(data, str | bytes) else 0
        try:
            packet = self._whole(data, size)
            return packet and self._heard(packet)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            self._partial = None
            return Heard(data if isinstance(data, str | bytes) else repr(data)[:_EXCERPT], size, [])

    def _whole(self, data: object, size: int) -> Any:
        """Return the packet that is complete now; None while attachments are missing."""
        packet, self._partial = self._partial, None
        if packet is None:
            packet, self._size = sio.Packet(encoded_packet=data), size
            whole = not packet.attachment_count
        elif isinstance(data, bytes):
            self._size += size
            whole = packet.add_attachment(data)
        else:
            raise ValueError("An attachment is due.")
        if packet.attachment_count > _ATTACHMENTS or self._size > BYTES:
            raise ValueError("There are too many attachments.")
        self._partial = None if whole else packet
        return packet if whole else None

    def _heard(self, packet: Any) -> Heard | None:
        if (packet.namespace or "/") != self._namespace:
            raise ValueError("This is for another namespace.")
        message = self._meaning(packet)
        answer = []
        if packet.id is not None:
            received = [{"status": "received"}]
            answer = _encoded(sio.Packet(sio.ACK, data=received, namespace=self._namespace, id=packet.id))
        return Heard(message, self._size, answer) if message else None

    def _meaning(self, packet: Any) -> SocketEvent | None:
        match packet.packet_type:
            case sio.CONNECT:
                return SocketEvent("connect", ((packet.data or {}).get("sid"), self._expires_at))
            case sio.CONNECT_ERROR:
                return SocketEvent("connect_error", (packet.data,))
            case sio.DISCONNECT:
                return SocketEvent("disconnect", ("server disconnect",))
            case sio.EVENT | sio.BINARY_EVENT:
                return _named(packet.data)
            case sio.ACK | sio.BINARY_ACK:
                return None  # We ask for none.
        raise ValueError("There is no such packet.")


def _named(data: Any) -> SocketEvent:
    if not isinstance(data, list) or not isinstance(data[0], str) or data[0] in _RESERVED:
        raise ValueError("This has no name of an event.")
    return SocketEvent(data[0], tuple(data[1:]))


def _encoded(packet: Any) -> Encoded:
    encoded = packet.encode()
    return cast("Encoded", encoded if isinstance(encoded, list) else [encoded])
