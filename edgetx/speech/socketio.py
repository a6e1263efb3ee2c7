"""A namespace of a Socket.IO server as a `Wire`.

Packets are taken in order and both ways are bounded: reading stops while more than `_INBOX_EVENTS` wait for
`receive`, and `send` waits while more than `_OUTBOX_PACKETS` wait for the transport, whose own queue knows no bound.

Whether what was sent has arrived (`confirmed_at`) is asked every `_PROOF_SECONDS`: of long polling each request is
answered, of a WebSocket a ping. A server that sends nothing for as long as the next of Engine.IO's own pings may take
is gone.

Nothing from the request but its host and port may reach a message or a log: the query and the headers hold keys.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from edgetx.errors import Refused, TryAgain
from edgetx.speech import socketio_codec as codec
from edgetx.speech.session import Message, SocketEvent, SocketIORequest
from edgetx.speech.socketio_engine import CLOSE, FOREIGN, MESSAGE, Engine, Seen, close_client, http_client

_INBOX_EVENTS = 64
_OUTBOX_PACKETS = 8
_CLOSE_SECONDS = 1.5
_PATIENCE_SECONDS = 120.0
_PROOF_SECONDS = 2.0
"""Less than a session's last words may take: what is asked after its end is known in time."""


@asynccontextmanager
async def connect(request: SocketIORequest, *, open_seconds: float = 10.0) -> AsyncIterator["SocketIO"]:
    """Connect, and close politely inside two seconds on exit. Whether the namespace opens is told by `receive`.

    Raise TryAgain when nobody answers in time, or not in Engine.IO, or with a status that passes; Refused on any other
    status, and for an address or a header that cannot be used.
    """
    peer, seen = _peer(request), Seen()
    wire = SocketIO(request, peer, seen)
    try:
        try:
            async with asyncio.timeout(open_seconds):
                await wire.open()
        except TimeoutError:
            raise TryAgain(f"{peer} did not answer within {open_seconds:g} seconds.") from None
        except FOREIGN:
            raise seen.trouble(peer, renewable=request.renewable) from None
        yield wire
    finally:
        await wire.close()


class SocketIO:
    """An open connection: a `Wire`. One task may receive while another sends."""

    def __init__(self, request: SocketIORequest, peer: str, seen: Seen) -> None:
        self._request = request
        self._peer = peer
        self._seen = seen
        self._http = http_client(seen)
        self._engine = Engine(self._packet, self._http)
        self._decoder = codec.Decoder(request.namespace, request.expires_at)
        self._inbox: deque[tuple[Message, int]] = deque()
        self._inbox_bytes = 0
        self._heard_at = asyncio.get_running_loop().time()
        self._watching: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._ended = asyncio.Event()
        self.confirmed_at: float | None = None
        self.close_code: int | None = None  # Socket.IO has words for it, no numbers.
        self.close_reason = ""

    async def open(self) -> None:
        """Connect and ask for the namespace. Raise any of `FOREIGN`."""
        request = self._request
        headers, transports = dict(request.headers), list(request.transports)
        await self._engine.connect(request.url, headers=headers, transports=transports, engineio_path=request.path)
        await self._write(codec.opening(request.namespace))
        self._watching = asyncio.create_task(self._watch(), name="Socket.IO watch")
        self._asking = asyncio.create_task(self._ask(), name="Socket.IO proof")

    @property
    def ready(self) -> bool:
        """Never: a task of the library's does the writing."""
        return False

    def send_now(self, message: Message) -> bool:
        """Raise TypeError: see `ready`."""
        raise TypeError(f"Socket.IO does not send at once, not even a {type(message).__name__}.")

    async def send(self, message: Message) -> None:
        """Hand one event on; waits while too much waits to be written. Raise TryAgain when the server is gone."""
        if not isinstance(message, SocketEvent):
            raise TypeError("Socket.IO carries events, no other messages.")
        await self._room()
        if self._ended.is_set():
            raise TryAgain(self.close_reason)
        await self._write(codec.event(self._request.namespace, message))

    async def receive(self) -> Message | None:
        """Wait for an event. None: the connection is over, and all that came before has been returned."""
        while not self._inbox:
            if self._ended.is_set():
                return None
            self._arrived.clear()
            await self._arrived.wait()
        message, size = self._inbox.popleft()
        self._inbox_bytes -= size
        self._taken.set()
        return message

    async def close(self) -> None:
        """Take leave, wait up to two seconds for that, and leave nothing behind."""
        leaving = asyncio.ensure_future(self._leave())
        try:
            # Not asyncio.timeout: in a task that was cancelled Python 3.11.2 does not raise its TimeoutError.
            await asyncio.wait((leaving,), timeout=_CLOSE_SECONDS)
        finally:
            self._end("We have closed the connection.")
            await self._abort(leaving)

    async def _leave(self) -> None:
        if not self._ended.is_set():
            await self._write(codec.leaving(self._request.namespace))
        await self._engine.say_goodbye()

    async def _abort(self, leaving: asyncio.Task[None]) -> None:
        engine = self._engine
        ours = leaving, self._watching, self._asking
        tasks = [task for task in (*ours, engine.read_loop_task, engine.write_loop_task) if task]
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            engine.forget()
            await close_client(self._http, self._seen)

    async def _watch(self) -> None:
        """See the connection end, whichever part of the library finds out first, or none."""
        engine = self._engine
        loops = [task for task in (engine.read_loop_task, engine.write_loop_task) if task]
        patience = min(engine.ping_interval + engine.ping_timeout, _PATIENCE_SECONDS)
        heard_at, done = None, set[asyncio.Task[None]]()
        while not done and heard_at != self._heard_at:
            heard_at = self._heard_at
            done, _ = await asyncio.wait(loops, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if asyncio.get_running_loop().time() - self._heard_at < patience:
            self._end(f"The connection to {self._peer} broke (transport error).")
        else:
            self._end(f"{self._peer} has sent nothing for {patience:g} seconds (ping timeout).")

    async def _ask(self) -> None:
        while not self._ended.is_set():
            await asyncio.sleep(_PROOF_SECONDS)
            asked_at = asyncio.get_running_loop().time()
            if await self._engine.has_arrived():
                self.confirmed_at = asked_at

    def _end(self, trouble: str) -> None:
        self.close_reason = self.close_reason or trouble
        for event in (self._ended, self._arrived, self._taken):
            event.set()

    async def _write(self, parts: codec.Encoded) -> None:
        for part in parts:
            await self._engine.send(part)  # Into a queue without a bound: no other task gets in between.

    async def _room(self) -> None:
        while self._engine.queue.qsize() > _OUTBOX_PACKETS and not self._ended.is_set():
            waiting = [asyncio.ensure_future(self._engine.queue.join()), asyncio.ensure_future(self._ended.wait())]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()

    async def _packet(self, kind: int, data: Any) -> bool:
        """Take one packet of Engine.IO's; return whether it is dealt with."""
        self._heard_at = asyncio.get_running_loop().time()
        if kind == CLOSE:
            await self._deliver(codec.Heard(SocketEvent("disconnect", ("server disconnect",)), 0, []))
        elif kind == MESSAGE and (heard := self._decoder.receive(data)):
            await self._deliver(heard)
        return kind in (CLOSE, MESSAGE)

    async def _deliver(self, heard: codec.Heard) -> None:
        while not self._ended.is_set() and self._full:
            self._taken.clear()
            await self._taken.wait()
        if self._ended.is_set():
            return
        self._inbox.append((heard.message, heard.size))
        self._inbox_bytes += heard.size
        self._arrived.set()
        if isinstance(heard.message, SocketEvent) and heard.message.name in codec.LAST:
            self._end(f"{self._peer} ended the session.")
        elif heard.answer:
            await self._room()
            await self._write(heard.answer)

    @property
    def _full(self) -> bool:
        return len(self._inbox) >= _INBOX_EVENTS or self._inbox_bytes >= codec.BYTES


def _peer(request: SocketIORequest) -> str:
    """Return host and port. Raise Refused for what cannot be sent: HTTP would be told the rest of it."""
    for name, value in request.headers.items():
        if not (value.isascii() and value.isprintable()):
            raise Refused(f"The value of the header {name} holds characters that HTTP does not allow.")
    try:
        url = urlsplit(request.url)
        port = url.port or {"http": 80, "https": 443}[url.scheme]
    except (ValueError, KeyError):
        raise Refused(f"The address {request.url.partition('?')[0]!r} is not one of an HTTP server.") from None
    if not url.hostname:
        raise Refused(f"The address {request.url.partition('?')[0]!r} names no host.")
    return f"{url.hostname}:{port}"
