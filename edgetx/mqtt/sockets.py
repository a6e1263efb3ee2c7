"""What paho leaves to be done on the socket of a connection to a broker: TLS, speed, and cleaning up."""

import os
import socket
import ssl
import traceback

from edgetx.config import MqttSettings


def client_context(settings: MqttSettings) -> ssl.SSLContext:
    """Return the TLS context for a broker. Raise OSError or ValueError when a file of it cannot be used."""
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context


def send_at_once(descriptor: int) -> None:
    """Switch Nagle's algorithm off: it holds a second small message back until the first is acknowledged, 40 ms."""
    with socket.socket(fileno=os.dup(descriptor)) as same:  # by its number, for paho hides the one under a WebSocket
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def close_forgotten(error: Exception) -> None:
    """Close the socket of a failed TLS or WebSocket handshake: paho leaves it, and only the traceback knows it."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, socket.socket):
                value.close()
