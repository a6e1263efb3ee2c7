"""A stand-in for AssemblyAI's v2 realtime service: keeps the vendor's limits, closes with its codes, and listens.

    async with AssemblyAIV2Server(Scenario(fails=(4102, "..."), fails_at_ms=0), Scenario()) as server:  # first, others
        ... connect to server.url, ask for tokens beside it ...
        assert server.connections[0].messages == ...

Without a script it hears for itself (see `Hearing`): what it says is true to the sound that it got.
"""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Request, Response, Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.rigs.assemblyai_v2_messages import (
    DEPRECATED,
    INVALID,
    KEY,
    NOT_AUTHORISED,
    TOO_MANY,
    Scenario,
    Speed,
    Trouble,
    check_word_boost,
    checked_mu_law,
    checked_rate,
    command,
    decoded,
    linear,
    transcript,
    transcripts,
)
from tests.rigs.hearing import Hearing

THRESHOLD_MS = 700


@dataclass(slots=True)
class Connection:
    """What one connection brought: ``query`` in its order, ``messages`` as they came, ``audio`` as it was encoded."""

    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    messages: list[str | bytes] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    sent: list[dict[str, Any]] = field(default_factory=list)
    closed: tuple[int | None, str] | None = None


class AssemblyAIV2Server:
    """Serves on 127.0.0.1. The n-th connection gets the n-th scenario, all further ones the last.

    ``streams``: how many the account may have at once; ``token_seconds``: how long a token lives, whatever was asked.
    """

    def __init__(self, *scenarios: Scenario, streams: int = 100, token_seconds: float | None = None) -> None:
        self._scenarios = scenarios or (Scenario(),)
        self._streams = streams
        self._token_seconds = token_seconds
        self._tokens: dict[str, float] = {}
        self._open = 0
        self._server: Server | None = None
        self.connections: list[Connection] = []
        self.token_requests: list[tuple[dict[str, str], bytes]] = []

    async def __aenter__(self) -> Self:
        def connection(*arguments: Any, **more: Any) -> "_Socket":
            return _Socket(self._token, *arguments, **more)

        # A request for a token is to the library a handshake that failed: its logger must not say so.
        quiet = logging.Logger("quiet", logging.CRITICAL + 1)  # noqa: LOG001
        self._server = await serve(
            self._handle,
            "127.0.0.1",
            0,
            process_request=self._answer,
            create_connection=connection,
            compression=None,
            ping_interval=None,
            logger=quiet,
        )
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
        assert self._server
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v2/realtime/ws"

    def _answer(self, socket: ServerConnection, request: Request) -> Response | None:
        return None if urlsplit(request.path).path == "/v2/realtime/ws" else socket.respond(404, "Not Found\n")

    def _token(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """Answer ``POST /v2/realtime/token``."""
        self.token_requests.append((headers, body))
        if path != "/v2/realtime/token":
            return 404, {"error": "Not Found"}
        if headers.get("authorization") != KEY:
            return 401, {"error": "Authentication error, API token missing/invalid"}
        asked = json.loads(body).get("expires_in")
        if not isinstance(asked, int) or not 60 <= asked <= 360_000:
            return 400, {"error": "expires_in must be between 60 and 360000"}
        token = uuid.uuid4().hex
        self._tokens[token] = time.monotonic() + (asked if self._token_seconds is None else self._token_seconds)
        return 200, {"token": token}

    async def _handle(self, socket: ServerConnection) -> None:
        assert socket.request
        url = urlsplit(socket.request.path)
        headers = {name.lower(): value for name, value in socket.request.headers.raw_items()}
        connection = Connection(url.path, parse_qsl(url.query, keep_blank_values=True), headers)
        scenario = self._scenarios[min(len(self.connections), len(self._scenarios) - 1)]
        self.connections.append(connection)
        self._open += 1
        try:
            await self._serve(socket, scenario, connection)
        except Trouble as trouble:
            with suppress(ConnectionClosed):
                await socket.send(json.dumps({"error": trouble.text}))
            await socket.close(trouble.code, trouble.text)
        except ConnectionClosed:
            pass
        finally:
            self._open -= 1
        connection.closed = (socket.close_code, socket.close_reason or "")

    async def _serve(self, socket: ServerConnection, scenario: Scenario, connection: Connection) -> None:
        token = dict(connection.query).get("token")
        known = connection.headers.get("authorization") == KEY if token is None else self._redeemed(token)
        if not known:
            raise Trouble(*NOT_AUTHORISED)
        if self._open > self._streams:
            raise Trouble(*TOO_MANY)
        await _Visit(socket, scenario, connection).run()

    def _redeemed(self, token: str) -> bool:
        """Take a token: it is good once, and not for long."""
        return self._tokens.pop(token, 0.0) > time.monotonic()


class _Socket(ServerConnection):
    """A connection that may turn out to be an HTTP request with a body, of which the library knows nothing."""

    def __init__(self, answer: Any, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._answer = answer
        self._posted = b""

    def data_received(self, data: bytes) -> None:
        if not self._posted and not data.startswith(b"POST "):
            super().data_received(data)
            return
        self._posted += data
        head, found, body = self._posted.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if found and len(body) >= int(headers.get("content-length", "0")):
            status, said = self._answer(first.split()[1], headers, body)
            text = json.dumps(said).encode()
            answer = f"HTTP/1.1 {status} -\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode()
            self.transport.write(answer + text)
            self.transport.close()


class _Visit:
    """One session, from SessionBegins to close."""

    def __init__(self, socket: ServerConnection, scenario: Scenario, connection: Connection) -> None:
        self._socket = socket
        self._scenario = scenario
        self._connection = connection
        self._script = list(scenario.script or ())
        self._hearing = Hearing(rate=16_000, silence_ms=THRESHOLD_MS, twins=False)
        self._heard_ms = 0.0
        self._silence_due_ms = 0.0
        self._speed = Speed(scenario.fast_seconds)

    async def run(self) -> None:
        query = dict(self._connection.query)
        self._rate = checked_rate(query.get("sample_rate", ""))
        self._mu_law = checked_mu_law(query.get("encoding", "pcm_s16le"))
        self._partials = query.get("disable_partial_transcripts", "").lower() != "true"
        self._information = query.get("enable_extra_session_information", "").lower() == "true"
        check_word_boost(query.get("word_boost", "[]"))
        self._hearing = Hearing(rate=self._rate, silence_ms=THRESHOLD_MS, twins=False)
        if self._scenario.deprecated:
            await self._say({"error": DEPRECATED})
            await self._socket.wait_closed()
            return
        self._fail_if_due()
        try:
            async with asyncio.timeout(self._scenario.session_seconds):
                await self._session()
        except TimeoutError:
            raise Trouble(4008, "Session Expired") from None

    async def _session(self) -> None:
        ends = datetime.now(UTC) + timedelta(seconds=self._scenario.session_seconds)
        expires_at = ends.replace(tzinfo=None).isoformat()
        await self._say({"message_type": "SessionBegins", "session_id": str(uuid.uuid4()), "expires_at": expires_at})
        idle = asyncio.timeout(self._scenario.idle_seconds)
        try:
            async with idle:
                async for message in self._socket:
                    self._connection.messages.append(message)
                    audio, ends_now = await self._take(message)
                    if audio:
                        idle.reschedule(asyncio.get_running_loop().time() + self._scenario.idle_seconds)
                    if ends_now:
                        return
        except TimeoutError:
            raise Trouble(4031, "Session idle for too long") from None

    async def _take(self, message: str | bytes) -> tuple[bool, bool]:
        """Do what a message asks for; return whether it was audio, and whether it was the end."""
        if isinstance(message, bytes):
            await self._hear(message)
            return True, False
        match command(message):
            case ("audio_data", str(audio)):
                await self._hear(decoded(audio))
                return True, False
            case ("terminate_session", True):
                if self._scenario.terminates:
                    await self._terminate()
                    return False, True
            case ("force_end_utterance", True):
                await self._tell(self._hearing.end_turn())
            case ("end_utterance_silence_threshold", int(ms)) if 0 <= ms <= 20_000:
                self._hearing._silence_ms = ms
            case _:
                raise Trouble(*INVALID)
        return False, False

    async def _hear(self, audio: bytes) -> None:
        ms = len(audio) * 1000 / self._rate / (1 if self._mu_law else 2)
        if ms < 100:
            raise Trouble(4032, "Audio duration is too short")
        if ms > 2000:
            raise Trouble(4033, "Audio duration is too long")
        self._speed.check(ms / 1000, time.monotonic())
        self._connection.audio += audio
        self._heard_ms += ms
        if self._scenario.script is None:
            await self._tell(self._hearing.feed(linear(audio) if self._mu_law else audio))
            await self._tell_of_silence()
        await self._recite(self._heard_ms)
        self._fail_if_due()

    async def _tell_of_silence(self) -> None:
        """A partial without a word, once a second in which nobody spoke."""
        if self._partials and not self._hearing._stretches and self._heard_ms >= self._silence_due_ms:
            self._silence_due_ms = self._heard_ms + 1000
            end = int(self._heard_ms)
            await self._say(transcript("", max(0, end - 1000), end, final=False))

    def _fail_if_due(self) -> None:
        if self._scenario.fails and self._heard_ms >= self._scenario.fails_at_ms:
            raise Trouble(*self._scenario.fails)

    async def _terminate(self) -> None:
        if self._scenario.script is None:
            await self._tell(self._hearing.end_turn())
        await self._recite(float("inf"))
        if self._information:
            seconds = self._heard_ms / 1000
            await self._say({"message_type": "SessionInformation", "audio_duration_seconds": seconds})
        await self._say({"message_type": "SessionTerminated"})
        await self._socket.close(1000)

    async def _recite(self, heard_ms: float) -> None:
        while self._script and self._script[0][0] <= heard_ms:
            await self._say(self._script.pop(0)[1])

    async def _tell(self, turns: Iterable[dict[str, Any]]) -> None:
        for message in transcripts(turns):
            if self._partials or message["message_type"] != "PartialTranscript":
                await self._say(message)

    async def _say(self, message: dict[str, Any]) -> None:
        self._connection.sent.append(message)
        await self._socket.send(json.dumps(message))
