"""How a connection to the stand-in for AssemblyAI goes: well, or one of the ways in which it goes wrong."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.rigs.hearing import Hearing

KEY = "test-key"


class Fault(StrEnum):
    """What goes wrong. Those from RESET on happen once `Scenario.fault_at_ms` of audio has come."""

    NONE = "none"
    HTTP_401 = "http-401"
    HTTP_503 = "http-503"
    CLOSE_BEFORE_BEGIN = "close-before-begin"
    SILENT_BEFORE_BEGIN = "silent-before-begin"
    TOO_MANY_SESSIONS = "too-many-sessions"
    GARBAGE = "garbage"
    BINARY = "binary"
    JSON_ARRAY = "json-array"
    BARE_TURN = "bare-turn"
    UNKNOWN_TYPE = "unknown-type"
    HUGE_MESSAGE = "huge-message"
    RESET = "reset"
    CLOSE_1000 = "close-1000"
    ERROR = "error"
    STALLED = "stalled"
    NO_TERMINATION = "no-termination"


ODD_MESSAGES: dict[Fault, str | bytes] = {
    Fault.GARBAGE: "}{ not JSON",
    Fault.BINARY: b"\x00\xff\x00",
    Fault.JSON_ARRAY: '[{"type":"Turn"}]',
    Fault.BARE_TURN: '{"type":"Turn"}',
    Fault.UNKNOWN_TYPE: '{"type":"Weather","outlook":"fine"}',
    Fault.HUGE_MESSAGE: '{"type":"Turn","transcript":"' + "x" * 20_000_000 + '"}',
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """How one connection goes.

    ``script``: (milliseconds of audio, message to send then) instead of hearing. ``error``: code and text of
    `Fault.ERROR`. ``twin_finals``: with ``format_turns`` a turn ends twice, unformatted and formatted, as some models
    do. ``configuration``: what ``Begin`` says otherwise than was asked for. ``session_seconds``: then the session
    expires. ``rate`` and ``burst_seconds``: audio may come so much faster than real time, after a start of so much.
    ``sessions_per_minute``: of the account; one too many is closed with ``too_many_code`` (the documents have 1008 and
    3009). ``inactivity_seconds``: instead of the parameter ``inactivity_timeout``. ``token_status``: the answer to a
    question for a token before this connection; ``token_seconds``: how long a token lasts, whatever was asked for.
    ``hearing``: its ears. ``cut``: the step at which the connection breaks, "before" or "after" a message that is sent
    (Begin, partial, unformatted, final, Termination), or "at" one that has come (Terminate). ``begin_seconds``: so long
    it takes to begin.
    """

    fault: Fault = Fault.NONE
    fault_at_ms: float = 1000
    script: tuple[tuple[float, dict[str, Any]], ...] | None = None
    error: tuple[int, str] = (3005, "Session Cancelled: An error occurred")
    twin_finals: bool = False
    configuration: dict[str, Any] = field(default_factory=dict)
    key: str = KEY
    session_seconds: float = 10_800
    rate: float = 1.25
    burst_seconds: float = 5.0
    sessions_per_minute: int = 100
    too_many_code: int = 1008
    inactivity_seconds: float | None = None
    token_status: int = 200
    token_seconds: float | None = None
    hearing: type[Hearing] = Hearing
    cut: str = ""
    begin_seconds: float = 0.0
