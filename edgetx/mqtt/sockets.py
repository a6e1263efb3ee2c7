"""What paho leaves to be done on the socket of a connection to a broker: TLS, speed, a thread, and cleaning up."""

import os
import socket
import ssl
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from edgetx.config import MqttSettings

Result = TypeVar("Result")


def in_daemon_thread(function: Callable[[], Result], *, otherwise: Result) -> Future[Result]:
    """Run ``function`` in a thread that nobody waits for at exit; if it raises, the result is ``otherwise``."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()  # From here on nobody can cancel it under the thread's hands.

    def work() -> None:
        result = otherwise
        try:
            result = function()
        finally:
            future.set_result(result)

    Thread(target=work, name="mqtt-connect", daemon=True).start()
    return future


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
