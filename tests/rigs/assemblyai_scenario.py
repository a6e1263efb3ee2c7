"""How a connection to the stand-in for AssemblyAI goes: well, or one of the ways in which it goes wrong."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

KEY = "test-key"


class Fault(StrEnum):
    """What goes wrong. Those from MID_TURN on happen once `Scenario.fault_at_ms` of audio has come."""

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
    """How one connection goes. ``script``: (milliseconds of audio, message to send then) instead of hearing.

    ``twin_finals``: with ``format_turns`` a turn ends twice, unformatted and formatted, as some models do.
    """

    fault: Fault = Fault.NONE
    fault_at_ms: float = 1000
    script: tuple[tuple[float, dict[str, Any]], ...] | None = None
    twin_finals: bool = False
    key: str = KEY
    session_seconds: float = 10_800
    rate: float = 1.25
    burst_seconds: float = 5.0
