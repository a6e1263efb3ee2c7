"""AssemblyAI's streaming protocol, version 3 ("Universal-Streaming"): ``wss://streaming.assemblyai.com/v3/ws``.

Audio goes out as binary messages of raw PCM, everything else is JSON text. Ready is ``Begin``, not the open socket.
A *turn* is what one person says between pauses: its ``Turn`` messages each hold the whole text so far, and
``end_of_turn`` marks the last. ``turn_order`` is its only stable name, so it is the key of our utterances; it and the
audio clock start at 0 again in every session, and there is no way to resume one.

With ``format_turns`` a turn may end twice, unformatted and then formatted. The unformatted end is shown as a partial
and held back until its formatted twin, the next turn or the end of the session makes it final, or two
seconds of further audio (the only clock here) have gone out.

The other side is not believed: what does not fit becomes one `Notice` for each kind of trouble and the session goes
on; what is kept is bounded.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from edgetx.audio.format import RATE
from edgetx.provider_settings import AssemblyAISettings
from edgetx.speech.closing import Row, verdict
from edgetx.speech.events import Closed, Notice, Opened, Progress, SessionEvent, Utterance, Verdict, Word
from edgetx.speech.session import ChunkMs, Limits, Message, Opening, WebSocketRequest, at_once
from edgetx.speech.untrusted import excerpt, number, scalars, text, whole

_BYTES_A_MS = RATE * 2 // 1000
_CHUNK = ChunkMs(min=50, best=100, max=1000)

# The documentation says real time; the vendor is quoted that it throttles at 1.25 and hangs up only when minutes of
# audio wait. 1.2 stays below that and still catches up a second in five.
_LIMITS = Limits(_CHUNK, replay_rate=1.2, drain_seconds=5.0, open_seconds=10.0, silent_seconds=3.0)
_TWIN_BYTES = 2000 * _BYTES_A_MS
_FINALS_KEPT = 64
_NOTICE_KINDS = 32
_EXCERPT = 200
_NAME = 40
_SESSION_MS_MAX = 24 * 3_600_000  # A session lasts three hours at most; a time beyond a day is no time.

_CLOSES = (
    Row(1008, "too many concurrent", Verdict.WAIT),
    Row(1008, "incorrect padding", Verdict.FEW),  # Seen now and then with good keys; the next attempt works.
    Row(1008, "", Verdict.REFUSED),
    Row(4001, "", Verdict.REFUSED),
    Row(4002, "", Verdict.REFUSED),
    Row(4003, "", Verdict.REFUSED),
)


@dataclass(frozen=True, slots=True)
class AssemblyAI:
    """The vendor as configured: a `Provider`."""

    name: str
    settings: AssemblyAISettings
    api_key: str = field(repr=False)

    @property
    def limits(self) -> Limits:
        """What AssemblyAI allows: 50 to 1000 ms a message, about real time."""
        return _LIMITS

    def opening(self) -> Opening:
        """Lead to the address. Lists and objects are JSON text in the query; the key has no ``Bearer``."""
        url = urlsplit(self.settings.url)
        query = "&".join(filter(None, (url.query, urlencode(_parameters(self.settings)))))
        headers = {"Authorization": self.api_key, "AssemblyAI-Version": "2025-05-12"}
        return at_once(WebSocketRequest(url._replace(query=query).geturl(), headers))

    def session(self) -> "AssemblyAISession":
        """Return a fresh session."""
        return AssemblyAISession(format_turns=self.settings.format_turns)


class AssemblyAISession:
    """One conversation: a `Session`."""

    def __init__(self, *, format_turns: bool) -> None:
        self._format_turns = format_turns
        self._out: list[Message] = []
        self._events: list[SessionEvent] = []
        self._audio = bytearray()
        self._given_bytes = 0
        self._held: Utterance | None = None
        self._held_until_bytes = 0
        self._finals: deque[str] = deque(maxlen=_FINALS_KEPT)
        self._noticed: set[str] = set()
        self._error = ""
        self._opened = self._finishing = self._terminated = self._closed = False

    def send_audio(self, pcm: bytes) -> None:
        """Once the best length is gathered send all there is, in whole samples and at most a second a message."""
        self._given_bytes += len(pcm)
        if len(pcm) == _CHUNK.best * _BYTES_A_MS and not self._audio:  # A live stream: nothing else ten times a second.
            self._out.append(pcm)
        else:
            self._gather(pcm)
        if self._held and self._given_bytes >= self._held_until_bytes:
            self._release()

    def _gather(self, pcm: bytes) -> None:
        self._audio += pcm
        while len(self._audio) >= _CHUNK.best * _BYTES_A_MS:
            size = min(len(self._audio) & ~1, _CHUNK.max * _BYTES_A_MS)
            self._out.append(bytes(self._audio[:size]))
            del self._audio[:size]

    def finish(self) -> None:
        """Send the rest, filled up with silence to what one message must hold, and ask for the end."""
        if self._finishing:
            return
        self._finishing = True
        if self._audio:
            size = max(len(self._audio) + 1 & ~1, _CHUNK.min * _BYTES_A_MS)
            self._out.append(bytes(self._audio).ljust(size, b"\0"))
            self._audio.clear()
        self._out.append('{"type":"Terminate"}')

    def receive(self, message: Message) -> None:
        """Take one message of the provider's; never raises."""
        if not isinstance(message, str):
            self._trouble("binary where text is due", message)
            return
        try:
            data = json.loads(message)
        except (ValueError, RecursionError):
            self._trouble("not JSON", message)
            return
        if not isinstance(data, dict):
            self._trouble("not a JSON object", message)
        elif not self._understood(data):
            self._trouble(f"{text(data.get('type'), _NAME)} is not understood", message)

    def connection_closed(self, code: int | None, reason: str) -> None:
        """Give the one `Closed`, with the text of the last ``Error`` message: a close frame has too little room."""
        if self._closed:
            return
        self._closed = True
        self._release()
        clean = self._terminated and self._finishing
        why = _closing_words(reason, self._error)
        self._events.append(Closed(why, clean, Verdict.AGAIN if clean else verdict(_CLOSES, code, why), code))

    def keep_alive(self) -> None:
        """Do nothing: a session without audio stays open, for no idle time is asked for."""

    def to_send(self) -> list[Message]:
        """Return, once, the messages that are due."""
        out, self._out = self._out, []
        return out

    def events(self) -> list[SessionEvent]:
        """Return, once, what has happened."""
        events, self._events = self._events, []
        return events

    def _understood(self, data: dict[str, Any]) -> bool:
        match data.get("type", "Error" if "error" in data else None):
            case "Turn":
                return self._turn(data)
            case "Begin":
                return self._begin(data)
            case "Termination":
                self._termination()
            case "SpeechStarted":
                self._events.append(Notice("speech_started"))
            case "Error":
                self._error = text(data.get("error"), _EXCERPT) or "The provider reported an error without a word."
                self._notice("error", self._error, whole(data.get("error_code")))
            case "Warning":
                self._notice("warning", text(data.get("warning"), _EXCERPT) or "", whole(data.get("warning_code")))
            case "Heartbeat" | "Silence" | "SpeakerRevision" | "LLMGatewayResponse":
                pass
            case _:
                return False
        return True

    def _begin(self, data: dict[str, Any]) -> bool:
        if self._opened:
            return False
        self._opened = True
        details = scalars(data.get("configuration"), _EXCERPT)
        self._events.append(Opened(text(data.get("id"), _EXCERPT) or "", number(data.get("expires_at")), details))
        return True

    def _turn(self, data: dict[str, Any]) -> bool:
        order, transcript, ended = whole(data.get("turn_order")), text(data.get("transcript")), data.get("end_of_turn")
        if order is None or transcript is None or not isinstance(ended, bool):
            return False
        key = str(order)
        if self._held and self._held.key != key:
            self._release()
        if transcript.strip() and key not in self._finals:
            formatted = data.get("turn_is_formatted") is not False
            self._heard(_utterance(key, transcript, data), ended=ended, formatted=formatted)
        return True

    def _heard(self, utterance: Utterance, *, ended: bool, formatted: bool) -> None:
        if ended and (formatted or not self._format_turns):
            self._held = replace(utterance, final=True)
            self._release()
        elif ended:
            self._held = replace(utterance, final=True)
            self._held_until_bytes = self._given_bytes + _TWIN_BYTES
            self._events.append(utterance)
        elif not self._held:
            self._events.append(utterance)

    def _release(self) -> None:
        if self._held:
            self._finals.append(self._held.key)
            self._events.append(self._held)
            self._held = None

    def _termination(self) -> None:
        self._terminated = True
        self._release()
        if self._finishing:
            self._events.append(Progress(self._given_bytes / _BYTES_A_MS))

    def _notice(self, kind: str, words: str, code: int | None) -> None:
        self._once(f"{kind} {code}", {kind: words} if code is None else {kind: words, "code": code})

    def _trouble(self, kind: str, message: Message) -> None:
        self._once(kind, {"trouble": kind, "excerpt": excerpt(message, _EXCERPT)})

    def _once(self, kind: str, data: dict[str, Any]) -> None:
        if kind not in self._noticed and len(self._noticed) < _NOTICE_KINDS:
            self._noticed.add(kind)
            self._events.append(Notice("provider", data))


def _parameters(settings: AssemblyAISettings) -> dict[str, str]:
    given = {
        "speech_model": settings.speech_model,
        "format_turns": settings.format_turns,
        "keyterms_prompt": list(settings.keyterms) or None,
        "end_of_turn_confidence_threshold": settings.end_of_turn_confidence_threshold,
        "min_turn_silence": settings.min_turn_silence,
        "max_turn_silence": settings.max_turn_silence,
        **settings.extra,
        "sample_rate": RATE,
        "encoding": "pcm_s16le",
    }
    return {name: v if isinstance(v, str) else json.dumps(v, default=str) for name, v in given.items() if v is not None}


def _closing_words(reason: str, error: str) -> str:
    """Join what the close said with what the last ``Error`` said before it."""
    reason = "" if "see error message" in reason.lower() else reason
    if not error or error in reason:
        return reason or "The provider ended the session without a word."
    return f"{error} ({reason})" if reason and reason not in error else error


def _utterance(key: str, transcript: str, data: dict[str, Any]) -> Utterance:
    """Return a partial; its confidence is the mean of the words' (``end_of_turn_confidence`` is about the pause)."""
    words = tuple(_words(data.get("words")))
    confidences = [word.confidence for word in words if word.confidence is not None]
    return Utterance(
        key,
        transcript,
        final=False,
        start_ms=min((word.start_ms for word in words), default=None),
        end_ms=max((word.end_ms for word in words), default=None),
        words=words,
        speaker=_speaker(data.get("speaker_label")),
        language=text(data.get("language_code"), _EXCERPT) or None,
        confidence=sum(confidences) / len(confidences) if confidences else None,
    )


def _words(value: object) -> Iterator[Word]:
    """Yield the words that have a text and possible times; leave the others out."""
    for word in value if isinstance(value, list) else ():
        if isinstance(word, dict):
            spelt, start, end = text(word.get("text")), number(word.get("start")), number(word.get("end"))
            if spelt and start is not None and end is not None and 0 <= start <= end <= _SESSION_MS_MAX:
                yield Word(spelt, start, end, number(word.get("confidence")), _speaker(word.get("speaker")))


def _speaker(value: object) -> str | None:
    name = text(value, _EXCERPT)
    return None if name in ("", "UNKNOWN", "PENDING") else name
