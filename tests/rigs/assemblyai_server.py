"""A stand-in for AssemblyAI's v3 streaming service: keeps the vendor's limits, in the vendor's words, and listens.

    async with AssemblyAIServer(Scenario(fault=Fault.RESET), Scenario()) as server:   # first connection, all others
        ... connect to server.url ...
        assert server.connections[0].audio == ...

Without a script it hears for itself (see `Hearing`): what it says is true to the sound that it got. As a program, for
callers that must not share their process with it:

    python -m tests.rigs.assemblyai_server --port 0 --record FILE

prints its address in one line, serves until its standard input ends, then writes what it recorded to FILE as JSON.
All times are CLOCK_MONOTONIC, the same for every process of a machine.
"""

import argparse
import asyncio
import json
import socket
import struct
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Request, Response, Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.rigs.assemblyai_scenario import KEY, ODD_MESSAGES, Fault, Scenario
from tests.rigs.hearing import Hearing


@dataclass(slots=True)
class Connection:
    """What one connection brought. ``frames``: (when, bytes) of each audio message; ``sent``: (when, message)."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    audio: bytearray = field(default_factory=bytearray)
    frames: list[tuple[float, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    sent: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    closed: tuple[int | None, str] | None = None


class Violation(Exception):
    """The client broke a rule: code and text of the Error message; the close has the same code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class AssemblyAIServer:
    """Serves on 127.0.0.1, or on ``listener``, a socket that is bound already.

    The n-th connection gets the n-th scenario, all further ones the last.
    """

    def __init__(self, *scenarios: Scenario, port: int = 0, listener: socket.socket | None = None) -> None:
        self._scenarios = scenarios or (Scenario(),)
        self._port = port
        self._listener = listener
        self._server: Server | None = None
        self._visits: dict[ServerConnection, _Visit] = {}
        self.connections: list[Connection] = []

    async def __aenter__(self) -> Self:
        where = {"sock": self._listener} if self._listener else {"host": "127.0.0.1", "port": self._port}
        self._server = await serve(
            self._handle, **where, process_request=self._answer, compression=None, ping_interval=None
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for connection in list(self._server.connections):
            connection.transport.abort()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The address to give as a provider's ``url``."""
        return f"ws://127.0.0.1:{self._port}/v3/ws"

    def _answer(self, socket_: ServerConnection, request: Request) -> Response | None:
        url = urlsplit(request.path)
        connection = Connection(url.path, dict(parse_qsl(url.query)), dict(request.headers.raw_items()))
        scenario = self._scenarios[min(len(self.connections), len(self._scenarios) - 1)]
        self.connections.append(connection)
        self._visits[socket_] = _Visit(socket_, scenario, connection)
        status = {Fault.HTTP_401: HTTPStatus.UNAUTHORIZED, Fault.HTTP_503: HTTPStatus.SERVICE_UNAVAILABLE}
        if url.path != "/v3/ws":
            return socket_.respond(HTTPStatus.NOT_FOUND, "Not Found\n")
        if scenario.fault in status:
            return socket_.respond(status[scenario.fault], "no\n")
        return None

    async def _handle(self, socket_: ServerConnection) -> None:
        await self._visits.pop(socket_).run()


class _Visit:
    """One session, from Begin to close."""

    def __init__(self, socket_: ServerConnection, scenario: Scenario, connection: Connection) -> None:
        self._socket = socket_
        self._scenario = scenario
        self._connection = connection
        query = connection.query
        self._rate = int(query.get("sample_rate", "16000"))
        self._hearing = Hearing(
            rate=self._rate,
            silence_ms=float(query.get("min_turn_silence", "400")),
            twins=scenario.twin_finals and query.get("format_turns", "").lower() == "true",
        )
        self._script = list(scenario.script or ())
        self._first_at: float | None = None

    async def run(self) -> None:
        with suppress(ConnectionClosed):
            try:
                async with asyncio.timeout(self._scenario.session_seconds):
                    await self._session()
            except TimeoutError:
                await self._fail(Violation(3008, "Session Expired: Maximum session duration exceeded"))
            except Violation as violation:
                await self._fail(violation)
        self._connection.closed = (self._socket.close_code, self._socket.close_reason or "")

    async def _session(self) -> None:
        if await self._turned_away():
            return
        now = time.time()
        await self._send(
            {
                "type": "Begin",
                "id": str(uuid.uuid4()),
                "expires_at": int(now + self._scenario.session_seconds),
                "configuration": {"model": self._connection.query.get("speech_model"), "mode": "balanced"},
            }
        )
        odd = ODD_MESSAGES.get(self._scenario.fault)
        if odd is not None:
            await self._socket.send(odd)
        async for message in self._socket:
            if isinstance(message, bytes):
                await self._hear(message)
            elif await self._obey(message):
                return

    async def _turned_away(self) -> bool:
        headers = {name.lower(): value for name, value in self._connection.headers.items()}
        key = headers.get("authorization") or self._connection.query.get("token")
        fault = self._scenario.fault
        if key is None:
            await self._socket.close(1008, "Unauthorized Connection: Missing Authorization header")
        elif key != self._scenario.key:
            await self._socket.close(1008, "Unauthorized Connection: Invalid API key")
        elif fault is Fault.TOO_MANY_SESSIONS:
            await self._socket.close(1008, "Too many concurrent sessions")
        elif fault is Fault.CLOSE_BEFORE_BEGIN:
            await self._socket.close(1000)
        elif fault is Fault.SILENT_BEFORE_BEGIN:
            await self._socket.wait_closed()
        else:
            return False
        return True

    async def _hear(self, pcm: bytes) -> None:
        now = time.monotonic()
        connection, scenario = self._connection, self._scenario
        connection.frames.append((now, len(pcm)))
        self._check(pcm, now)
        connection.audio += pcm
        heard_ms = self._seconds(len(connection.audio)) * 1000
        for message in self._scripted(heard_ms) if scenario.script is not None else self._hearing.feed(pcm):
            await self._send(message)
        if heard_ms >= scenario.fault_at_ms:
            await self._break()

    def _check(self, pcm: bytes, now: float) -> None:
        ms = self._seconds(len(pcm)) * 1000
        if not 50 <= ms <= 1000:
            raise Violation(
                3007, f"Input Duration Error: Input Duration Violation: {ms:.1f} ms. Expected between 50 and 1000 ms"
            )
        self._first_at = self._first_at or now
        elapsed, heard = now - self._first_at, self._seconds(len(self._connection.audio) + len(pcm))
        if heard > self._scenario.burst_seconds + self._scenario.rate * elapsed:
            raise Violation(
                3007, f"Audio Transmission Rate Exceeded: Received {heard:.1f} sec. audio in {elapsed:.1f} sec"
            )

    def _scripted(self, heard_ms: float) -> Iterator[dict[str, Any]]:
        while self._script and self._script[0][0] <= heard_ms:
            yield self._script.pop(0)[1]

    async def _break(self) -> None:
        match self._scenario.fault:
            case Fault.RESET:
                linger = struct.pack("ii", 1, 0)
                self._socket.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._socket.transport.abort()
            case Fault.CLOSE_1000:
                await self._socket.close(1000)
            case Fault.STALLED:
                self._socket.transport.pause_reading()
                await self._socket.wait_closed()

    async def _obey(self, message: str) -> bool:
        """Do what a text message says; tell whether it was the end."""
        self._connection.texts.append(message)
        match _kind(message):
            case "Terminate":
                if self._scenario.fault is Fault.NO_TERMINATION:
                    return False
                await self._terminate()
                return True
            case "ForceEndpoint":
                for turn in self._hearing.end_turn():
                    await self._send(turn)
            case "KeepAlive" | "UpdateConfiguration":
                pass
            case kind:
                raise Violation(3006, f"Invalid Message Type: {kind}")
        return False

    async def _terminate(self) -> None:
        scripted = self._scenario.script is not None
        for message in self._scripted(float("inf")) if scripted else self._hearing.end_turn():
            await self._send(message)
        seconds = round(self._seconds(len(self._connection.audio)))
        await self._send(
            {"type": "Termination", "audio_duration_seconds": seconds, "session_duration_seconds": seconds}
        )
        await self._socket.close(1000)

    async def _fail(self, violation: Violation) -> None:
        await self._send({"type": "Error", "error_code": violation.code, "error": violation.text})
        reason = violation.text if len(violation.text) <= 123 else "See Error message for details"
        await self._socket.close(violation.code, reason)

    async def _send(self, message: dict[str, Any]) -> None:
        self._connection.sent.append((time.monotonic(), message))
        await self._socket.send(json.dumps(message))

    def _seconds(self, size_bytes: int) -> float:
        return size_bytes / 2 / self._rate


def _kind(message: str) -> object:
    try:
        data = json.loads(message)
    except ValueError:
        raise Violation(3006, "Invalid JSON") from None
    if not isinstance(data, dict):
        raise Violation(3006, "Invalid Message")
    return data.get("type")


async def _main() -> None:
    parser = argparse.ArgumentParser(description="AssemblyAI's v3 streaming service, as a stand-in on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--fault", type=Fault, choices=list(Fault), default=Fault.NONE)
    parser.add_argument("--fault-at-ms", type=float, default=1000)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    scenario = Scenario(key=options.key, fault=options.fault, fault_at_ms=options.fault_at_ms)
    async with AssemblyAIServer(scenario, port=options.port) as server:
        print(server.url, flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.read)
    if options.record:
        options.record.write_text(json.dumps([{**asdict(c), "audio": len(c.audio)} for c in server.connections]))


if __name__ == "__main__":
    asyncio.run(_main())
