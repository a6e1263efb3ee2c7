"""A WebSocket as a `Wire`: our own asyncio protocol around the sans-I/O core of `websockets`. Door to `websockets`.

`websockets.asyncio` would bring its tasks, futures and queues to every message; here a send is one system call, for
the daemon sends ten a second for ever. A timer exists for the keepalive only, a future only where something is due.

Flow control goes both ways and everything is bounded. Out: the kernel's buffer is kept small, so that a peer that
stops reading is felt after seconds, and `send` waits. In: reading pauses while more than `_INBOX_MESSAGES` or one
greatest message's worth of bytes wait for `receive`. A peer that is silent for two keepalive intervals is gone; one
that answers a ping has got everything that was sent before it (`confirmed_at`).

Nothing from the request but its host and port may reach a message or a log: the query and the headers hold keys.
"""

import asyncio
import logging
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import CloseCode, Frame, Opcode, apply_mask  # type: ignore[attr-defined]  # in C if it can
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

from edgetx import __version__
from edgetx.errors import Refused, TryAgain
from edgetx.speech.closing import status_trouble
from edgetx.speech.inbox import Inbox
from edgetx.speech.session import Message, WebSocketRequest

_INBOX_MESSAGES = 64
_SEND_BUFFER_BYTES = 65_536  # Two seconds of 16 kHz audio; the kernel doubles it.
_CLOSE_SECONDS = 1.5
_FAMILY_HEAD_START_SECONDS = 0.25  # RFC 8305: IPv4 gets its turn when IPv6 does not answer.
_SIXTEEN_BIT_SIZES = range(126, 65_536)


@asynccontextmanager
async def connect(
    request: WebSocketRequest, *, open_seconds: float = 10.0, keepalive_seconds: float = 4.0
) -> AsyncIterator["WebSocket"]:
    """Connect, and close politely inside two seconds on exit.

    Raise TryAgain when nobody answers in time, or not in HTTP, or with a status that passes; Refused on any other
    status, and for a URL or a header that cannot be used.
    """
    uri = _uri(request)
    wire = WebSocket(request, uri, keepalive_seconds=keepalive_seconds)
    try:
        await _open(wire, uri, open_seconds, renewable=request.renewable)
        yield wire
    finally:
        await wire.close()


class WebSocket(asyncio.Protocol):
    """An open connection: a `Wire`. One task may receive while another sends."""

    _transport: asyncio.Transport

    def __init__(self, request: WebSocketRequest, uri: WebSocketURI, *, keepalive_seconds: float) -> None:
        # At DEBUG the core logs the headers, and the key with them: it gets a logger that no setting can reach.
        logger = logging.Logger("websockets", logging.INFO)  # noqa: LOG001
        self._core = ClientProtocol(uri, max_size=request.max_message_bytes, logger=logger)
        self._headers = request.headers
        self._peer = f"{uri.host}:{uri.port}"
        self._inbox = Inbox(messages=_INBOX_MESSAGES, size=request.max_message_bytes)
        self._keepalive_seconds = keepalive_seconds
        self._keepalive: asyncio.TimerHandle | None = None
        self._asked_at = 0.0
        self.confirmed_at: float | None = None
        self._heard = True
        self._reading = True
        self._connected = False
        self._over = False
        self._trouble = ""
        self._answered = asyncio.Event()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Write one message; first wait while the other side does not take more. Raise TryAgain when it is gone."""
        await self._writable.wait()
        if self._over:
            raise TryAgain(self._trouble)
        self.send_now(message)

    @property
    def ready(self) -> bool:
        """See `Wire`."""
        return not self._over and self._writable.is_set()

    def send_now(self, message: Message) -> None:
        """See `Wire`."""
        if isinstance(message, bytes) and len(message) in _SIXTEEN_BIT_SIZES:
            self._transport.write(_frame(message))
        else:
            if isinstance(message, bytes):
                self._core.send_binary(message)
            else:
                self._core.send_text(str(message).encode())
            self._flush()

    async def receive(self) -> Message | None:
        """Wait for a message, whole. None: the connection is over, and all that came before has been returned."""
        while not self._inbox:
            if self._over:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        message = self._inbox.take()
        self._pace_reading()
        return message

    @property
    def close_code(self) -> int | None:
        """The code of the close frame: the peer's, or ours where we had to give up on the peer."""
        close = self._core.close_rcvd or self._core.close_sent
        return int(close.code) if close else None

    @property
    def close_reason(self) -> str:
        """The peer's words, or a sentence on how the connection broke."""
        return close.reason if (close := self._core.close_rcvd) else self._trouble

    async def close(self) -> None:
        """Say goodbye, wait up to two seconds for the peer to do so too, and let the socket go."""
        if self._keepalive:
            self._keepalive.cancel()
        if not self._connected:
            return
        self._inbox.clear()
        self._pace_reading()
        if self._core.state is State.OPEN:
            self._core.send_close(CloseCode.NORMAL_CLOSURE)
            self._flush()
        self._end("We have closed the connection.")
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            # Not asyncio.timeout: in a task that was cancelled Python 3.11.2 does not raise its TimeoutError.
            await asyncio.wait((gone,), timeout=_CLOSE_SECONDS if self._core.close_sent else 0)
        finally:
            self._transport.abort()
        await gone

    async def handshake(self) -> None:
        """Wait for the answer to the request. Raise `InvalidHandshake` if it is not a yes."""
        await self._answered.wait()
        if self._core.handshake_exc:
            raise self._core.handshake_exc
        self._keep_alive()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request (called by asyncio)."""
        self._transport = transport  # type: ignore[assignment]  # create_connection makes no other kind
        self._connected = True
        self._transport.set_write_buffer_limits(high=_SEND_BUFFER_BYTES)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._writable.set()
        request = self._core.connect()
        request.headers["User-Agent"] = f"edgetx/{__version__}"
        request.headers.update(self._headers)
        self._core.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Feed the core, and take what comes of it (called by asyncio)."""
        self._heard = True
        self._core.receive_data(data)
        self._drain()

    def eof_received(self) -> None:
        """Tell the core; asyncio then closes the transport (called by asyncio)."""
        self._core.receive_eof()
        self._drain()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake everyone who waits (called by asyncio)."""
        self._core.receive_eof()
        self._end(f"The connection to {self._peer} broke: {exc or 'the other side ended it'}.")
        for event in (self._answered, self._writable, self._gone):
            event.set()

    def pause_writing(self) -> None:
        """Make `send` wait (called by asyncio)."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `send` go on (called by asyncio)."""
        self._writable.set()

    def _drain(self) -> None:
        core = self._core
        for event in core.events_received():
            if isinstance(event, Frame) and not self._over:
                self._take(event)
        self._flush()
        if core.state is not State.CONNECTING or core.handshake_exc:
            self._answered.set()
        if core.state in (State.CLOSING, State.CLOSED):
            why = core.parser_exc or "the other side closed it"
            self._end(f"The connection to {self._peer} broke: {why}.")
        self._pace_reading()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG and frame.data == str(self._asked_at).encode():
            self.confirmed_at = self._asked_at
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._inbox.begin(text=frame.opcode is Opcode.TEXT)
        elif frame.opcode is not Opcode.CONT:
            return
        self._inbox.extend(frame.data)
        if not frame.fin:
            return
        try:
            self._inbox.complete()
            self._arrived.set()
        except UnicodeDecodeError:
            self._core.fail(CloseCode.INVALID_DATA, "not UTF-8")
            self._end(f"{self._peer} sent a text that is not UTF-8.")

    def _end(self, trouble: str) -> None:
        self._over = True
        self._trouble = self._trouble or trouble
        self._arrived.set()

    def _flush(self) -> None:
        for data in self._core.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def _pace_reading(self) -> None:
        full = self._inbox.full
        if full is not self._reading or self._transport.is_closing():
            return
        self._reading = not full
        if full:
            self._transport.pause_reading()
        else:
            self._heard = True  # Its answer may have waited in the socket while we did not read.
            self._transport.resume_reading()

    def _keep_alive(self) -> None:
        if self._over:
            return
        if not self._heard and self._reading:
            self._end(f"{self._peer} has not answered for {self._keepalive_seconds:g} seconds.")
            self._transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._heard, self._asked_at = False, loop.time()
        self._core.send_ping(str(self._asked_at).encode())
        self._flush()
        self._keepalive = loop.call_later(self._keepalive_seconds, self._keep_alive)


def _frame(data: bytes) -> bytes:
    """Return one masked binary frame with a 16-bit length (RFC 6455, 5.2): the core's own way costs another 25 µs."""
    mask = os.urandom(4)
    return b"".join((struct.pack("!BBH", 0x82, 0xFE, len(data)), mask, apply_mask(data, mask)))


def _uri(request: WebSocketRequest) -> WebSocketURI:
    for name, value in request.headers.items():
        if not (value.isascii() and value.isprintable()):
            raise Refused(f"The value of the header {name} holds characters that HTTP does not allow.")
    try:
        return parse_uri(request.url)
    except (InvalidURI, ValueError):
        raise Refused(f"The address {request.url.partition('?')[0]!r} is not one of a WebSocket.") from None


async def _open(wire: WebSocket, uri: WebSocketURI, seconds: float, *, renewable: bool) -> None:
    peer = f"{uri.host}:{uri.port}"
    context = ssl.create_default_context() if uri.secure else None
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().create_connection(
                lambda: wire, uri.host, uri.port, ssl=context, happy_eyeballs_delay=_FAMILY_HEAD_START_SECONDS
            )
            await wire.handshake()
    except InvalidStatus as error:
        raise status_trouble(peer, error.response.status_code, renewable=renewable) from None
    except InvalidHandshake as error:
        raise TryAgain(f"{peer} does not answer as a WebSocket server: {error}.") from None
    except ssl.SSLError as error:
        raise TryAgain(f"{peer} cannot be trusted; is the clock right, and the certificate? {error}.") from None
    except TimeoutError:
        raise TryAgain(f"{peer} did not answer within {seconds:g} seconds.") from None
    except (OSError, UnicodeError) as error:
        raise TryAgain(f"{peer} cannot be reached: {error}.") from None
