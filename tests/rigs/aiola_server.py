"""A stand-in for Aiola's streaming service, all three generations: python-socketio's own server, and the questions.

    async with AiolaServer(Scenario(fault=Fault.RESET), Scenario()) as server:   # first session, all others
        ... endpoint and auth_endpoint are server.url ...
        assert server.connections[0].audio == ...

It hears for itself (see `Hearing`): each spell of sound is a ``transcript``. Its account has ``places`` for sessions:
one more is refused with 409, as the vendor does, until one is deleted.
"""

import asyncio
import base64
import hashlib
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import socketio
from aiohttp import web

from tests.rigs.aiola_scenario import KEY, Fault, Scenario
from tests.rigs.hearing import Hearing

PATH = "/api/voice-streaming/socket.io"
NAMESPACES = ("/events", "/transcript")
LINGER_0 = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Connection:
    """What one connection brought. ``events``: (name, arguments) in order; ``acks``: what acknowledgements held."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    scenario: Scenario
    namespace: str
    hearing: Hearing
    events: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    acks: list[tuple[Any, ...]] = field(default_factory=list)
    transport: str = ""
    closed: str = ""

    @property
    def audio(self) -> bytes:
        return b"".join(args[0] for name, args in self.events if name == "binary_data")


@dataclass(slots=True)
class Question:
    """One request over HTTP."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class AiolaServer:
    """Serves on 127.0.0.1. The n-th connection gets the n-th scenario, all further ones the last.

    ``ping``: interval and time-out in seconds. ``jwt_once``: a session's token opens one connection only.
    """

    def __init__(
        self,
        *scenarios: Scenario,
        key: str = KEY,
        places: int = 1,
        jwt_seconds: float = 1800,
        jwt_once: bool = False,
        transports: tuple[str, ...] = ("polling", "websocket"),
        ping: tuple[float, float] = (25, 20),
    ) -> None:
        self._scenarios = scenarios or (Scenario(),)
        self._key = key
        self.places = places
        self._jwt_seconds = jwt_seconds
        self._jwt_once = jwt_once
        self._used: set[str] = set()
        self._tasks: list[Any] = []
        self._port = 0
        self.sessions: set[str] = set()
        self.questions: list[Question] = []
        self.connections: list[Connection] = []
        self._open: dict[str, Connection] = {}
        self._sio = socketio.AsyncServer(
            async_mode="aiohttp",
            async_handlers=False,
            transports=list(transports),
            ping_interval=ping[0],
            ping_timeout=ping[1],
            monitor_clients=False,
            namespaces=list(NAMESPACES),
        )
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._record])
        app.router.add_post("/voip-auth/apiKey2Token", self._token)
        app.router.add_post("/voip-auth/session", self._begin)
        app.router.add_delete("/voip-auth/session", self._delete)
        self._sio.attach(app, socketio_path=PATH)
        for namespace in NAMESPACES:
            self._serve(namespace)
        self._keep_tasks()
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        self.reset()
        for task in self._tasks:
            task.cancel()
        await self._runner.cleanup()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def reset(self) -> None:
        """Have all that are connected see their connection reset."""
        assert self._runner
        assert self._runner.server
        for handler in self._runner.server.connections:
            if handler.transport:
                sock = handler.transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
                handler.transport.abort()

    async def say(self, name: str, *payload: Any, callback: Callable[..., None] | None = None) -> None:
        """Send an event to everyone."""
        for sid, connection in self._open.items():
            await self._sio.emit(name, payload, to=sid, namespace=connection.namespace, callback=callback)

    # --- the questions

    def _keep_tasks(self) -> None:
        """Remember the library's tasks: those that sleep until the next ping outlive their connection."""
        start = self._sio.eio.start_background_task

        def remembered(*args: Any, **kwargs: Any) -> Any:
            task = start(*args, **kwargs)
            self._tasks.append(task)
            return task

        self._sio.eio.start_background_task = remembered

    @web.middleware
    async def _record(self, request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> Any:
        if not request.path.startswith(PATH):
            question = Question(request.method, request.path, dict(request.headers), await request.read())
            self.questions.append(question)
        return await handler(request)

    async def _token(self, request: web.Request) -> web.Response:
        if _bearer(request) != self._key:
            return _error(401, {"error": {"code": "UNAUTHORIZED", "message": f"bad key {_bearer(request)}"}})
        return web.json_response({"context": {"token": _passing(self._key)}})

    async def _begin(self, request: web.Request) -> web.Response:
        if _bearer(request) != _passing(self._key):
            return _error(401, {"message": "bad token", "code": "INVALID_TOKEN", "details": {}})
        if not (await request.json()).get("workflow_id"):
            return _error(404, {"message": "no such workflow", "code": "WORKFLOW_NOT_FOUND"})
        if len(self.sessions) >= self.places:
            return _error(409, {"message": "no free slot", "code": "MAX_CONCURRENCY_REACHED"})
        name = f"session-{len(self.questions)}"
        jwt = _jwt({"sub": name, "exp": int(time.time() + self._jwt_seconds)})
        self.sessions.add(jwt)
        return web.json_response({"jwt": jwt, "sessionId": name})

    async def _delete(self, request: web.Request) -> web.Response:
        jwt = _bearer(request)
        if jwt not in self.sessions:
            return _error(401, {"message": "no such session", "code": "INVALID_TOKEN"})
        self.sessions.discard(jwt)
        return web.json_response({"status": "deleted", "deletedAt": "2026-01-01T00:00:00Z"})

    # --- the stream

    def _serve(self, namespace: str) -> None:
        async def connected(sid: str, environ: dict[str, Any], _auth: Any = None) -> None:
            await self._connected(namespace, sid, environ)

        async def said(event: str, sid: str, *args: Any) -> None:
            await self._said(self._open[sid], sid, event, args)

        async def disconnected(sid: str, reason: str) -> None:
            if sid in self._open:
                self._open.pop(sid).closed = reason

        self._sio.on("connect", connected, namespace=namespace)
        self._sio.on("*", said, namespace=namespace)
        self._sio.on("disconnect", disconnected, namespace=namespace)

    async def _connected(self, namespace: str, sid: str, environ: dict[str, Any]) -> None:
        request: web.Request = environ["aiohttp.request"]
        scenario = self._scenarios[min(len(self.connections), len(self._scenarios) - 1)]
        query, headers = dict(request.query), {name.lower(): value for name, value in request.headers.items()}
        hearing = Hearing(rate=16_000, silence_ms=_silence_ms(query), twins=False)
        connection = Connection(request.path, query, headers, scenario, namespace, hearing)
        self.connections.append(connection)
        refusal = scenario.refusal or self._wrong(connection)
        if refusal:
            raise socketio.exceptions.ConnectionRefusedError(*refusal)
        self._open[sid] = connection
        connection.transport = self._sio.transport(sid, namespace)
        self._sio.start_background_task(self._greet, sid, connection)

    async def _greet(self, sid: str, connection: Connection) -> None:
        """Say what is to be said first; the library answers the client when `_connected` is done."""
        for name, payload in connection.scenario.says:
            await self._sio.emit(name, payload, to=sid, namespace=connection.namespace)

    def _wrong(self, connection: Connection) -> tuple[Any, ...] | None:
        """What is wrong with the key or the token, in the words of a 44."""
        token = connection.headers.get("authorization", "").removeprefix("Bearer ")
        if self._key in (connection.headers.get("x-api-key"), token):
            return None
        if token not in self.sessions or connection.query.get("x-aiola-api-token") != token:
            return ("authentication failed", {"code": "UNAUTHORIZED"})
        if _claims(token)["exp"] < time.time() or (self._jwt_once and token in self._used):
            return ("token expired", {"code": "TOKEN_EXPIRED"})
        self._used.add(token)
        return None

    async def _said(self, connection: Connection, sid: str, event: str, args: tuple[Any, ...]) -> None:
        connection.transport = self._sio.transport(sid, connection.namespace)
        connection.events.append((event, args))
        if event != "binary_data" or connection.scenario.deaf:
            return
        for turn in connection.hearing.feed(args[0]):
            if turn["end_of_turn"]:
                await self._transcribed(connection, sid, turn["transcript"])
        if len(connection.audio) / 32 >= connection.scenario.fault_at_ms:
            await self._break(connection, sid)

    async def _transcribed(self, connection: Connection, sid: str, words: str) -> None:
        payload: Any = {"transcript": words}
        if connection.scenario.nested:
            payload = {"data": {"name": "Transcript", "value": {"data": {**payload, "itn_transcript": "1"}}}}

        def acknowledged(*args: Any) -> None:
            connection.acks.append(args)

        asked = acknowledged if connection.scenario.asks else None
        await self._sio.emit("transcript", payload, to=sid, namespace=connection.namespace, callback=asked)

    async def _break(self, connection: Connection, sid: str) -> None:
        match connection.scenario.fault:
            case Fault.RESET:
                self.reset()
            case Fault.DISCONNECT:
                await self._sio.disconnect(sid, namespace=connection.namespace)
            case Fault.CLOSE:
                await self._sio.eio.disconnect(self._sio.manager.eio_sid_from_sid(sid, connection.namespace))


def _silence_ms(query: dict[str, str]) -> float:
    vad = json.loads(query.get("vad_config", "{}"))
    return float(vad.get("min_silence_ms", vad.get("min_silence_duration_ms", 500)))


def _bearer(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _passing(key: str) -> str:
    return f"temporary-{hashlib.sha1(key.encode()).hexdigest()}"


def _error(status: int, body: dict[str, Any]) -> web.Response:
    return web.json_response(body, status=status)


def _jwt(claims: dict[str, Any]) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*coded, hashlib.sha256(coded[1].encode()).hexdigest()])


def _claims(jwt: str) -> dict[str, Any]:
    payload = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
