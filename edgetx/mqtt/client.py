"""paho's client, made ready and asked: how it is built, and what its packets say. DOOR paho-mqtt, with `connection`."""

from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgetx.config import MqttSettings
from edgetx.mqtt.address import Address
from edgetx.mqtt.sockets import client_context
from edgetx.mqtt.terms import ANY_NUMBER, NEW, OLD, Terms, Version
from edgetx.mqtt.topics import Publication


def new_client(
    settings: MqttSettings,
    address: Address,
    *,
    version: Version,
    client_id: str,
    password: str | None,
    will: Publication | None,
) -> Client:
    """Return a client that can be connected once. Raise OSError or ValueError when a file for TLS cannot be used."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=True if version == OLD else None,  # Version 5 asks for the same by its default.
        protocol=MQTTProtocolVersion(version),
        transport="websockets" if address.websocket else "tcp",
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(0)  # No limit of paho's means no queue of paho's.
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    client.username_pw_set(settings.username, password)
    client.ws_set_options(address.path)
    if address.tls:
        client.tls_set_context(client_context(settings))
    return client


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
    """Return what goes beside a payload: its id, so that a repeat can be told without a look inside."""
    if client.protocol == OLD or not publication.id:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = ("id", publication.id)
    return properties


def said(reason: ReasonCode, more: Properties | None) -> dict[str, str]:
    """Return the name of a reason, and the broker's own words for it, if any."""
    words = (getattr(more, name, "") for name in ("ReasonString", "ServerReference"))
    return {"name": str(reason), "words": " ".join(filter(None, words))}


def topic_of(message: MQTTMessage) -> str:
    """Return the topic; a question mark where it is no text."""
    try:
        return message.topic
    except UnicodeDecodeError:
        return "?"


def holds_more(client: Client) -> bool:
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
