"""paho's client, made ready and asked: how it is built, and what its packets say. DOOR paho-mqtt, with `connection`."""

import errno
import os
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgetx.config import MqttSettings
from edgetx.errors import TryAgain
from edgetx.mqtt import reasons
from edgetx.mqtt.address import Address
from edgetx.mqtt.commands import Incoming
from edgetx.mqtt.sockets import client_context
from edgetx.mqtt.terms import ANY_NUMBER, NEW, OLD, Terms, Version
from edgetx.mqtt.topics import Publication, Response

Take = Callable[[Incoming], None]
Verdict = Callable[[TryAgain | None], None]
"""Takes the broker's answer to a subscription: its refusal, or None."""


class BoundedClient(Client):
    """paho's client, which takes no packet of more than ``largest_bytes`` into memory: it loses the connection instead.

    paho has no bound of its own, and before version 5 the broker cannot be told of ours. It asks for what remains of a
    packet at once: that is the first that is known of its size.
    """

    largest_bytes: int | None = None
    too_many_bytes: int | None = None
    """What was not taken; None: all was."""

    def _sock_recv(self, bufsize: int) -> bytes:
        if self.largest_bytes is not None and bufsize > self.largest_bytes:
            self.too_many_bytes = bufsize
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        return super()._sock_recv(bufsize)


def new_client(
    settings: MqttSettings,
    address: Address,
    *,
    version: Version,
    client_id: str,
    password: str | None,
    will: Publication | None,
    largest_bytes: int | None = None,
) -> Client:
    """Return a client that can be connected once. Raise OSError or ValueError when a file for TLS cannot be used.

    Packets of more than ``largest_bytes`` are not taken. A broker that speaks version 5 is asked to keep them to
    itself: the client's user data are the properties to connect with.
    """
    client = BoundedClient(
        CallbackAPIVersion.VERSION2,
        client_id,
        userdata=_wishes(version, largest_bytes),
        clean_session=True if version == OLD else None,  # Version 5 asks for the same by its default.
        protocol=MQTTProtocolVersion(version),
        transport="websockets" if address.websocket else "tcp",
        reconnect_on_failure=False,
    )
    client.largest_bytes = largest_bytes
    client.max_inflight_messages_set(0)  # No limit of paho's means no queue of paho's.
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    client.username_pw_set(settings.username, password)
    client.ws_set_options(address.path)
    if address.tls:
        client.tls_set_context(client_context(settings))
    return client


def _wishes(version: Version, largest_bytes: int | None) -> Properties | None:
    if version == OLD or largest_bytes is None:
        return None
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = largest_bytes
    return properties


def terms_of(client: Client, more: Properties | None) -> Terms:
    """Return what the broker takes, by the properties of its CONNACK."""
    return Terms(
        version=OLD if client.protocol == OLD else NEW,
        receive_maximum=getattr(more, "ReceiveMaximum", ANY_NUMBER),
        maximum_qos=getattr(more, "MaximumQoS", 2),
        retain=bool(getattr(more, "RetainAvailable", True)),
        maximum_packet=getattr(more, "MaximumPacketSize", None),
    )


def properties_of(client: Client, publication: Publication) -> Properties | None:
    """Return what goes beside a payload: its id, so that a repeat can be told without a look inside.

    Or what the one who asked a request wants to know its response by.
    """
    correlation = publication.correlation if isinstance(publication, Response) else b""
    if client.protocol == OLD or not (publication.id or correlation):
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if publication.id:
        properties.UserProperty = ("id", publication.id)
    if correlation:
        properties.CorrelationData = correlation
    return properties


def subscribe(client: Client, topics: str, take: Take, *, address: Address, answered: Verdict) -> None:
    """Ask for the messages on ``topics``, QoS 1. paho calls both functions under its locks: they only note things."""

    def on_subscribe(_client: Client, _data: Any, _id: int, codes: list[ReasonCode], more: Properties | None) -> None:
        refused = (code for code in codes if code.is_failure)
        answered(next((reasons.refusal(address, code.value, **said(code, more)) for code in refused), None))

    client.on_message = lambda _client, _data, message: take(_incoming(message))
    client.on_subscribe = on_subscribe
    client.subscribe(topics, qos=1)


def _incoming(message: MQTTMessage) -> Incoming:
    more = message.properties
    return Incoming(
        _topic_of(message),
        bytes(message.payload),
        retained=bool(message.retain),
        response_topic=getattr(more, "ResponseTopic", ""),
        correlation=getattr(more, "CorrelationData", b""),
    )


def said(reason: ReasonCode, more: Properties | None) -> dict[str, str]:
    """Return the name of a reason, and the broker's own words for it, if any."""
    words = (getattr(more, name, "") for name in ("ReasonString", "ServerReference"))
    return {"name": str(reason), "words": " ".join(filter(None, words))}


def _topic_of(message: MQTTMessage) -> str:
    """Return the topic; a question mark where it is no text."""
    try:
        return message.topic
    except UnicodeDecodeError:
        return "?"


def read(client: Client, address: Address) -> tuple[MQTTErrorCode, TryAgain | None]:
    """Take in what has come; return what paho says of it, and the trouble when the broker sends too large a packet."""
    code = client.loop_read()
    while _holds_more(client):
        code = client.loop_read()
    if not isinstance(client, BoundedClient) or client.too_many_bytes is None:
        return code, None
    return code, reasons.too_large(address, client.too_many_bytes, largest_bytes=client.largest_bytes or 0)


def _holds_more(client: Client) -> bool:
    """Whether TLS has deciphered bytes that no selector would tell of."""
    pending = getattr(client.socket(), "pending", None)
    return bool(pending and pending())


def close_socket(client: Client | None) -> None:
    """Close the socket, if there is one, without a goodbye."""
    left = client.socket() if client else None
    if left:
        left.close()


def ignore(*_: Any) -> None:
    """Take what paho tells, and do nothing."""
