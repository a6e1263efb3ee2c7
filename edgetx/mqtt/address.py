"""Where the broker is, and what to say when it is not there. Pure.

The texts are for a person who has the settings before them; none shows a user name or a password.
"""

import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from edgetx.errors import Refused

PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}

CLOSED = "What answers at {address} closes the connection at once; is it an MQTT broker, and mqtt.url of its kind?"
TROUBLES: tuple[tuple[type[Exception], str], ...] = (  # the first that fits
    (
        ssl.SSLCertVerificationError,
        "The certificate of the broker at {address} is not to be trusted ({reason}); check mqtt.ca_file.",
    ),
    (ssl.SSLError, "The broker at {address} does not speak TLS with us ({reason}); check mqtt.url and its port."),
    (socket.gaierror, "The broker's host {host} is not known ({reason}); check mqtt.url and the network."),
    (ConnectionRefusedError, "Nobody listens at {address}; is the broker running?"),
    (TimeoutError, "The broker at {address} does not answer."),
    (ConnectionError, CLOSED),
    (OSError, "The broker at {address} cannot be reached: {reason}."),
    (Exception, "What answers at {address} is not an MQTT broker."),
)


@dataclass(frozen=True, slots=True)
class Address:
    """A broker's URL, taken apart. ``str()`` is host and port."""

    host: str
    port: int
    path: str
    tls: bool
    websocket: bool

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(url: str) -> Address:
    """Take ``mqtt://host[:port]`` (or mqtts, ws, wss; these with ``/path``) apart. Raise Refused if it is not one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(f"mqtt.url is not an address: {error}.") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise Refused("mqtt.url is not a broker's address; write mqtt://HOST:PORT, or mqtts, ws, wss.")
    return Address(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        path=parts.path or "/mqtt",
        tls=parts.scheme in ("mqtts", "wss"),
        websocket=parts.scheme in ("ws", "wss"),
    )


def cannot_connect(address: Address, error: Exception) -> str:
    """Say why no connection came about."""
    reasons = (getattr(error, name, None) for name in ("verify_message", "reason", "strerror"))
    reason = next(filter(None, reasons), error)
    sentence = next(text for kind, text in TROUBLES if isinstance(error, kind))
    return sentence.format(address=address, host=address.host, reason=reason)


def closed_at_once(address: Address) -> str:
    """Say that the other side hung up before it had said anything."""
    return CLOSED.format(address=address)
