"""Any JSON that somebody else wrote, made fit to be published: bounded in depth, in number and in length. Pure."""

from collections.abc import Callable, Iterator
from typing import Any

from edgetx.speech.untrusted import excerpt, number

_DEPTH = 6
_VALUES = 200
_CHARACTERS = 2000
_NAME = 100


def bounded(value: object, clean: Callable[[str], str] = str) -> Any:
    """Return ``value`` as JSON that can be said again: its first 200 values, 2000 characters each, six levels deep.

    What stands deeper, what is no JSON (bytes) and what no JSON can say (NaN) becomes a text, or null. ``clean`` is
    given each text, names too, before it is cut.
    """
    return _copy(value, _DEPTH, iter(range(_VALUES)), clean)


def _copy(value: object, depth: int, places: Iterator[int], clean: Callable[[str], str]) -> Any:
    if isinstance(value, dict | list | tuple) and depth == 0:
        return "…"
    if isinstance(value, dict):
        items = ((_text(key, _NAME, clean), inner) for key, inner in value.items())
        return {key: _copy(inner, depth - 1, places, clean) for _, (key, inner) in zip(places, items, strict=False)}
    if isinstance(value, list | tuple):
        return [_copy(inner, depth - 1, places, clean) for _, inner in zip(places, value, strict=False)]
    if value is None or isinstance(value, bool):
        return value
    return _text(value, _CHARACTERS, clean) if isinstance(value, str | bytes) else number(value)


def _text(value: str | bytes, limit: int, clean: Callable[[str], str]) -> str:
    return clean(excerpt(value, len(value)))[:limit]
