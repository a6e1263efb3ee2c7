"""A WebSocket as a `Wire`: the sans-I/O core of `websockets` on our own `Stream`. Door to `websockets`.

`websockets.asyncio` would bring its tasks, futures and queues to every message; here a send is one system call on any
thread, for the daemon sends ten a second for ever. So data frames are made here; the core makes the handshake, pings
and closes, and reads, all on the loop's thread. A timer exists for the keepalive only, a future only where something
is due.

Flow control goes both ways and everything is bounded. Out: `send` waits until what was written before has left. In:
reading pauses while more than `_INBOX_MESSAGES` or one greatest message's worth of bytes wait for `receive`. A peer
that is silent for two keepalive intervals is gone; one that answers a ping has got everything that was sent before it
(`confirmed_at`).

Nothing from the request but its host and port may reach a message or a log: the query and the headers hold keys.
"""

import asyncio
import logging
import os
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
from edgetx.speech.stream import Stream
from edgetx.speech.stream import connect as dial

_INBOX_MESSAGES = 64
_CLOSE_SECONDS = 1.5
_MASKS = 256
_BINARY, _TEXT = int(Opcode.BINARY), int(Opcode.TEXT)  # To ask an enumeration costs more than to mask the sound.
_SEVEN_BIT_SIZE = 126
_SIXTEEN_BIT_SIZE = 65_536


@asynccontextmanager
async def connect(
    request: WebSocketRequest, *, open_seconds: float = 10.0, keepalive_seconds: float = 5.0
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


class WebSocket:
    """An open connection: a `Wire`. One task may receive while another sends."""

    _stream: Stream

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
        self._connected = False
        self._over = False
        self._masks: list[bytes] = []
        self._usual = -1, b""  # The length of the last bytes that were sent, and the head of their frame.
        self._trouble = ""
        self._answered = asyncio.Event()
        self._arrived = asyncio.Event()
        self._gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Write one message; first wait while the other side does not take more. Raise TryAgain when it is gone."""
        while not self._over and not self._stream.idle:
            await self._stream.drain()
        if self._over:
            raise TryAgain(self._trouble)
        self.send_now(message)

    @property
    def ready(self) -> bool:
        """See `Wire`."""
        return not self._over and self._stream.idle

    def send_now(self, message: Message) -> bool:
        """See `Wire`. One masked, final frame (RFC 6455, 5.2): the core may not be used here, and would take longer."""
        if isinstance(message, bytes):
            data = message
            size, head = self._usual
            if size != len(data):
                head = _head(_BINARY, len(data))
                self._usual = len(data), head
        elif isinstance(message, str):
            data = message.encode()
            head = _head(_TEXT, len(data))
        else:
            raise TypeError("A WebSocket carries no Socket.IO event.")
        try:
            mask = self._masks.pop()  # Two threads may be here: to look first whether there is one would not do.
        except IndexError:
            mask = self._new_masks()
        return self._stream.write(head + mask + apply_mask(data, mask)) and not self._over

    def _new_masks(self) -> bytes:
        """Ask the kernel once for many frames' masks; return one of them."""
        chance = os.urandom(4 * _MASKS)
        mask, *self._masks = (chance[at : at + 4] for at in range(0, len(chance), 4))
        return mask

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
            self._stream.abort()
        await gone

    async def handshake(self, stream: Stream) -> None:
        """Send the request and wait for the answer to it. Raise `InvalidHandshake` if it is not a yes."""
        self._stream = stream
        self._connected = True
        stream.start(received=self._on_data, ended=self._on_end)
        request = self._core.connect()
        request.headers["User-Agent"] = f"edgetx/{__version__}"
        request.headers.update(self._headers)
        self._core.send_request(request)
        self._flush()
        await self._answered.wait()
        if self._core.handshake_exc:
            raise self._core.handshake_exc
        self._keep_alive()

    def _on_data(self, data: bytes) -> None:
        self._heard = True
        self._core.receive_data(data)
        self._drain()

    def _on_end(self, error: OSError | None) -> None:
        if error:  # The core would only say where it was cut off.
            self._end(f"The connection to {self._peer} broke: {error}.")
        self._core.receive_eof()
        self._drain()
        self._end(f"The connection to {self._peer} broke: the other side ended it.")
        for event in (self._answered, self._gone):
            event.set()

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
                self._stream.write(data)
            else:
                self._stream.finish()

    def _pace_reading(self) -> None:
        if self._inbox.full:
            self._stream.pause_reading()
        elif not self._stream.reading:
            self._heard = True  # Its answer may have waited in the socket while we did not read.
            self._stream.resume_reading()

    def _keep_alive(self) -> None:
        if self._over:
            return
        if not self._heard and self._stream.reading:
            self._end(f"{self._peer} has not answered for {self._keepalive_seconds:g} seconds.")
            self._stream.abort()
            return
        loop = asyncio.get_running_loop()
        self._heard, self._asked_at = False, loop.time()
        self._core.send_ping(str(self._asked_at).encode())
        self._flush()
        self._keepalive = loop.call_later(self._keepalive_seconds, self._keep_alive)


def _head(opcode: int, size: int) -> bytes:
    if size < _SEVEN_BIT_SIZE:
        return struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    if size < _SIXTEEN_BIT_SIZE:
        return struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    return struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)


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
    try:
        async with asyncio.timeout(seconds):
            await wire.handshake(await dial(uri.host, uri.port, tls=uri.secure))
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
