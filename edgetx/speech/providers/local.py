"""The embedded recogniser: pocketsphinx in a child process, so that recognition can never disturb capture.

To the child go audio (binary) and ``{"type": "finish"}``; from it come JSON lines, times in milliseconds of audio:

    ready {model} · partial {key, text, start_ms, end_ms, words} · final {the same} · heard {until_ms} · done
    · error {message}, after which it ends: the settings cannot be used

What else comes, a library's complaint for instance, becomes one `Notice`, and the session goes on.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgetx.provider_settings import LocalSettings
from edgetx.speech.events import Closed, Opened, Progress, Utterance, Verdict, Word
from edgetx.speech.session import ChunkMs, Limits, Message, Opening, ProcessRequest, at_once
from edgetx.speech.talk import Talk
from edgetx.speech.untrusted import excerpt, json_object, number, text

LIMITS = Limits(chunk_ms=ChunkMs(10, 100, 10_000), replay_rate=4.0, drain_seconds=8.0, open_seconds=60.0)
"""A Pi takes seconds to load the model; kept audio is held back by the pipe if the recogniser is slower than this."""
_EXCERPT = 500


@dataclass(frozen=True, slots=True)
class Local:
    """``type: local``. Never two sessions at once: a second recogniser would take the first one's time."""

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


class LocalSession(Talk):
    """The protocol above."""

    def __init__(self) -> None:
        super().__init__()
        self._finishing = False
        self._error = ""

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

    def receive(self, message: Message) -> None:
        """Take one line of the child's; never raises."""
        if not self._understood(json_object(message) or {}):
            self._once("odd", {"warning": f"The recogniser said something odd: {excerpt(message, _EXCERPT)}"})

    def connection_closed(self, code: int | None, reason: str) -> None:
        """End, if the child was not done: it died or could not begin."""
        told = self._error or reason or "The recogniser's process ended."
        self._close(Closed(told, verdict=Verdict.REFUSED if self._error else Verdict.AGAIN, code=code))

    def _understood(self, said: dict[str, Any]) -> bool:
        match said:
            case {"type": "ready", "model": str(model)}:
                self._events.append(Opened("pocketsphinx", details={"model": model[:_EXCERPT]}))
            case {"type": "partial" | "final" as kind}:
                return self._heard(said, final=kind == "final")
            case {"type": "heard", "until_ms": until_ms} if number(until_ms) is not None:
                self._events.append(Progress(until_ms))
            case {"type": "done"}:
                self._close(Closed("The session was finished.", clean=True))
            case {"type": "error", "message": str(words)}:
                self._error = excerpt(words, _EXCERPT)
            case _:
                return False
        return True

    def _heard(self, said: dict[str, Any], *, final: bool) -> bool:
        key, words = text(said.get("key"), _EXCERPT), text(said.get("text"))
        start, end = number(said.get("start_ms")), number(said.get("end_ms"))
        if key is None or words is None or start is None or end is None or start > end:
            return False
        spoken = tuple(_words(said.get("words")))
        self._events.append(Utterance(key, words, final, start, end, spoken, language="en"))
        return True


def _words(value: object) -> Iterator[Word]:
    for word in value if isinstance(value, list) else ():
        match word:
            case {"text": str(spelt), "start_ms": start, "end_ms": end}:
                if number(start) is not None and number(end) is not None:
                    yield Word(text(spelt) or "", start, end)
