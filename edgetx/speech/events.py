"""What was understood, first as a session says it, then as it stands on the microphone's timeline.

A *session* knows only its own audio clock: milliseconds of the audio that it was sent. Its events (`Opened`,
`Utterance`, `Progress`, …) use that clock. The transcriber, which knows what was sent when, places them on the
microphone's frames and on UTC; the results (`Transcript`, `MicrophoneEvent`) are what the third stage publishes.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What to do about a session that broke, or did not come about."""

    AGAIN = "again"
    """Try again soon: it passes by itself."""
    WAIT = "wait"
    """Try again after a long while: the account has no room for another session now."""
    SLOWER = "slower"
    """Try again soon, and no faster than real time: sound came too fast."""
    FEW = "few"
    """Try again a few times: it is known to pass, and known to mean a wrong key as well."""
    TOKEN = "token"  # noqa: S105
    """Try once more, with a new token."""
    REFUSED = "refused"
    """Only a person can mend it: a wrong key, an unpaid account, a setting that the provider does not take."""
    FAULT = "fault"
    """We broke the provider's rules: a fault of edgetx. Trying again would end the same way."""


# --- on the session's audio clock ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """One word; times in milliseconds of the session's audio; confidence 0..1 where the provider gives one."""

    text: str
    start_ms: float
    end_ms: float
    confidence: float | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The provider is ready for audio. ``expires_at`` is UNIX seconds, ``details`` what it said of the session."""

    provider_id: str
    expires_at: float | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Utterance:
    """The text of one utterance so far. A later one of the same ``key`` replaces it, until one is ``final``."""

    key: str
    text: str
    final: bool
    start_ms: float | None = None
    end_ms: float | None = None
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    language: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """All audio before ``until_ms`` is dealt with: it needs no resending, and no utterance in it is still open."""

    until_ms: float


@dataclass(frozen=True, slots=True)
class Received:
    """The provider says that it has all audio before ``until_ms``; what it makes of it is another matter.

    ``listened``: its recogniser has come so far, and has no word of it yet.
    """

    until_ms: float
    listened: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Anything else that the provider said, a warning or garbage: the event's ``name`` and its payload."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over. ``clean``: it ended as agreed; else ``verdict`` says what to do about it."""

    reason: str
    clean: bool = False
    verdict: Verdict = Verdict.AGAIN
    code: int | None = None


SessionEvent = Opened | Utterance | Progress | Received | Notice | Closed

# --- on the microphone's timeline ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """One word with UTC times."""

    text: str
    start: datetime
    end: datetime
    confidence: float | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Direction:
    """Where a talker was: degrees counter-clockwise from the array's +x axis, seen from above; confidence 0..1.

    ``cone``: the array is a line; it is the angle to its axis, 0 to 180, and nobody knows on which side.
    """

    azimuth_deg: int
    confidence: float
    cone: bool = False

    def fields(self) -> dict[str, float]:
        """Return what is published of it."""
        return {"cone_deg" if self.cone else "azimuth_deg": self.azimuth_deg, "confidence": self.confidence}


@dataclass(frozen=True, slots=True)
class Transcript:
    """One utterance as it is published: UTC times (aware), ``frames`` [first, end) of the microphone at 16 kHz.

    ``estimated``: the provider gives no times; these are those of the audio that it was sent.
    """

    id: str
    text: str
    final: bool
    start: datetime
    end: datetime
    frames: tuple[int, int]
    provider: str
    session: str
    clock_synced: bool
    late: bool = False
    estimated: bool = False
    words: tuple[PlacedWord, ...] = ()
    speaker: str | None = None
    language: str | None = None
    confidence: float | None = None
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class MicrophoneEvent:
    """Something that happened, at ``at`` (UTC): ``name`` is the payload's ``event``, ``data`` the rest of it."""

    id: str
    name: str
    at: datetime
    data: dict[str, Any] = field(default_factory=dict)


SpeechEvent = Transcript | MicrophoneEvent
