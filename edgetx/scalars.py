"""One node becomes one value: text, a number, a truth value, or whatever JSON could hold.

YAML 1.1 guesses: ``off`` is a truth value, ``010`` is eight, ``12:30`` is 750. Here the type that is due decides, the
guess only tells where a person and YAML may have misunderstood each other. A misunderstanding is refused with the way
to write it, never settled in silence.
"""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgetx.checks import shown
from edgetx.document import Entries, Items, Node, Scalar

MAX_COMPARED = 100
"""So many choices are looked at for the nearest: a hostile file may list thousands."""

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})")
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]{0,99})(\.[0-9]{0,100})?|\.[0-9]{1,100})([eE][-+]?[0-9]{1,3})?")


class Wrong(Exception):
    """A value cannot be used; the text goes on after the setting's name: why, and what to write."""


def text(node: Node) -> str:
    """Return a text. What YAML takes for something else must be quoted, because other readers would not see text."""
    found = scalar(node, "text")
    if found.kind != "text":
        raise Wrong(_quote(found))
    if not found.text:
        raise Wrong("is an empty text; write one or leave the setting out")
    if "\0" in found.text:
        raise Wrong(f"{shown(found.text)} holds a NUL character; remove it")
    return found.text


def whole(node: Node) -> int:
    """Return a whole number, written in decimal digits."""
    return int(_digits(node, _WHOLE, due="a whole number"))


def number(node: Node) -> float:
    """Return a finite number; a whole one will do."""
    digits = _digits(node, _NUMBER, due="a number")
    if math.isinf(float(digits)):
        raise Wrong(f"{shown(digits)} is too large")
    return float(digits)


def truth(node: Node) -> bool:
    """Return true or false; YAML 1.1's yes, no, on and off will do."""
    found = scalar(node, "true or false")
    if found.kind != "truth value":
        raise Wrong(f"{shown(found.text)} is neither true nor false")
    return found.text.lower() in {"true", "yes", "on"}


def path(node: Node, *, directory: Path) -> Path:
    """Return where a file is; ``directory`` is what a relative path is relative to."""
    written = text(node)
    if written.startswith("~"):
        raise Wrong(f"{shown(written)} begins with '~', and a daemon has no home; write the whole path")
    return directory / written


def anything(node: Node) -> Any:
    """Return what JSON could hold: a mapping, a list or a value, quoted where YAML 1.1's guess is not JSON's."""
    if isinstance(node, Items):
        return [anything(item) for item in node.nodes]
    if isinstance(node, Entries):
        found = {text(key): anything(value) for key, value in node.pairs}
        if len(found) < len(node.pairs):
            raise Wrong("holds a name twice; remove one")
        return found
    if node.kind == "number":
        return whole(node) if _WHOLE.fullmatch(node.text) else number(node)
    if node.kind in {"date", "sign"}:
        raise Wrong(_quote(node))
    return truth(node) if node.kind == "truth value" else node.text if node.kind == "text" else None


def scalar(node: Node, due: str) -> Scalar:
    """Return ``node`` if it is a single value that is there; ``due`` says in words what it should have been."""
    if is_nothing(node):
        raise Wrong(f"has no value; write {due} or take the line away")
    if not isinstance(node, Scalar):
        raise Wrong(f"is {kind_of(node)}; it must be {due}")
    return node


def is_nothing(node: Node) -> bool:
    """Whether nothing stands behind the ``name:``, or the word null."""
    return isinstance(node, Scalar) and node.kind == "nothing"


def kind_of(node: Node) -> str:
    """Return what ``node`` is, in words."""
    if isinstance(node, Scalar):
        return f"a {node.kind}" if node.kind != "text" else "text"
    return "a list" if isinstance(node, Items) else "a mapping"


def one_of(choices: Iterable[str]) -> str:
    """Return ``choices`` as a person lists them: 'a', 'b' or 'c'."""
    *most, last = (repr(choice) for choice in choices)
    return f"{', '.join(most)} or {last}" if most else last


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the choice nearest to ``word``; empty when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - 3 ms that only a fault needs

    near = get_close_matches(word[:64], list(choices)[:MAX_COMPARED], 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _digits(node: Node, pattern: re.Pattern[str], *, due: str) -> str:
    found = scalar(node, due)
    if not pattern.fullmatch(found.text):
        raise Wrong(f"{shown(found.text)} is not {due}")
    if found.kind != "number":
        raise Wrong(f"{shown(found.text)} is text here, not {due}; write it without quotes")
    return found.text


def _quote(found: Scalar) -> str:
    return f"{shown(found.text)} is a {found.kind} in YAML; to mean text, quote it"
