"""One TCP connection, plain or in TLS, that any thread may write to.

The thread that captured a chunk of sound sends it as well: to wake the event loop for it would cost as much again, ten
times a second for ever. asyncio's transports belong to the loop's thread alone, so the socket is our own here: it never
blocks, and a lock stands around each use of it (OpenSSL takes no two calls on one connection at once). What the kernel
does not take at once is kept, and the loop sends it on. All else happens on the loop's thread.
"""

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

SEND_BUFFER_BYTES = 65_536
"""Two seconds of 16 kHz audio (the kernel doubles it): a peer that stops reading is felt after seconds."""

BACKLOG_BYTES = 1_048_576
"""Who takes nothing and lets more than this wait, as by pings that we have to answer, is given up."""

_READ_BYTES = 65_536
_FAMILY_HEAD_START_SECONDS = 0.25  # RFC 8305: IPv4 gets its turn when IPv6 does not answer.
_NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


async def connect(host: str, port: int, *, tls: bool) -> "Stream":
    """Return an open connection, its certificate checked. Raise OSError (`ssl.SSLError` is one) when there is none."""
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context() if tls else None
    # asyncio knows how to find the address that answers; of what it gives we keep the socket.
    transport, _ = await loop.create_connection(
        asyncio.Protocol, host, port, happy_eyeballs_delay=_FAMILY_HEAD_START_SECONDS
    )
    try:
        sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
    finally:
        transport.abort()
    with ExitStack() as undo:
        undo.callback(lambda: sock.close())  # noqa: PLW0108 - TLS puts another in its place
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if context:
            sock = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
            await _shake_hands(sock)
        undo.pop_all()
    return Stream(sock, loop)


class Stream:
    """An open connection. ``received(data)`` and ``ended(error)`` are called on the loop, ``ended`` once."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock = sock
        self._loop = loop
        self._lock = threading.Lock()
        self._backlog = bytearray()
        self._open = True
        self.idle = True
        """The connection is open, and all that was written has left."""
        self._reading = False
        self._finishing = False
        self._drained = asyncio.Event()
        self._received: Callable[[bytes], None] = _ignore
        self._ended: Callable[[OSError | None], None] = _ignore

    def start(self, *, received: Callable[[bytes], None], ended: Callable[[OSError | None], None]) -> None:
        """Begin to read."""
        self._received, self._ended = received, ended
        self._drained.set()
        self.resume_reading()

    @property
    def reading(self) -> bool:
        """Whether what comes is read."""
        return self._reading

    async def drain(self) -> None:
        """Wait until all that was written has left, or the connection is over."""
        await self._drained.wait()

    def write(self, data: bytes) -> bool:
        """Send ``data`` from any thread: now, or what is left as soon as the kernel takes it; nothing after the end.

        Return whether it is `idle`.
        """
        with self._lock:
            if not self._open:
                return False
            sent = 0
            if self.idle:
                try:
                    sent = self._sock.send(data)
                except OSError as error:
                    sent = self._not_sent(data, error)
            if sent < len(data):
                self._keep(data[sent:])
            return self.idle

    def finish(self) -> None:
        """Close once all that was written has left."""
        self._finishing = True
        if not self._backlog:
            self._loop.call_soon(self._end, None)

    def abort(self) -> None:
        """Close now; ``ended`` is called before this returns, if it was not yet."""
        self._end(None)

    def pause_reading(self) -> None:
        """Leave what comes to the kernel, and so to the other side."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._sock)

    def resume_reading(self) -> None:
        """Read again."""
        if self._open and not self._reading:
            self._reading = True
            self._loop.add_reader(self._sock, self._readable)
            if self._pending():
                self._loop.call_soon(self._readable)

    def _keep(self, rest: bytes) -> None:
        if len(self._backlog) > BACKLOG_BYTES:
            self._loop.call_soon_threadsafe(self._end, OSError("it takes nothing of what we send"))
            return
        self._backlog += rest
        if self.idle:
            self._drained.clear()  # First: who sees that it is not idle must find that it has to wait.
            self.idle = False
            self._loop.call_soon_threadsafe(self._watch)

    def _not_sent(self, data: bytes | bytearray, error: OSError) -> int:
        """Return how much of ``data`` need not be kept: all, when there is nobody to take it any more."""
        if isinstance(error, _NOT_NOW):
            return 0
        self._loop.call_soon_threadsafe(self._lose, error)
        return len(data)

    def _lose(self, error: OSError) -> None:
        """End, but read first: that nobody listens any more is noticed when why they left may lie here unread."""
        self._readable()
        self._end(error)

    def _watch(self) -> None:
        if self._open:
            self._loop.add_writer(self._sock, self._writable)

    def _writable(self) -> None:
        with self._lock:
            try:
                sent = self._sock.send(self._backlog)
            except OSError as error:
                sent = self._not_sent(self._backlog, error)
            del self._backlog[:sent]
            if self._backlog:
                return
            self.idle = True
            self._drained.set()
        self._loop.remove_writer(self._sock)
        if self._finishing:
            self._end(None)

    def _readable(self) -> None:
        while self._reading:
            try:
                with self._lock:
                    data = self._sock.recv(_READ_BYTES)
            except _NOT_NOW:
                return
            except OSError as error:
                self._end(error)
                return
            if not data:
                self._end(None)
                return
            self._received(data)
            if not self._pending():
                return

    def _pending(self) -> int:
        """Return how many bytes TLS has read and not given yet: of these the socket says nothing."""
        if not isinstance(self._sock, ssl.SSLSocket):
            return 0
        with self._lock:
            return self._sock.pending() if self._open else 0

    def _end(self, error: OSError | None) -> None:
        if not self._open:
            return
        self.pause_reading()
        with self._lock:
            self._open = self.idle = False
            self._backlog.clear()
            self._loop.remove_writer(self._sock)
            self._sock.close()
            self._drained.set()
        self._ended(error)


async def _shake_hands(sock: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            await _when(sock, loop.add_reader, loop.remove_reader)
        except ssl.SSLWantWriteError:
            await _when(sock, loop.add_writer, loop.remove_writer)
        else:
            return


async def _when(sock: socket.socket, watch: Callable[..., Any], unwatch: Callable[[socket.socket], Any]) -> None:
    able = asyncio.Event()
    watch(sock, able.set)
    try:
        await able.wait()
    finally:
        unwatch(sock)


def _ignore(_: object) -> None:
    pass
