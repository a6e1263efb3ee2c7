"""The embedded recogniser: pocketsphinx in a child process, so that recognition can never disturb capture.

To the child go audio (binary) and ``{"type": "finish"}``; from it come JSON lines, times in milliseconds of audio:

    ready {model} · partial {key, text, start_ms, end_ms, words} · final {the same} · heard {until_ms} · done
    · error {message}, after which it ends: the settings cannot be used
"""

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from edgetx.provider_settings import LocalSettings
from edgetx.speech.events import Closed, Notice, Opened, Progress, SessionEvent, Utterance, Verdict, Word
from edgetx.speech.session import ChunkMs, Limits, Message, Opening, ProcessRequest, at_once

LIMITS = Limits(chunk_ms=ChunkMs(10, 100, 10_000), replay_rate=4.0, drain_seconds=8.0, open_seconds=60.0)
"""A Pi takes seconds to load the model; kept audio is held back by the pipe if the recogniser is slower than this."""


@dataclass(frozen=True, slots=True)
class Local:
    """``type: local``."""

    name: str
    settings: LocalSettings
    limits: Limits = LIMITS

    def opening(self) -> Opening:
        """Lead to the child by its command line; what to recognise is its argument."""
        grammar = str(self.settings.grammar) if self.settings.grammar else None
        wanted = {"grammar": grammar, "keyphrases": list(self.settings.keyphrases)}
        return at_once(ProcessRequest((sys.executable, "-m", "edgetx.speech.recogniser", json.dumps(wanted))))

    def session(self) -> "LocalSession":
        """Return a fresh session."""
        return LocalSession()


@dataclass(slots=True)
class LocalSession:
    """The protocol above."""

    _out: list[Message] = field(default_factory=list)
    _events: list[SessionEvent] = field(default_factory=list)
    _finishing: bool = False
    _done: bool = False
    _error: str = ""

    def send_audio(self, pcm: bytes) -> None:
        """Send it as it is: any length will do."""
        self._out.append(pcm)

    def finish(self) -> None:
        """Ask for the last words."""
        if not self._finishing:
            self._finishing = True
            self._out.append('{"type": "finish"}')

    def keep_alive(self) -> None:
        """Do nothing: a pipe waits for ever."""

    def to_send(self) -> list[Message]:
        """Return, once, the messages that are due."""
        out, self._out = self._out, []
        return out

    def events(self) -> list[SessionEvent]:
        """Return, once, what has happened."""
        events, self._events = self._events, []
        return events

    def receive(self, message: Message) -> None:
        """Take one line of the child's."""
        try:
            said = json.loads(str(message))
            event = self._meaning(said["type"], said)
        except (ValueError, KeyError, TypeError) as error:
            event = Notice("provider", {"warning": f"The recogniser said something odd: {error!r}."})
        if event is not None:
            self._events.append(event)

    def connection_closed(self, code: int | None, reason: str) -> None:
        """End: as agreed if the child was done, else it died or could not begin."""
        told = self._error or reason or "The recogniser's process ended."
        verdict = Verdict.REFUSED if self._error else Verdict.AGAIN
        self._events.append(Closed(told, self._done, verdict, code))

    def _meaning(self, kind: str, said: dict[str, Any]) -> SessionEvent | None:
        match kind:
            case "ready":
                return Opened("pocketsphinx", details={"model": said["model"]})
            case "partial" | "final":
                words = tuple(Word(w["text"], w["start_ms"], w["end_ms"]) for w in said["words"])
                return Utterance(
                    said["key"], said["text"], kind == "final", said["start_ms"], said["end_ms"], words, language="en"
                )
            case "heard":
                return Progress(said["until_ms"])
            case "done":
                self._done = True
                return Closed("The session was finished.", clean=True)
            case "error":
                self._error = said["message"]
                return None
        return Notice("provider", {"warning": f"The recogniser said {kind!r}, which edgetx does not know."})
