"""Aiola's streaming protocol: Socket.IO, path ``/api/voice-streaming/socket.io``, in its three generations.

Out go the events ``binary_data`` (raw 16 kHz PCM), ``set_keywords`` and ``set_schema_values`` (UTF-8 JSON as bytes:
the form that all generations but one client take). Keywords go first, before any sound, and again in each session.

Each ``transcript`` is one final segment, without id, times, confidence or speaker. Its end is estimated: what was sent
when it came, less the silence that ended the segment; its beginning is where nothing is settled yet.

There is no end of a stream and no flush: the last segment comes when enough silence follows it, so `finish` sends
that, and the session is over when nothing more is heard (`Limits.ends_by_silence`).

The other side is not believed: anything may come, under any name; it becomes a `Notice`, bounded, and a kind of
trouble only one. A disconnect without a word passes by itself; an ``error`` told just before says why.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from edgetx.audio.format import RATE
from edgetx.provider_settings import AiolaSettings
from edgetx.speech.bounded import bounded
from edgetx.speech.events import Closed, Notice, Opened, Utterance, Verdict
from edgetx.speech.providers import aiola_auth
from edgetx.speech.session import ChunkMs, Limits, Message, Opening, SocketEvent, SocketIORequest, pause_after
from edgetx.speech.talk import LOOKED_AT, Talk
from edgetx.speech.untrusted import EXCERPT, excerpt, number, text

_PATH = "/api/voice-streaming/socket.io"
_KEY_FLOW = "C5f2da54-6150-47f7-9f36-e7b5dc384859"
_SESSION_FLOW = "2c78fcf1-9265-408f-b8c3-d9d7e7ebc1bc"
_BYTES_A_MS = RATE * 2 // 1000
_SILENCE_MS = 500.0
_SILENCE_NAMES = "min_silence_ms", "min_silence_duration_ms"
_SEGMENT_MS = 30_000.0
_DRAIN_SECONDS = 3.0  # Waited for at every end: a stop of the daemon must have time for it, or would be no clean one.
_EXECUTION_ID_CHARACTERS = 24  # The second generation takes 4 to 24 letters and digits; the others anything.
_NAME = 40


def _new_id() -> str:
    return uuid.uuid4().hex[:_EXECUTION_ID_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Aiola:
    """The vendor as configured: a `Provider`. ``new_id`` makes an ``execution_id`` where the settings have none."""

    name: str
    settings: AiolaSettings
    api_key: str = field(repr=False)
    new_id: Callable[[], str] = _new_id

    @property
    def limits(self) -> Limits:
        """Aiola states none: chunks as its own clients send, a little faster than real time to catch up."""
        best = max(1, self.settings.chunk_samples * 1000 // RATE)
        return Limits(
            ChunkMs(best, best, best),
            replay_rate=1.25,
            drain_seconds=_DRAIN_SECONDS,
            silent_seconds=_vad(self.settings, ("max_segment_ms",), _SEGMENT_MS) / 1000 + 5,
            keepalive_seconds=30.0,
            ends_by_silence=True,
            max_sessions=self.settings.max_sessions,
            pause_seconds=pause_after(_vad(self.settings, _SILENCE_NAMES, _SILENCE_MS)),
        )

    def opening(self) -> Opening:
        """Lead to the address, over a session of the account's where the settings ask for one."""
        settings = self.settings
        if settings.auth_type != "aiola-session":
            headers = aiola_auth.key_headers(settings, self.api_key)
            return SocketIORequest(self._url({}), _PATH, settings.namespace, headers, settings.transports)
        jwt = yield from aiola_auth.session_token(settings, self.api_key, flow_id=self._flow_id)
        return SocketIORequest(
            self._url({"x-aiola-api-token": jwt}),
            _PATH,
            settings.namespace,
            aiola_auth.bearer(jwt),
            settings.transports,
            farewell=aiola_auth.deletion(settings, jwt),
            renewable=True,
            expires_at=aiola_auth.expiry(jwt),
        )

    def session(self) -> "AiolaSession":
        """Return a fresh session."""
        return AiolaSession(self.settings, self.api_key)

    @property
    def _flow_id(self) -> str:
        usual = _SESSION_FLOW if self.settings.auth_type == "aiola-session" else _KEY_FLOW
        return self.settings.flow_id or usual

    def _url(self, token: Mapping[str, str]) -> str:
        url = urlsplit(self.settings.endpoint)
        query = "&".join(filter(None, (url.query, urlencode(self._parameters(token)))))
        return url._replace(path="/", query=query, fragment="").geturl()

    def _parameters(self, token: Mapping[str, str]) -> dict[str, str]:
        """Return the query as the generation's own client writes it: the third names no language unless told."""
        settings = self.settings
        third = settings.auth_type == "aiola-session"
        objects = {
            "keywords": settings.keywords if third else None,
            "tasks_config": settings.tasks_config,
            "vad_config": settings.vad_config,
        }
        given = {
            "execution_id": settings.execution_id or self.new_id(),
            "flow_id": self._flow_id,
            "time_zone": settings.time_zone,
            **token,
            "lang_code": settings.lang_code or ("" if third else "en_US"),
            **{name: json.dumps(value) for name, value in objects.items() if value},
        }
        return {name: value for name, value in given.items() if value}


class AiolaSession(Talk):
    """One conversation: a `Session`."""

    def __init__(self, settings: AiolaSettings, api_key: str) -> None:
        super().__init__(api_key)
        self._keywords: Any = settings.keywords
        self._renewable = settings.auth_type == "aiola-session"
        self._chunk_bytes = settings.chunk_samples * 2
        self._silence_ms = _vad(settings, _SILENCE_NAMES, _SILENCE_MS)
        self._audio = bytearray()
        self._given_bytes = 0
        self._sent_bytes = 0
        self._segments = 0
        self._error = ""
        self._opened = self._finishing = False

    def send_audio(self, pcm: bytes) -> None:
        """Send whole chunks; keep the rest until there is one."""
        self._given_bytes += len(pcm)
        if len(pcm) == self._chunk_bytes and not self._audio:  # A live stream.
            self._send(pcm)
            return
        self._audio += pcm
        self._send_chunks()

    def finish(self) -> None:
        """Send the rest, and the silence after which the provider ends a segment, in whole chunks."""
        if self._finishing:
            return
        self._finishing = True
        if self._given_bytes:
            self._audio += bytes(round(max(self._silence_ms, _SILENCE_MS)) * _BYTES_A_MS)
            self._audio += bytes(-len(self._audio) % self._chunk_bytes)
            self._send_chunks()

    def receive(self, message: Message) -> None:
        """Take one event of the provider's, or what is none; never raises."""
        match message:
            case SocketEvent("connect", args) if not self._opened:
                self._open(*args[:2])
            case SocketEvent("connect_error", args):
                self._end(f"The provider refused the connection: {self._words(args)}", Verdict.REFUSED)
            case SocketEvent("disconnect", args):
                why = self._words(args)
                self._end(f"{self._error} ({why})" if self._error else why, Verdict.AGAIN)
            case SocketEvent("transcript", args) if (words := _transcript(args)) is not None:
                self._final(words)
            case SocketEvent(name, args):
                self._told(name, args)
            case _:
                self._trouble("not an event of Socket.IO's", message)

    def connection_closed(self, code: int | None, reason: str) -> None:
        """Give the one `Closed`, if the provider's own word of it has not."""
        self._close(Closed(reason or "The connection ended without a word.", code=code))

    def keep_alive(self) -> None:
        """Send sound of no length, as the vendor's own client does while paused."""
        if self._opened:
            self._out.append(SocketEvent("binary_data", (b"",)))

    def set_keywords(self, keywords: Mapping[str, str] | Sequence[str]) -> None:
        """Have these words expected from now on: written by spoken, or a list; an empty one clears them."""
        self._keywords = keywords
        if self._opened:
            self._out.append(SocketEvent("set_keywords", (_json(keywords) if keywords else "",)))

    def set_schema_values(self, values: Mapping[str, Sequence[str]]) -> None:
        """Have a form's fields expect these values, by field."""
        self._out.append(SocketEvent("set_schema_values", (_json(values),)))

    def _send_chunks(self) -> None:
        size = self._chunk_bytes
        whole = len(self._audio) // size * size
        for start in range(0, whole, size):
            self._send(bytes(self._audio[start : start + size]))
        del self._audio[:whole]

    def _send(self, chunk: bytes) -> None:
        self._sent_bytes += len(chunk)
        self._out.append(SocketEvent("binary_data", (chunk,)))

    def _open(self, sid: object = None, expires_at: object = None) -> None:
        self._opened = True
        self._events.append(Opened(text(sid, EXCERPT) or "", number(expires_at)))
        if self._keywords:
            self.set_keywords(self._keywords)

    def _end(self, why: str, otherwise: Verdict) -> None:
        what = aiola_auth.meaning(why, renewable=self._renewable, otherwise=otherwise)
        self._close(Closed(why, verdict=what))

    def _final(self, words: str) -> None:
        if not words.strip():
            return
        end_ms = max(0.0, self._sent_bytes / _BYTES_A_MS - self._silence_ms)
        end_ms = min(end_ms, self._given_bytes / _BYTES_A_MS)
        self._events.append(Utterance(str(self._segments), words, final=True, end_ms=end_ms))
        self._segments += 1

    def _told(self, name: str, args: tuple[Any, ...]) -> None:
        """Pass on what else was said; the same error once."""
        shown = text(name, _NAME) or ""
        if name == "error":
            self._error = self._words(args)
            self._once(f"error {self._error}", {"error": self._error})
        elif name in ("transcript", "connect"):
            self._trouble(f"{shown} is not understood", args)
        else:
            said = bounded(args[0] if len(args) == 1 else list(args), self._clean)
            self._events.append(Notice("provider", {"name": shown, "data": said}))

    def _words(self, args: tuple[Any, ...]) -> str:
        """Return the words, code and details of an error in any of its shapes, without secrets."""
        said = " ".join(_sentences(args, depth=3)) or "no reason given"
        return self._clean(said)[:EXCERPT]

    def _clean(self, words: str) -> str:
        return aiola_auth.without_tokens(words, self._secret)


def _vad(settings: AiolaSettings, names: Sequence[str], usual: float) -> float:
    """Return the milliseconds that ``vad_config`` gives under one of ``names``, each a generation's."""
    given = (number(settings.vad_config.get(name)) for name in names)
    return next((value for value in given if value is not None and 0 <= value <= 10 * _SEGMENT_MS), usual)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _transcript(args: tuple[Any, ...]) -> str | None:
    """Return the words of ``{"transcript"}``, or of ``{"data": {"value": {"data": {"transcript"}}}}``."""
    found: object = args[0] if args else None
    for name in ("data", "value", "data", "transcript"):
        if isinstance(found, dict):
            found = found.get("transcript", found.get(name))
    return text(found)


def _sentences(value: object, *, depth: int) -> list[str]:
    """Return the texts under the names that errors have, outermost first."""
    if isinstance(value, str | bytes):
        return [excerpt(value, LOOKED_AT)]
    if depth == 0:
        return []
    if isinstance(value, dict):
        value = [value[name] for name in ("message", "code", "details", "data", "error") if name in value]
    inner = value[:5] if isinstance(value, list | tuple) else []
    return [words for part in inner for words in _sentences(part, depth=depth - 1)]
