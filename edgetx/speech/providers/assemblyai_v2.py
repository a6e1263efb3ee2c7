"""AssemblyAI's realtime protocol, version 2, older than `assemblyai`: ``wss://api.assemblyai.com/v2/realtime/ws``.

The vendor answers "Model deprecated" today; servers of the same protocol live on elsewhere. Audio goes out as binary
messages, or as base64 in JSON as the oldest clients send it; everything else is JSON text. Ready is ``SessionBegins``.
An *utterance* has ``PartialTranscript`` messages, each with the whole text so far, then one ``FinalTranscript``. They
have no name of their own: they come one after another, so a running number is the key. Silence has transcripts too,
with an empty text: a partial says that the sound before its ``audio_end`` was received, a final that there is no word
in it, even if a partial had taken it for one.

An error has the one field ``error`` and may come long before the close that it explains, or without one. The other
side is not believed: what does not fit becomes one `Notice` for each kind of trouble and the session goes on.
"""

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from edgetx.provider_settings import AssemblyAIV2Settings
from edgetx.speech.closing import Row, verdict
from edgetx.speech.events import Closed, Opened, Progress, Received, Utterance, Verdict
from edgetx.speech.providers.assemblyai_audio import Chunker
from edgetx.speech.providers.assemblyai_codes import LEGACY_CLOSES, TOKEN_CLOSE
from edgetx.speech.providers.assemblyai_talk import AssemblyAITalk
from edgetx.speech.providers.assemblyai_token import token_of
from edgetx.speech.providers.assemblyai_turns import session_ms, utterance
from edgetx.speech.session import ChunkMs, HttpRequest, Limits, Opening, WebSocketRequest, pause_after
from edgetx.speech.untrusted import EXCERPT, number, text

_CHUNK = ChunkMs(min=100, best=100, max=2000)  # 100 to 450 ms serve the vendor best; the least is heard the soonest.

# More than a second of audio a second is allowed for less than a minute: at 1.5 that works off a lag of half a minute.
_REPLAY_RATE = 1.5
_SILENT_SECONDS = 3.0
_IDLE_SECONDS = 60.0
_DEPRECATED = "model deprecated"
_SUCCESSOR = "AssemblyAI serves this protocol no longer: write 'type: assemblyai' instead of 'type: assemblyai-v2'."
_CLOSES = (Row(None, _DEPRECATED, Verdict.REFUSED), *LEGACY_CLOSES)
_TIME_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class AssemblyAIV2:
    """The vendor as configured: a `Provider`."""

    name: str
    settings: AssemblyAIV2Settings
    api_key: str = field(repr=False)

    @property
    def limits(self) -> Limits:
        """What is allowed. Without partials nothing shows that somebody speaks: silence shows in finals only."""
        silent_seconds = None if self.settings.disable_partial_transcripts else _SILENT_SECONDS
        return Limits(
            _CHUNK,
            replay_rate=_REPLAY_RATE,
            silent_seconds=silent_seconds,
            max_sessions=self.settings.max_sessions,
            pause_seconds=pause_after(self.settings.end_utterance_silence_threshold),
            idle_seconds=_IDLE_SECONDS,
        )

    def opening(self) -> Opening:
        """Lead to the address; the key has no ``Bearer``. With tokens a fresh one stands in the query instead."""
        if not self.settings.tokens:
            return WebSocketRequest(_url(self.settings, ""), {"Authorization": self.api_key})
        answered = yield HttpRequest(
            purpose="fetch a token",
            method="POST",
            url=_token_url(self.settings.url),
            headers={"Authorization": self.api_key, "Content-Type": "application/json"},
            body=json.dumps({"expires_in": self.settings.token_seconds}).encode(),
        )
        return WebSocketRequest(_url(self.settings, token_of(answered, api_key=self.api_key)), renewable=True)

    def session(self) -> "AssemblyAIV2Session":
        """Return a fresh session."""
        return AssemblyAIV2Session(self.settings, self.api_key)


class AssemblyAIV2Session(AssemblyAITalk):
    """One conversation: a `Session`. ``secret`` is not repeated, even where the provider does."""

    _kind = "message_type"

    def __init__(self, settings: AssemblyAIV2Settings, secret: str) -> None:
        super().__init__(secret)
        self._chunker = Chunker(settings.sample_rate, settings.encoding, chunk=_CHUNK)
        self._message = _as_json if settings.audio_framing == "base64" else bytes
        self._closes = (TOKEN_CLOSE, *_CLOSES) if settings.tokens else _CLOSES
        self._threshold = settings.end_utterance_silence_threshold
        self._number = 0
        self._opened = self._finishing = False

    def send_audio(self, pcm: bytes) -> None:
        """See `Session`; messages of 100 ms, at once."""
        self._out += map(self._message, self._chunker.feed(pcm))

    def finish(self) -> None:
        """Send the rest, filled up with silence to what one message must hold, and ask for the end."""
        if self._finishing:
            return
        self._finishing = True
        self._out += map(self._message, self._chunker.flush())
        self._out.append(json.dumps({"terminate_session": True}))

    def force_end_utterance(self) -> None:
        """Have the utterance under way ended now."""
        self._ask({"force_end_utterance": True})

    def set_end_utterance_silence_threshold(self, milliseconds: int) -> None:
        """Have an utterance end after that much silence, 0 to 20000, from now on."""
        self._threshold = milliseconds
        self._ask({"end_utterance_silence_threshold": milliseconds})

    def connection_closed(self, code: int | None, reason: str) -> None:
        """Give the one `Closed`, with the text of the last error, unless the provider has ended the session before."""
        self._end(self._why(reason), code)

    def keep_alive(self) -> None:
        """Do nothing: only audio keeps a session open."""

    def _understood(self, data: dict[str, Any]) -> bool:
        match data.get("message_type"):
            case "PartialTranscript":
                return self._transcript(data, final=False)
            case "FinalTranscript":
                return self._transcript(data, final=True)
            case "SessionBegins":
                return self._begins(data)
            case "SessionInformation":
                return self._information(number(data.get("audio_duration_seconds")))
            case "SessionTerminated":
                self._end(self._error or "The session was terminated.", clean=self._finishing)
            case _ if "error" in data:
                self._told(self._failed(data["error"]))
            case _:
                return False
        return True

    def _begins(self, data: dict[str, Any]) -> bool:
        if self._opened:
            return False
        self._opened = True
        self._events.append(Opened(text(data.get("session_id"), EXCERPT) or "", _utc(data.get("expires_at"))))
        if self._threshold is not None:
            self.set_end_utterance_silence_threshold(self._threshold)
        return True

    def _transcript(self, data: dict[str, Any], *, final: bool) -> bool:
        transcript = text(data.get("text"))
        if transcript is None:
            return False
        if transcript.strip():
            self._events.append(_utterance(str(self._number), transcript, data, final=final))
        elif (end := session_ms(data.get("audio_end"))) is not None:
            self._events.append(Progress(end) if final else Received(end, listened=True))
        self._number += final
        return True

    def _information(self, seconds: float | None) -> bool:
        if seconds is not None:
            self._once("SessionInformation", {"audio_duration_seconds": seconds})
        return seconds is not None

    def _told(self, error: str) -> None:
        if _DEPRECATED in error.lower():  # It may leave the connection open, and never say another word.
            self._end(error)
        else:
            self._once("error", {"error": error})

    def _end(self, why: str, code: int | None = None, *, clean: bool = False) -> None:
        what = Verdict.AGAIN if clean else verdict(self._closes, code, why)
        told = f"{_SUCCESSOR} It says: {why}" if _DEPRECATED in why.lower() else why
        self._close(Closed(told, clean, what, code))

    def _ask(self, command: dict[str, Any]) -> None:
        """Send a command if the session takes one now."""
        if self._opened and not self._finishing:
            self._out.append(json.dumps(command))


def _url(settings: AssemblyAIV2Settings, token: str) -> str:
    """Return the address with the query as the vendor's own client (0.33.0) writes it: what is off is left out."""
    url = urlsplit(settings.url)
    given = {
        "sample_rate": str(settings.sample_rate),
        "word_boost": json.dumps(settings.word_boost) if settings.word_boost else "",
        "encoding": settings.encoding,
        "token": token,
        "disable_partial_transcripts": "True" if settings.disable_partial_transcripts else "",
        "enable_extra_session_information": "True" if settings.enable_extra_session_information else "",
    }
    query = urlencode({name: value for name, value in given.items() if value})
    return url._replace(query="&".join(filter(None, (url.query, query)))).geturl()


def _token_url(url: str) -> str:
    """Return where tokens are: beside ``url``, over HTTP."""
    parts = urlsplit(url)
    path = f"{parts.path.rpartition('/')[0]}/token"
    return parts._replace(scheme="http" if parts.scheme == "ws" else "https", path=path).geturl()


def _as_json(audio: bytes) -> str:
    return json.dumps({"audio_data": base64.b64encode(audio).decode()})


def _utc(value: object) -> float | None:
    """Return an ISO time as UNIX seconds; the vendor leaves the zone out, and means UTC."""
    try:
        moment = datetime.fromisoformat(text(value, _TIME_CHARACTERS) or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        return None


def _utterance(key: str, transcript: str, data: dict[str, Any], *, final: bool) -> Utterance:
    """Return what was understood between ``audio_start`` and ``audio_end``; without these, between its words."""
    heard = utterance(key, transcript, data)
    start, end = session_ms(data.get("audio_start")), session_ms(data.get("audio_end"))
    if start is not None and end is not None and start <= end:
        heard = replace(heard, start_ms=start, end_ms=end)
    return replace(heard, final=final, confidence=number(data.get("confidence")))
