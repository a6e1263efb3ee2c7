"""What the stand-in for Aiola's service does in one session."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

KEY = "ak_0123456789abcdef"


class Fault(Enum):
    """How a session ends before its time."""

    NONE = "none"
    RESET = "reset"
    DISCONNECT = "disconnect"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Scenario:
    """``refusal``: message and data of a 44; ``says``: events sent when the namespace opens, each (name, payload).

    ``fault`` comes after ``fault_at_ms`` of sound. ``nested``: the other shape of a transcript. ``asks``: transcripts
    ask for an acknowledgement.
    """

    refusal: tuple[Any, ...] | None = None
    says: tuple[tuple[str, Any], ...] = ()
    fault: Fault = Fault.NONE
    fault_at_ms: float = 1000
    nested: bool = False
    asks: bool = False
    deaf: bool = False
