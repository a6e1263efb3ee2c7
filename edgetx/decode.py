"""The nodes of a document become frozen dataclasses, as the dataclasses' own type hints say.

A field is its own rule: its type says what may stand there, checks in ``Annotated`` say which values, a default says
that it may be left out. Understood are str, int, float, bool, Any, Literal, ``X | None``, tuple[X, ...],
dict[str, X], dataclasses, and a union of dataclasses: told apart by ``type`` where all have that field, else by whose
first field is there. The caller gives a *converter* for anything else.

What several fields must agree on is a `Rule` in the class's ``RULES``. All faults are collected; a rule is only asked
when every field that it looks at is right, so that one mistake makes one fault. What was right is kept by its place
(`values`), also where something beside it was wrong, so that the caller can check across the whole document.
"""

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from edgetx import scalars
from edgetx.checks import SHOWN_CHARACTERS, shown
from edgetx.document import Entries, Items, Node, Scalar
from edgetx.scalars import Wrong, did_you_mean, is_nothing, kind_of, one_of

At = tuple[str | int, ...]
"""A place in the document: ``("microphones", 0, "name")``."""

Converter = Callable[[Node], Any]
"""Makes a value of a node, or raises `Wrong`."""

_Found = dict[str, tuple[Scalar, Node]]

_SCALARS: dict[Any, Converter] = {
    str: scalars.text,
    int: scalars.whole,
    float: scalars.number,
    bool: scalars.truth,
    Any: scalars.anything,
}


class Fault(NamedTuple):
    """What is wrong, and where."""

    line: int
    at: At
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What ``fields`` of a dataclass must agree on: ``fault`` takes their values, returns what is wrong or None."""

    fields: tuple[str, ...]
    fault: Callable[..., str | None]


class WrongParts(Wrong):
    """A mapping that a converter has decoded by itself has faults; their places are inside it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{place_name(fault.at)}: {fault.text}" for fault in faults))
        self.faults = faults


class Decoder:
    """Decodes one document. ``implied``: values, by place, of settings that have no default of their own."""

    def __init__(self, *, converters: Mapping[Any, Converter], implied: Mapping[At, Any]) -> None:
        self.faults: list[Fault] = []
        self.lines: dict[At, int] = {}
        """Where each setting stands."""
        self.values: dict[At, Any] = {}
        """Each setting that is right, left-out ones included."""
        self._implied = implied
        self._converters = {**_SCALARS, **converters}
        self._forms: dict[Any, Callable[[Any, Node, At], Any]] = {
            Annotated: self._annotated,
            Literal: self._literal,
            Union: self._union,
            types.UnionType: self._union,
            tuple: self._tuple,
            dict: self._dict,
            None: self._dataclass,
        }

    def decode(self, hint: Any, node: Node, at: At = ()) -> None:
        """Put the value of ``node``, of type ``hint``, into ``values[at]``, or what is wrong into ``faults``."""
        before = len(self.faults)
        self.lines.setdefault(at, node.line)
        try:
            value = self._value(hint, node, at)
        except WrongParts as wrong:
            self.faults.extend(fault._replace(at=(*at, *fault.at)) for fault in wrong.faults)
        except Wrong as wrong:
            self.faults.append(Fault(node.line, at, str(wrong)))
        else:
            if len(self.faults) == before:
                self.values[at] = value

    def _value(self, hint: Any, node: Node, at: At) -> Any:
        """Return the value; raise Wrong, or return anything when faults were noted."""
        if hint in self._converters:
            return self._converters[hint](node)
        return self._forms[get_origin(hint)](hint, node, at)

    def _annotated(self, hint: Any, node: Node, at: At) -> Any:
        before = len(self.faults)
        inner, *checks = get_args(hint)
        value = self._value(inner, node, at)
        if len(self.faults) == before:
            for fault in filter(None, (check(value) for check in checks)):
                raise Wrong(fault)
        return value

    def _literal(self, hint: Any, node: Node, _at: At) -> Any:
        choices = get_args(hint)
        word = scalars.scalar(node, one_of(choices)).text
        if word not in choices:
            raise Wrong(f"{shown(word)} is not {one_of(choices)}{did_you_mean(word, choices)}")
        return word

    def _union(self, hint: Any, node: Node, at: At) -> Any:
        members = [member for member in get_args(hint) if member is not types.NoneType]
        if len(members) > 1:
            return self._variant(members, node, at)
        return None if is_nothing(node) else self._value(members[0], node, at)

    def _tuple(self, hint: Any, node: Node, at: At) -> Any:
        if is_nothing(node):
            return ()
        if not isinstance(node, Items):
            raise Wrong(f"is {kind_of(node)}; it must be a list, even of one: [one]")
        places = [(*at, index) for index in range(len(node.nodes))]
        for place, item in zip(places, node.nodes, strict=True):
            self.decode(get_args(hint)[0], item, place)
        return tuple(self.values.get(place) for place in places)

    def _dict(self, hint: Any, node: Node, at: At) -> Any:
        key_hint, value_hint = get_args(hint)
        entries = self._entries(node, at)
        for name, (key, value) in entries.items():
            place = (*at, name)
            self.lines[place] = key.line
            try:
                self._value(key_hint, key, place)
            except Wrong as wrong:
                self.faults.append(Fault(key.line, place, f"as a name, {wrong}"))
            self.decode(value_hint, value, place)
        return {name: self.values.get((*at, name)) for name in entries}

    def _dataclass(self, cls: Any, node: Node, at: At) -> Any:
        return self._build(cls, self._entries(node, at), at, line=node.line)

    def _variant(self, members: list[Any], node: Node, at: At) -> Any:
        entries = self._entries(node, at)
        tags = _type_tags(members)
        if not tags:
            chosen = _chosen_by_key(members, entries)
        elif "type" not in entries:
            raise Wrong(f"has no 'type'; write one, {one_of(tags)}")
        else:
            self.decode(Literal[tuple(tags)], entries["type"][1], (*at, "type"))
            chosen = tags.get(self.values.get((*at, "type"), ""))
        return chosen and self._build(chosen, entries, at, line=node.line, others=members)

    def _build(self, cls: Any, entries: _Found, at: At, *, line: int, others: Iterable[Any] = ()) -> Any:
        before = len(self.faults)
        hints = get_type_hints(cls, include_extras=True)
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for name, (key, value) in entries.items():
            self.lines[*at, name] = key.line
            if name in fields:
                self.decode(hints[name], value, (*at, name))
            else:
                self.faults.append(Fault(key.line, (*at, name), _unknown(name, cls, others=others)))
        for name, field in fields.items():
            if name not in entries:
                self._leave_out(field, (*at, name), line=line)
        values = {name: self.values[*at, name] for name in fields if (*at, name) in self.values}
        self._ask_rules(cls, values, at, line=line)
        return cls(**values) if len(self.faults) == before else None

    def _leave_out(self, field: "dataclasses.Field[Any]", at: At, *, line: int) -> None:
        if at in self._implied:
            self.values[at] = self._implied[at]
        elif field.default is not dataclasses.MISSING:
            self.values[at] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            self.values[at] = field.default_factory()
        else:
            example = f"{field.name}: {field.metadata['example']}"
            self.faults.append(Fault(line, at, f"is missing; write for example '{example}'"))

    def _ask_rules(self, cls: Any, values: Mapping[str, Any], at: At, *, line: int) -> None:
        for rule in getattr(cls, "RULES", ()):
            if all(name in values for name in rule.fields):
                fault = rule.fault(*(values[name] for name in rule.fields))
                if fault:
                    place = next(((*at, name) for name in rule.fields if (*at, name) in self.lines), at)
                    self.faults.append(Fault(self.lines.get(place, line), place, fault))

    def _entries(self, node: Node, at: At) -> _Found:
        if is_nothing(node):
            return {}
        if not isinstance(node, Entries):
            raise Wrong(f"is {kind_of(node)}; it must be lines of 'name: value'")
        found: _Found = {}
        for key, value in node.pairs:
            first, _ = found.setdefault(key.text, (key, value))
            if first is not key:
                again = f"is set a second time, first on line {first.line}; keep one"
                self.faults.append(Fault(key.line, (*at, key.text), again))
        return found


def decoded(hint: Any, node: Node) -> Any:
    """Return the value of ``node``, of type ``hint``: for a converter. Raise `WrongParts`."""
    decoder = Decoder(converters={}, implied={})
    decoder.decode(hint, node)
    if decoder.faults:
        raise WrongParts(decoder.faults)
    return decoder.values[()]


def place_name(at: At) -> str:
    """Return ``at`` as a person writes it: ``microphones[0].name``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{_step_name(step)}" for step in at).removeprefix(".")


def _step_name(step: str) -> str:
    return step if len(step) <= SHOWN_CHARACTERS and step.replace("-", "_").isidentifier() else shown(step)


def _type_tags(members: Iterable[Any]) -> dict[str, Any]:
    """Return the members by their ``type``; empty when they have none."""
    hints = [(member, get_type_hints(member).get("type")) for member in members]
    return {get_args(hint)[0]: member for member, hint in hints if hint is not None}


def _chosen_by_key(members: list[Any], entries: Iterable[str]) -> Any:
    firsts = {_names(member)[0]: member for member in members}
    present = [name for name in firsts if name in entries]
    if len(present) > 1:
        raise Wrong(f"{' and '.join(map(repr, present))} exclude each other; keep one")
    return firsts[present[0]] if present else members[0]


def _unknown(name: str, cls: Any, *, others: Iterable[Any]) -> str:
    for other in others:
        if name in _names(other):
            return f"does not go with {_label(cls)}; it belongs to {_label(other)}"
    names = [known for member in (cls, *others) for known in _names(member)]
    return f"unknown setting{did_you_mean(name, names) or f'; it may be {one_of(_names(cls))}'}"


def _names(cls: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


def _label(cls: Any) -> str:
    for tag in _type_tags([cls]):
        return f"type {tag!r}"
    return repr(_names(cls)[0])
