"""A YAML text as a small tree of nodes that know their lines. DOOR yaml: nothing else imports it.

The library only splits the text into events; the tree is built here, because its own composer would follow a hostile
file anywhere: a list inside a list a hundred thousand times, or anchors that unfold to billions of values. Here depth
and the number of *unfolded* values are bounded while the tree grows, so a bad file costs no more than a good one. An
alias shares the node of its anchor.

What a scalar is, stays open: a node holds its text and what YAML 1.1 takes it for. The reader knows what is due.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

import yaml
from yaml.resolver import Resolver

from edgetx.errors import SettingsError

MAX_BYTES = 1_000_000
MAX_NODES = 10_000
MAX_DEPTH = 30
SHOWN_CHARACTERS = 40

Kind = Literal["text", "nothing", "truth value", "number", "date", "sign"]
"""What YAML 1.1 takes a scalar for; a quoted one is always text. A sign is ``<<`` or ``=``."""

_KINDS: dict[str, Kind] = {
    "str": "text",
    "null": "nothing",
    "bool": "truth value",
    "int": "number",
    "float": "number",
    "timestamp": "date",
    "merge": "sign",
    "value": "sign",
}

_IN_WORDS = {
    "cannot start any token": "a value may not begin like this; indent with spaces, not tabs, and quote text",
    "mapping values are not allowed": "a ':' stands where none may; check the indentation, and quote text with ': ' in",
    "could not find expected ':'": "a ':' is missing after a name",
    "expected key": "this does not fit the lines above; check the indentation and the quotes",
    "expected '-' indicator": "this does not fit the list above; check the indentation and the '-'",
    "expected ',' or": "a ',' or the closing bracket is missing",
    "unexpected end of stream": "a quotation mark is never closed",
    "unknown escape character": "there is no such '\\' escape between double quotes; use single quotes",
    "<document start>": "the settings end above, and this comes after them",
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. Lines count from 1."""

    line: int
    text: str
    kind: Kind
    height: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """A list. ``height``: how many levels of nodes lie below."""

    line: int
    nodes: "tuple[Node, ...]"
    height: int = 0


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping, in the file's order, a name that is set twice included."""

    line: int
    pairs: "tuple[tuple[Scalar, Node], ...]"
    height: int = 0


Node = Scalar | Items | Entries


def read(text: str, *, name: str) -> Entries:
    """Return the mapping that ``text`` is. Raise SettingsError, with ``name`` and line, when it is anything else."""
    try:
        root = _root(text)
    except _Unreadable as trouble:
        raise SettingsError([f"{name}:{trouble.line}: {trouble}"]) from trouble.__cause__
    return root


class _Unreadable(Exception):
    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


def _root(text: str) -> Entries:
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_BYTES:
        raise _Unreadable(1, f"the file has {len(data):,} bytes; settings have at most {MAX_BYTES:,}")
    try:
        root = _Builder(yaml.parse(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))).document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _Unreadable(line, f"this is not YAML: {_in_words(error.problem or '')}") from error
    except yaml.reader.ReaderError as error:
        line = data.count(b"\n", 0, error.position) + 1
        raise _Unreadable(line, "this is not YAML: a control character; remove it") from error
    if isinstance(root, Entries):
        return root
    if root is None or (isinstance(root, Scalar) and root.kind == "nothing"):
        raise _Unreadable(1, "the file is empty; the least that is useful is 'microphones: [{name: desk}]'")
    what = "a list" if isinstance(root, Items) else "a single value"
    raise _Unreadable(root.line, f"the settings are {what}; they must be lines of 'name: value'")


def _in_words(problem: str) -> str:
    return next((words for sign, words in _IN_WORDS.items() if sign in problem), problem)


class _Builder:
    """Builds the tree from the library's events."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._resolver = Resolver()
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._open: set[str] = set()
        self._count = 0

    def document(self) -> Node | None:
        """Return the root of the one document, or None when there is none."""
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _Unreadable(_line(event), "a second document begins here ('---'); settings are one document")
                root = self._node(next(self._events), depth=0)
        return root

    def _node(self, event: yaml.Event, *, depth: int) -> Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", line, depth=depth)
        event = cast("yaml.ScalarEvent | yaml.CollectionStartEvent", event)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise _Unreadable(line, f"the tag {_short(tag)!r} is not for settings; remove it")
        self._add(1, line, depth=depth)
        before = self._count
        if event.anchor is not None:
            self._open.add(event.anchor)
        node = self._content(event, line, depth=depth)
        if event.anchor is not None:
            self._open.discard(event.anchor)
            self._anchors[event.anchor] = node, self._count - before + 1
        return node

    def _content(self, event: yaml.Event, line: int, *, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(line, event.value, self._kind(event))
        if isinstance(event, yaml.SequenceStartEvent):
            nodes = tuple(self._node(item, depth=depth + 1) for item in self._until(yaml.SequenceEndEvent))
            return Items(line, nodes, 1 + max((node.height for node in nodes), default=0))
        pairs = tuple(
            (self._key(self._node(key, depth=depth + 1)), self._node(next(self._events), depth=depth + 1))
            for key in self._until(yaml.MappingEndEvent)
        )
        return Entries(line, pairs, 1 + max((value.height for _, value in pairs), default=0))

    def _alias(self, anchor: str, line: int, *, depth: int) -> Node:
        if anchor in self._open:
            raise _Unreadable(line, f"'*{_short(anchor)}' stands inside the very value that it repeats")
        if anchor not in self._anchors:
            raise _Unreadable(line, f"'*{_short(anchor)}' repeats a value that no '&{_short(anchor)}' above it names")
        node, size = self._anchors[anchor]
        self._add(size, line, depth=depth + node.height)
        return node

    def _add(self, size: int, line: int, *, depth: int) -> None:
        self._count += size
        if self._count > MAX_NODES:
            raise _Unreadable(line, f"the settings unfold to more than {MAX_NODES:,} values")
        if depth > MAX_DEPTH:
            raise _Unreadable(line, f"the settings are nested more than {MAX_DEPTH} levels deep")

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            raise _Unreadable(node.line, "the name before a ':' must be a word, not a list or a mapping")
        return node

    def _kind(self, event: yaml.ScalarEvent) -> Kind:
        if not event.implicit[0]:
            return "text"
        tag = self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
        return _KINDS[tag.rpartition(":")[2]]


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
