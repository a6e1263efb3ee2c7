"""One session with the stand-in for AssemblyAI, from the open socket to its close, with the vendor's limits."""

import asyncio
import json
import socket
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from tests.rigs.assemblyai_scenario import ODD_MESSAGES, Fault, Scenario

REASON_BYTES = 123  # A close frame has no room for more.
TICK_MS = 1000  # A Heartbeat, and a Silence, after so much audio.
BYTES_A_SAMPLE = {"pcm_s16le": 2, "pcm_mulaw": 1}
CONFIGURATION = {"mode": "balanced", "api_version": "2025-05-12", "speaker_labels": False, "redact_pii": False}
CONFIGURATION |= {"filter_profanity": False, "domain": None, "voice_focus": None}


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


class Unwelcome(Exception):
    """No session is begun: close code and reason; no Error message."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(slots=True)
class Visit:
    """``admit``: returns how long the session may last, by who comes, or raises Unwelcome or Violation."""

    socket: ServerConnection
    scenario: Scenario
    connection: Connection
    admit: Callable[["Visit"], float]
    _rate: int = 16_000
    _width: int = 2
    _hearing: Any = None
    _script: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    _first_at: float | None = None
    _told_ms: float = 0.0
    _quiet_since_ms: float = 0.0

    async def run(self) -> None:
        """Serve until the socket is closed."""
        with suppress(ConnectionClosed):
            try:
                await self._welcome()
            except Unwelcome as no:
                await self.socket.close(no.code, no.reason)
            except Violation as violation:
                await self._fail(violation)
        self.connection.closed = (self.socket.close_code, self.socket.close_reason or "")

    def asks_for(self, name: str) -> bool:
        """Whether a parameter is true."""
        return self.connection.query.get(name, "").lower() == "true"

    async def _welcome(self) -> None:
        seconds = self.admit(self)
        match self.scenario.fault:
            case Fault.CLOSE_BEFORE_BEGIN:
                raise Unwelcome(1000)
            case Fault.SILENT_BEFORE_BEGIN:
                async for message in self.socket:
                    self.connection.texts.append(str(message))
                return
        self._set_up()
        try:
            async with asyncio.timeout(seconds):
                await self._session(seconds)
        except TimeoutError:
            raise Violation(3008, "Session Expired: Maximum session duration exceeded") from None

    def _set_up(self) -> None:
        query = self.connection.query
        rate, encoding = query.get("sample_rate", "16000"), query.get("encoding", "pcm_s16le")
        if not rate.isdigit() or int(rate) < 1 or encoding not in BYTES_A_SAMPLE:
            raise Violation(3006, "User Input Validation Error: Invalid sample_rate or encoding")
        if len(json.loads(query.get("keyterms_prompt", "[]"))) > 100:
            raise Violation(3006, "User Input Validation Error: keyterms_prompt must have at most 100 terms")
        self._rate, self._width = int(rate), BYTES_A_SAMPLE[encoding]
        twins = self.scenario.twin_finals and self.asks_for("format_turns")
        silence_ms = float(query.get("min_turn_silence", "400"))
        self._hearing = self.scenario.hearing(rate=self._rate, silence_ms=silence_ms, twins=twins)
        self._script = list(self.scenario.script or ())

    async def _session(self, seconds: float) -> None:
        query = self.connection.query
        asked = {name: _as_json(query[name]) for name in CONFIGURATION if name in query}
        configuration = {"model": query.get("speech_model"), **CONFIGURATION, **asked, **self.scenario.configuration}
        await asyncio.sleep(self.scenario.begin_seconds)
        begin = {"type": "Begin", "id": str(uuid.uuid4()), "expires_at": int(time.time() + seconds)}
        await self._send(begin | {"configuration": configuration})
        odd = ODD_MESSAGES.get(self.scenario.fault)
        if odd is not None:
            await self.socket.send(odd)
        while True:
            message = await self._next()
            if isinstance(message, bytes):
                await self._hear(message)
            elif await self._obey(message):
                return

    async def _next(self) -> str | bytes:
        idle = self.scenario.inactivity_seconds or self.connection.query.get("inactivity_timeout")
        try:
            async with asyncio.timeout(None if idle is None else float(idle)):
                return await self.socket.recv()
        except TimeoutError:  # The vendor does not say with which code; this one is for everything.
            raise Violation(3005, "Session Cancelled: Inactivity timeout") from None

    async def _hear(self, sound: bytes) -> None:
        now = time.monotonic()
        connection, scenario = self.connection, self.scenario
        connection.frames.append((now, len(sound)))
        self._check(sound, now)
        connection.audio += sound
        heard_ms = self._seconds(len(connection.audio)) * 1000
        for message in self._scripted(heard_ms) if scenario.script is not None else self._heard(sound):
            await self._send(message)
        for message in self._ticks(heard_ms):
            await self._send(message)
        if heard_ms >= scenario.fault_at_ms:
            await self._break()

    def _heard(self, sound: bytes) -> Iterator[dict[str, Any]]:
        yield from self._hearing.feed(sound if self._width == 2 else _linear(sound))

    def _ticks(self, heard_ms: float) -> Iterator[dict[str, Any]]:
        if not self._hearing.is_quiet:
            self._quiet_since_ms = heard_ms
        elif heard_ms - self._quiet_since_ms >= TICK_MS:
            if self.asks_for("acknowledge_silence"):
                yield {"type": "Silence", "start_ms": int(self._quiet_since_ms), "end_ms": int(heard_ms)}
            self._quiet_since_ms = heard_ms
        if heard_ms - self._told_ms >= TICK_MS:
            self._told_ms = heard_ms
            if self.asks_for("session_heartbeat"):
                times = {"total_audio_received_ms": int(heard_ms), "total_duration_ms": int(heard_ms)}
                yield {"type": "Heartbeat", **times, "realtime_factor": 1.0, "max_speech_probability": 0.0}

    def _check(self, sound: bytes, now: float) -> None:
        ms = self._seconds(len(sound)) * 1000
        if not 50 <= ms <= 1000:
            raise Violation(
                3007, f"Input Duration Error: Input Duration Violation: {ms:.1f} ms. Expected between 50 and 1000 ms"
            )
        self._first_at = self._first_at or now
        elapsed, heard = now - self._first_at, self._seconds(len(self.connection.audio) + len(sound))
        if heard > self.scenario.burst_seconds + self.scenario.rate * elapsed:
            raise Violation(
                3007, f"Audio Transmission Rate Exceeded: Received {heard:.1f} sec. audio in {elapsed:.1f} sec"
            )

    def _scripted(self, heard_ms: float) -> Iterator[dict[str, Any]]:
        while self._script and self._script[0][0] <= heard_ms:
            yield self._script.pop(0)[1]

    async def _break(self) -> None:
        match self.scenario.fault:
            case Fault.RESET:
                linger = struct.pack("ii", 1, 0)
                with suppress(OSError):  # It may be closed already, by a client that went.
                    raw = self.socket.transport.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.socket.transport.abort()
            case Fault.CLOSE_1000:
                raise Unwelcome(1000)
            case Fault.ERROR:
                raise Violation(*self.scenario.error)
            case Fault.STALLED:
                self.socket.transport.pause_reading()
                await self.socket.wait_closed()

    async def _obey(self, message: str) -> bool:
        """Do what a text message says; tell whether it was the end."""
        self.connection.texts.append(message)
        match _kind(message):
            case "Terminate":
                self._cut("at Terminate")
                if self.scenario.fault is Fault.NO_TERMINATION:
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
        scripted = self.scenario.script is not None
        for message in self._scripted(float("inf")) if scripted else self._hearing.end_turn():
            await self._send(message)
        seconds = round(self._seconds(len(self.connection.audio)))
        await self._send(
            {"type": "Termination", "audio_duration_seconds": seconds, "session_duration_seconds": seconds}
        )
        await self.socket.close(1000)

    async def _fail(self, violation: Violation) -> None:
        await self._send({"type": "Error", "error_code": violation.code, "error": violation.text})
        fits = len(violation.text.encode()) <= REASON_BYTES
        await self.socket.close(violation.code, violation.text if fits else "See Error message for details")

    async def _send(self, message: dict[str, Any]) -> None:
        self._cut(f"before {_step(message)}")
        self.connection.sent.append((time.monotonic(), message))
        await self.socket.send(json.dumps(message))
        self._cut(f"after {_step(message)}")

    def _cut(self, step: str) -> None:
        if step == self.scenario.cut:
            self.socket.transport.abort()
            raise ConnectionClosedError(None, None)

    def _seconds(self, size_bytes: int) -> float:
        return size_bytes / self._width / self._rate


def _kind(message: str) -> object:
    try:
        data = json.loads(message)
    except ValueError:
        raise Violation(3006, "Invalid JSON") from None
    if not isinstance(data, dict):
        raise Violation(3006, "Invalid Message")
    return data.get("type")


def _step(message: dict[str, Any]) -> str:
    if message["type"] != "Turn":
        return str(message["type"])
    return ("final" if message["turn_is_formatted"] else "unformatted") if message["end_of_turn"] else "partial"


def _as_json(value: str) -> Any:
    return {"true": True, "false": False}.get(value.lower(), value)


def _linear(mu_law: bytes) -> bytes:
    """Return G.711 mu-law as int16: the sign, then a mantissa of four bits shifted by an exponent of three."""
    codes = ~np.frombuffer(mu_law, np.uint8).astype(np.int32) & 0xFF
    magnitude = (((codes & 0x0F) << 3) + 0x84 << ((codes & 0x70) >> 4)) - 0x84
    return np.where(codes & 0x80, -magnitude, magnitude).astype("<i2").tobytes()
