"""What may be said to a running AssemblyAI session (version 3) beside sound, as its text messages. Real JSON types."""

import json
import math
from typing import Any

FORCE_ENDPOINT = '{"type":"ForceEndpoint"}'
"""End the turn that is under way: the answer is its ``Turn``."""
KEEP_ALIVE = '{"type":"KeepAlive"}'
"""Begin the inactivity timeout anew; there is no answer."""
TERMINATE = '{"type":"Terminate"}'
"""Say the last words and end the session."""

_SHOWN = 40
_FIELDS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "acknowledge_silence": ("true or false", bool),
    "agent_context": ("a text", str),
    "end_of_turn_confidence_threshold": ("a number", (int, float)),
    "filter_profanity": ("true or false", bool),
    "format_turns": ("true or false", bool),
    "interruption_delay": ("a whole number", int),
    "keyterms_prompt": ("a list of texts", list),
    "language_codes": ("a list of texts", list),
    "max_turn_silence": ("a whole number", int),
    "min_turn_silence": ("a whole number", int),
    "prompt": ("a text", str),
    "session_heartbeat": ("true or false", bool),
    "turn_left_pad_ms": ("a whole number", int),
    "vad_threshold": ("a number", (int, float)),
}


def update_configuration(fields: dict[str, Any]) -> str:
    """Return the message that changes ``fields``; a list replaces the one before, an empty list clears it.

    Raise ValueError for a field that cannot be changed while a session runs, or a value of a wrong type. The provider
    never confirms a change.
    """
    for name, value in fields.items():
        if name not in _FIELDS:
            raise ValueError(f"{name!r} cannot be changed in a running session; that can be: {', '.join(_FIELDS)}.")
        due, types = _FIELDS[name]
        if not _fits(value, types):
            raise ValueError(f"{name!r} must be {due}, not {repr(value)[:_SHOWN]}.")
    return json.dumps({"type": "UpdateConfiguration", **fields})


def _fits(value: object, types: type | tuple[type, ...]) -> bool:
    if isinstance(value, bool) or not isinstance(value, types):
        return isinstance(value, bool) and types is bool
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return not isinstance(value, float) or math.isfinite(value)
