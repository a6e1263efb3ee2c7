"""A stand-in for AssemblyAI's v3 streaming service: keeps the vendor's limits, in the vendor's words, and listens.

    async with AssemblyAIServer(Scenario(fault=Fault.RESET), Scenario()) as server:   # first connection, all others
        ... connect to server.url ...
        assert server.connections[0].audio == ...

Temporary tokens are to be had at the same port. Without a script it hears for itself (see `Hearing`): what it says is
true to the sound that it got. As a program, for callers that must not share their process with it:

    python -m tests.rigs.assemblyai_server --port 0 --record FILE

prints its address in one line, serves until its standard input ends, then writes what it recorded to FILE as JSON.
All times are CLOCK_MONOTONIC, the same for every process of a machine.
"""

import argparse
import asyncio
import json
import socket
import sys
import time
from collections import deque
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Request, Response, Server, ServerConnection, serve

from tests.rigs.assemblyai_scenario import KEY, Fault, Scenario
from tests.rigs.assemblyai_tokens import Asked, Tokens
from tests.rigs.assemblyai_visit import Connection, Unwelcome, Violation, Visit

__all__ = ["AssemblyAIServer", "Connection"]

MINUTE = 60.0
REFUSALS = {Fault.HTTP_401: HTTPStatus.UNAUTHORIZED, Fault.HTTP_503: HTTPStatus.SERVICE_UNAVAILABLE}


class AssemblyAIServer:
    """Serves on 127.0.0.1, or on ``listener``, a socket that is bound already.

    The n-th connection gets the n-th scenario, all further ones the last.
    """

    def __init__(self, *scenarios: Scenario, port: int = 0, listener: socket.socket | None = None) -> None:
        self._scenarios = scenarios or (Scenario(),)
        self._port = port
        self._listener = listener
        self._server: Server | None = None
        self._visits: dict[ServerConnection, Visit] = {}
        self._begun: deque[float] = deque()
        self.connections: list[Connection] = []
        self.tokens = Tokens()

    async def __aenter__(self) -> Self:
        where = {"sock": self._listener} if self._listener else {"host": "127.0.0.1", "port": self._port}
        options = {"process_request": self._answer, "compression": None, "ping_interval": None}
        options["max_queue"] = None  # Else a client's close would wait behind what is not to be read any more.
        self._server = await serve(self._handle, **where, **options)
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

    def scenario(self) -> Scenario:
        """Return how the next connection goes."""
        return self._scenarios[min(len(self.connections), len(self._scenarios) - 1)]

    def _answer(self, socket_: ServerConnection, request: Request) -> Response | None:
        url = urlsplit(request.path)
        query, headers = dict(parse_qsl(url.query)), dict(request.headers.raw_items())
        scenario = self.scenario()
        if url.path == "/v3/token":
            status, said = self.tokens.answer(Asked(url.path, query, headers), scenario, now=time.monotonic())
            return _json(socket_, status, said)
        connection = Connection(url.path, query, headers)
        self.connections.append(connection)
        self._visits[socket_] = Visit(socket_, scenario, connection, self._admit)
        if url.path != "/v3/ws":
            return socket_.respond(HTTPStatus.NOT_FOUND, "Not Found\n")
        if scenario.fault in REFUSALS:
            return socket_.respond(REFUSALS[scenario.fault], "no\n")
        return None

    async def _handle(self, socket_: ServerConnection) -> None:
        await self._visits.pop(socket_).run()

    def _admit(self, visit: Visit) -> float:
        """Return how many seconds the session may last."""
        scenario = visit.scenario
        seconds = min(scenario.session_seconds, self._authorised(visit.connection, scenario.key))
        now = time.monotonic()
        while self._begun and self._begun[0] <= now - MINUTE:
            self._begun.popleft()
        if scenario.fault is Fault.TOO_MANY_SESSIONS or len(self._begun) >= scenario.sessions_per_minute:
            if scenario.too_many_code == 1008:
                raise Unwelcome(1008, "Too many concurrent sessions")
            raise Violation(scenario.too_many_code, "Too many concurrent sessions")
        self._begun.append(now)
        return seconds

    def _authorised(self, connection: Connection, key: str) -> float:
        """Take the key or a token in the header, as the official client does, or a token in the query."""
        header = {name.lower(): value for name, value in connection.headers.items()}.get("authorization")
        if header == key:
            return float("inf")
        token = header or connection.query.get("token")
        if token is None:
            raise Unwelcome(1008, "Unauthorized Connection: Missing Authorization header")
        seconds = self.tokens.use(token, now=time.monotonic())
        if isinstance(seconds, str):
            raise Unwelcome(1008, f"Unauthorized Connection: {seconds}")
        return seconds


def _json(socket_: ServerConnection, status: int, said: dict[str, Any]) -> Response:
    response = socket_.respond(HTTPStatus(status), json.dumps(said))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


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
