"""What AssemblyAI's v2 realtime service takes and says: its rules, with its own codes and words, without a network."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

KEY = "test-key"
FAST = 1.25  # Seconds of audio in a second: what is above is more than a chunk that came a moment early.
DEPRECATED = (
    "Model deprecated. See docs for new model information: "
    "https://www.assemblyai.com/docs/speech-to-text/universal-streaming"
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How one connection goes. ``script``: (milliseconds of audio, message to send then) instead of hearing.

    ``fails``: the code and text of a trouble once ``fails_at_ms`` of audio has come (0: at the start).
    ``idle_seconds`` without audio end a session, so do ``fast_seconds`` in a row of audio faster than real time.
    ``deprecated``: says that it is, and leaves the connection open; ``terminates`` False: never ends as it is asked to.
    """

    script: tuple[tuple[float, dict[str, Any]], ...] | None = None
    fails: tuple[int, str] | None = None
    fails_at_ms: float = 0.0
    idle_seconds: float = 60.0
    session_seconds: float = 10_800.0
    fast_seconds: float = 60.0
    deprecated: bool = False
    terminates: bool = True


class Trouble(Exception):
    """The end of a session: a code, and the text of the error and of the close."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


NOT_AUTHORISED = (4001, "Not Authorized")
TOO_MANY = (4102, "This account has exceeded the number of allowed streams")
INVALID = (4101, "Endpoint received a message with an invalid schema")


class Speed:
    """Counts the seconds in a row in which audio came faster than real time; as much at once is as bad."""

    def __init__(self, fast_seconds: float) -> None:
        self._fast_seconds = fast_seconds
        self._first_at: float | None = None
        self._total = self._in_second = 0.0
        self._second = self._fast = 0

    def check(self, seconds: float, now: float) -> None:
        """Take ``seconds`` of audio that came ``now``."""
        self._first_at = self._first_at or now
        elapsed = now - self._first_at
        if int(elapsed) > self._second:
            in_a_row = int(elapsed) == self._second + 1 and self._in_second > FAST
            self._second, self._fast, self._in_second = int(elapsed), self._fast + 1 if in_a_row else 0, 0.0
        self._in_second += seconds
        self._total += seconds
        if self._fast >= self._fast_seconds or self._total - elapsed > self._fast_seconds:
            raise Trouble(4029, "Client sent audio too fast")


def checked_rate(value: str) -> int:
    """Return the sample rate."""
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise Trouble(4000, "Sample rate must be a positive integer")
    return int(value)


def checked_mu_law(encoding: str) -> bool:
    """Return whether the sound is mu-law."""
    if encoding not in {"pcm_s16le", "pcm_mulaw"}:
        raise Trouble(*INVALID)
    return encoding == "pcm_mulaw"


def check_word_boost(value: str) -> None:
    """Words are a JSON list of texts, of 2500 characters at most."""
    try:
        words = json.loads(value)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or len(value) > 2500:
        raise Trouble(4104, "Could not parse word boost parameter")


def command(message: str) -> tuple[str, Any]:
    """Return the one thing that a text message says."""
    try:
        said = json.loads(message)
    except ValueError:
        raise Trouble(4100, "Endpoint received invalid JSON") from None
    if not isinstance(said, dict) or len(said) != 1:
        raise Trouble(*INVALID)
    (pair,) = said.items()
    return pair


def decoded(audio: str) -> bytes:
    """Return the audio of the old framing."""
    try:
        return base64.b64decode(audio, validate=True)
    except ValueError:
        raise Trouble(*INVALID) from None


def transcripts(turns: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what `Hearing` heard as this protocol says it."""
    for turn in turns:
        words = [{name: word[name] for name in ("start", "end", "text", "confidence")} for word in turn["words"]]
        yield transcript(turn["transcript"], words[0]["start"], words[-1]["end"], words, final=turn["end_of_turn"])


def transcript(
    text: str, start: int, end: int, words: list[dict[str, Any]] | None = None, *, final: bool
) -> dict[str, Any]:
    """Return a message of times in milliseconds; ``created`` has no time zone, as the vendor writes it."""
    return {
        "message_type": "FinalTranscript" if final else "PartialTranscript",
        "created": datetime.now(UTC).replace(tzinfo=None).isoformat(),
        "audio_start": start,
        "audio_end": end,
        "confidence": 0.9 if text else 0.0,
        "text": text,
        "words": words or [],
        **({"punctuated": True, "text_formatted": True} if final else {}),
    }


def linear(mu_law: bytes) -> bytes:
    """Return G.711 mu-law as int16."""
    code = ~np.frombuffer(mu_law, np.uint8).astype(int)
    magnitude = ((((code & 0xF) * 2 + 33) << (code >> 4 & 7)) - 33) * 4
    return np.where(code & 0x80, -magnitude, magnitude).astype("<i2").tobytes()
