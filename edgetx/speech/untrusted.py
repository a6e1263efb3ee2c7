"""Reading fields of JSON that somebody else wrote: each function returns the value if it is usable, else None.

JSON text can hold more than can be said again: half a surrogate pair, numbers beyond any float. None of it gets in.
"""

import json
from typing import Any

EXCERPT = 200
"""How many characters of the other side's words are shown."""
_HUGE = 2**53


def text(value: object, limit: int | None = None) -> str | None:
    """Return a string, its first ``limit`` characters, with ``?`` for what UTF-8 cannot hold."""
    return value[:limit].encode(errors="replace").decode() if isinstance(value, str) else None


def json_object(message: object) -> dict[str, Any] | None:
    """Return the object that a message, text or bytes, is in JSON; None if it is anything else."""
    try:
        value = json.loads(message) if isinstance(message, str | bytes) else None
    except (ValueError, RecursionError):  # RecursionError: too many brackets in one another.
        return None
    return value if isinstance(value, dict) else None


def excerpt(message: object, limit: int) -> str:
    """Return the beginning of any message, in a form that can be published."""
    if isinstance(message, bytes):
        return message[:limit].decode(errors="replace")
    return text(message if isinstance(message, str) else repr(message), limit) or ""


def without(message: str, secret: str) -> str:
    """Return a text of the other side's with stars where it repeats a secret of ours."""
    return message.replace(secret, "***") if secret else message


def number(value: object) -> float | None:
    """Return a number below 2^53 either way; ``true`` is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE else None


def whole(value: object) -> int | None:
    """Return a whole number, 0 or above; 3.0 is one."""
    size = number(value)
    return None if size is None or size < 0 or size != int(size) else int(size)


def scalars(value: object, limit: int) -> dict[str, Any]:
    """Return an object's booleans, numbers and strings: at most ``limit`` of them, of ``limit`` characters each."""
    items = list(value.items())[:limit] if isinstance(value, dict) else []
    plain = {text(key, limit) or "": _scalar(inner, limit) for key, inner in items}
    return {key: inner for key, inner in plain.items() if inner is not None}


def _scalar(value: object, limit: int) -> bool | float | str | None:
    return value if isinstance(value, bool) else text(value, limit) if isinstance(value, str) else number(value)
