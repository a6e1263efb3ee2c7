"""Engine.IO, what Socket.IO stands on: long polling, WebSocket, pings. Door to `engineio` and its `aiohttp`.

The library is used without what would be felt outside of a connection: its signal handler, its log (which shows
addresses, and the keys in them), a task for each message.
"""

import asyncio
import logging
import ssl
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
import engineio
from engineio import packet
from engineio.base_client import connected_clients

from edgetx import __version__
from edgetx.errors import Refused, TryAgain
from edgetx.speech.closing import status_trouble
from edgetx.speech.socketio_codec import BYTES

CLOSE, MESSAGE = packet.CLOSE, packet.MESSAGE
FOREIGN = (
    *(engineio.exceptions.EngineIOError, aiohttp.ClientError, OSError, UnicodeError),
    # What the library lets through when the other side does not keep to the protocol.
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
)
"""What `Engine.connect` raises."""

_Answered = aiohttp.TraceRequestEndParams | aiohttp.TraceRequestRedirectParams
_OK = range(200, 300)
_SWITCHING = 101


@dataclass(slots=True)
class Seen:
    """How the last request went: its status, or the error for which there is none; and all answers still in use."""

    status: int | None = None
    error: BaseException | None = None
    answers: "weakref.WeakSet[aiohttp.ClientResponse]" = field(default_factory=weakref.WeakSet)

    def trouble(self, peer: str, *, renewable: bool) -> TryAgain | Refused:
        """Return the error for a connection that did not come about; nothing of the other side's is quoted."""
        reason = getattr(self.error, "os_error", self.error)
        if self.status is not None and self.status != _SWITCHING and self.status not in _OK:
            return status_trouble(peer, self.status, renewable=renewable)
        if isinstance(self.error, aiohttp.ClientSSLError) or isinstance(reason, ssl.SSLError):
            return TryAgain(f"{peer} cannot be trusted; is the clock right, and the certificate?")
        if isinstance(self.error, aiohttp.ClientConnectorError):
            return TryAgain(f"{peer} cannot be reached: {getattr(reason, 'strerror', None) or 'nobody answers'}.")
        return TryAgain(f"{peer} does not answer as a Socket.IO server.")


class Engine(engineio.AsyncClient):  # type: ignore[misc]  # it has no types
    """The library's client; ``arrived`` is given the kind (CLOSE, MESSAGE or another) and the data of each packet.

    Reading waits for ``arrived``, which returns whether the packet is dealt with.
    """

    def __init__(self, arrived: Callable[[int, Any], Awaitable[bool]], http: aiohttp.ClientSession) -> None:
        silent = logging.Logger("engineio", logging.CRITICAL + 1)  # noqa: LOG001
        pings = {"autoping": False}  # `_Socket` sees to them.
        super().__init__(logger=silent, handle_sigint=False, http_session=http, websocket_extra_options=pings)
        self._arrived = arrived

    async def _receive_packet(self, pkt: packet.Packet) -> None:
        if not await self._arrived(pkt.packet_type, pkt.data):
            await super()._receive_packet(pkt)

    async def has_arrived(self) -> bool:
        """Wait until all that is queued now has provably arrived, for ever if it never does; False: it cannot."""
        await self.queue.join()
        if self.state != "connected" or self.write_loop_task is None:  # What could not be sent counts as done, too.
            return False
        return not isinstance(self.ws, _Socket) or await self.ws.answers()

    async def say_goodbye(self) -> None:
        """Write what is queued and that we go, then close. Waits for as long as that takes."""
        if self.state == "connected":
            await self.queue.put(packet.Packet(packet.CLOSE))
            await self.queue.join()
        await self.disconnect(abort=True)

    def forget(self) -> None:
        """Leave the library's list of clients, from which only a polite end takes one."""
        with suppress(ValueError):
            connected_clients.remove(self)


async def close_client(client: aiohttp.ClientSession, seen: Seen) -> None:
    """Close a client, and the answers that the library has not read to their end."""
    for answer in list(seen.answers):
        answer.close()
    await client.close()


def http_client(seen: Seen) -> aiohttp.ClientSession:
    """Return a client that notes in ``seen`` how its requests went."""
    trace = aiohttp.TraceConfig()

    async def answered(_client: object, _context: SimpleNamespace, end: _Answered) -> None:
        seen.status, seen.error = end.response.status, None
        seen.answers.add(end.response)

    async def failed(_client: object, _context: SimpleNamespace, end: aiohttp.TraceRequestExceptionParams) -> None:
        if seen.status is None or seen.status in _OK:
            seen.status, seen.error = None, end.exception

    async def sent_elsewhere(
        _client: object, _context: SimpleNamespace, on: aiohttp.TraceRequestRedirectParams
    ) -> None:
        await answered(_client, _context, on)
        raise aiohttp.ClientError("A redirect is not followed: the headers hold keys.")

    trace.on_request_end.append(answered)
    trace.on_request_redirect.append(sent_elsewhere)
    trace.on_request_exception.append(failed)
    agent = {"User-Agent": f"edgetx/{__version__}"}
    return aiohttp.ClientSession(
        headers=agent, trace_configs=[trace], response_class=_Answer, ws_response_class=_Socket
    )


class _Answer(aiohttp.ClientResponse):
    """An answer that is read up to a bound."""

    async def read(self) -> bytes:
        body = bytearray()
        async for part in self.content.iter_any():
            body += part
            if len(body) > BYTES:
                self.close()
                raise aiohttp.ClientPayloadError("The answer is too long.")
        self._body = bytes(body)
        return self._body


class _Socket(aiohttp.ClientWebSocketResponse):
    """A WebSocket that tells of its pings. To be made without ``autoping``."""

    _asked = 0
    _answered: "asyncio.Future[None] | None" = None

    async def receive(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - aiohttp's word
        """Return the next message that is no ping and no pong."""
        while True:
            message = await super().receive(timeout)
            if message.type is aiohttp.WSMsgType.PING:
                await self.pong(message.data)
            elif message.type is not aiohttp.WSMsgType.PONG:
                return message
            elif self._answered and not self._answered.done() and bytes(message.data) == b"%d" % self._asked:
                self._answered.set_result(None)

    async def answers(self) -> bool:
        """Ask whether all that was sent has arrived (RFC 6455, 5.5.2), and wait; False: the connection is gone."""
        self._asked += 1
        self._answered = asyncio.get_running_loop().create_future()
        try:
            await self.ping(b"%d" % self._asked)
        except (aiohttp.ClientError, OSError):
            return False
        await self._answered
        return True
