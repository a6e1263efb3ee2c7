"""One conversation in AssemblyAI's streaming protocol, version 3.

Sound goes out as binary messages, everything else is JSON text. Ready is ``Begin``, not the open socket. A *turn* is
what one person says between pauses: its ``Turn`` messages each hold the whole text so far, and ``end_of_turn`` marks
the last. ``turn_order`` is its only stable name, so it is the key of our utterances; it and the audio clock start at 0
again in every session, and there is no way to resume one.

With ``format_turns`` a turn may end twice, unformatted and then formatted. The unformatted end is shown as a partial
and held back until its formatted twin, the next turn or the end of the session makes it final, or two
seconds of further audio (the only clock here) have gone out.

The other side is not believed: what does not fit becomes one `Notice` for each kind of trouble and the session goes
on; what is kept is bounded.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from edgetx.speech.closing import Row, verdict
from edgetx.speech.events import Closed, Notice, Opened, Progress, Received, Utterance, Verdict
from edgetx.speech.providers.assemblyai_audio import Chunker
from edgetx.speech.providers.assemblyai_commands import FORCE_ENDPOINT, KEEP_ALIVE, TERMINATE, update_configuration
from edgetx.speech.providers.assemblyai_talk import AssemblyAITalk
from edgetx.speech.providers.assemblyai_turns import answer, ignored, revisions, session_ms, utterance
from edgetx.speech.untrusted import EXCERPT, number, scalars, text, whole

_TWIN_MS = 2000
_FINALS_KEPT = 64
_UNSAID = frozenset({None, 1000, 1005, 1006})  # Closes that have no cause of their own.

# A `Silence` is what the provider found no speech in. It may have begun to hear a word whose first sound it took for
# silence, and after a restart of its own it goes over half a second again. So its last second does not count, and none
# of it does while a turn is under way. Sound that is settled as speech stays so: the first fate of a frame counts.
_SILENCE_MARGIN_MS = 1000


class AssemblyAISession(AssemblyAITalk):
    """A `Session`. ``asked``: the connection's parameters, as JSON values; ``closes``: what its ends mean.

    ``secret`` is not repeated, even where the provider does.
    """

    def __init__(self, *, chunker: Chunker, asked: Mapping[str, Any], closes: Iterable[Row], secret: str) -> None:
        super().__init__(secret)
        self._chunker = chunker
        self._asked = asked
        self._closes = tuple(closes)
        self._format_turns = asked.get("format_turns") is True
        self._held: Utterance | None = None
        self._held_until_ms = 0.0
        self._under_way = False
        self._shown_until_ms = 0.0
        self._settled_ms = 0.0
        self._finals: deque[str] = deque(maxlen=_FINALS_KEPT)
        self._error_code: int | None = None
        self._opened = self._finishing = self._terminated = False

    def send_audio(self, pcm: bytes) -> None:
        """Send, once the best length of a message is gathered, all there is, at most a second a message."""
        self._out += self._chunker.feed(pcm)
        if self._held and self._chunker.given_ms >= self._held_until_ms:
            self._release()

    def finish(self) -> None:
        """Send the rest, filled up with silence to what one message must hold, and ask for the end."""
        if not self._finishing:
            self._out += self._chunker.flush()
            self._command(TERMINATE)
            self._finishing = True

    def keep_alive(self) -> None:
        """Say that we are still there; without an inactivity timeout nobody asks for it."""
        self._command(KEEP_ALIVE)

    def force_endpoint(self) -> None:
        """Have the turn that is under way end now."""
        self._command(FORCE_ENDPOINT)

    def update_configuration(self, **fields: Any) -> None:
        """Change parameters of the running session, by the vendor's names. Raise ValueError for what cannot be."""
        self._command(update_configuration(fields))
        self._format_turns = fields.get("format_turns", self._format_turns)

    def connection_closed(self, code: int | None, reason: str) -> None:
        """Give the one `Closed`, with the text of the last ``Error`` message: a close frame has too little room."""
        self._release()
        clean = self._terminated and self._finishing
        why = self._why(reason)
        cause = self._error_code if code in _UNSAID and self._error_code is not None else code
        self._close(Closed(why, clean, Verdict.AGAIN if clean else verdict(self._closes, cause, why), code))

    def _command(self, message: str) -> None:
        if not self._finishing:
            self._out.append(message)

    def _understood(self, data: dict[str, Any]) -> bool:
        match data.get("type", "Error" if "error" in data else None):
            case "Turn":
                return self._turn(data)
            case "Begin":
                return self._begin(data)
            case "Heartbeat":
                return self._received(session_ms(data.get("total_audio_received_ms")))
            case "Silence":
                return self._silence(session_ms(data.get("end_ms")))
            case "SpeakerRevision":
                return self._revised(data.get("revisions"))
            case kind:
                return self._told(kind, data)

    def _told(self, kind: object, data: dict[str, Any]) -> bool:
        match kind:
            case "Termination":
                self._termination()
            case "SpeechStarted":
                self._under_way = True
                self._events.append(Notice("speech_started"))
            case "LLMGatewayResponse":
                self._events.append(Notice("llm_response", answer(data)))
            case "Error":
                self._error_code = whole(data.get("error_code"))
                self._notice("error", self._failed(data.get("error")), self._error_code)
            case "Warning":
                self._notice("warning", text(data.get("warning"), EXCERPT) or "", whole(data.get("warning_code")))
            case _:
                return False
        return True

    def _begin(self, data: dict[str, Any]) -> bool:
        if self._opened:
            return False
        self._opened = True
        configuration = data.get("configuration")
        expires_at, details = number(data.get("expires_at")), scalars(configuration, EXCERPT)
        self._events.append(Opened(text(data.get("id"), EXCERPT) or "", expires_at, details))
        for name, warning in ignored(self._asked, configuration):
            self._once(f"ignored {name}", {"warning": warning})
        return True

    def _turn(self, data: dict[str, Any]) -> bool:
        order, transcript, ended = whole(data.get("turn_order")), text(data.get("transcript")), data.get("end_of_turn")
        if order is None or transcript is None or not isinstance(ended, bool):
            return False
        key = str(order)
        if self._held and self._held.key != key:
            self._release()
        if key not in self._finals:
            self._under_way = not ended
            if transcript.strip():
                formatted = data.get("turn_is_formatted") is not False
                self._heard(utterance(key, transcript, data), ended=ended, formatted=formatted)
            elif ended and not self._held:
                self._took_back()
        return True

    def _heard(self, spoken: Utterance, *, ended: bool, formatted: bool) -> None:
        if ended and (formatted or not self._format_turns):
            self._held = replace(spoken, final=True)
            self._release()
        elif ended:
            self._held = replace(spoken, final=True)
            self._held_until_ms = self._chunker.given_ms + _TWIN_MS
            self._events.append(spoken)
        elif not self._held:
            self._shown_until_ms = spoken.end_ms or 0.0
            self._events.append(spoken)

    def _took_back(self) -> None:
        """The turn ended without a word: what was shown of it was none, so its sound needs no resending."""
        if self._shown_until_ms:
            self._events.append(Progress(min(self._shown_until_ms, self._chunker.given_ms)))
            self._shown_until_ms = 0.0

    def _release(self) -> None:
        if self._held:
            self._finals.append(self._held.key)
            self._events.append(self._held)
            self._held = None
            self._shown_until_ms = 0.0

    def _received(self, until_ms: float | None) -> bool:
        if until_ms is not None:
            self._events.append(Received(min(until_ms, self._chunker.given_ms)))
        return until_ms is not None

    def _silence(self, end_ms: float | None) -> bool:
        if end_ms is None:
            return False
        until_ms = min(end_ms, self._chunker.given_ms) - _SILENCE_MARGIN_MS
        if until_ms > self._settled_ms and not self._under_way and not self._held:
            self._settled_ms = until_ms
            self._events.append(Progress(until_ms))
        return True

    def _revised(self, value: object) -> bool:
        self._events += [Notice("speaker_revision", revision) for revision in revisions(value)]
        return isinstance(value, list)

    def _termination(self) -> None:
        self._terminated = True
        self._release()
        if self._finishing:
            self._events.append(Progress(self._chunker.given_ms))

    def _notice(self, kind: str, words: str, code: int | None) -> None:
        self._once(f"{kind} {code}", {kind: words} if code is None else {kind: words, "code": code})
