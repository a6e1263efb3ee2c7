"""Nodes become dataclasses by their type hints; every fault has its line and its place."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest

from edgetx.checks import Range, identifier
from edgetx.decode import Decoder, Rule, WrongParts, place_name
from edgetx.decode import decoded as decoded_alone
from edgetx.document import Node, read


@dataclass(frozen=True, slots=True)
class Car:
    wheels: Annotated[int, Range(3, 6)] = field(metadata={"example": "4"})
    type: Literal["car"] = "car"


@dataclass(frozen=True, slots=True)
class Boat:
    length_m: float = 5.0
    type: Literal["boat"] = "boat"


@dataclass(frozen=True, slots=True)
class Petrol:
    petrol: str = "95"
    litres: int = 0


@dataclass(frozen=True, slots=True)
class Diesel:
    diesel: str = "plain"
    litres: int = 0
    heated: bool = False


def in_order(low: int, high: int) -> str | None:
    return "low is above high; swap them" if low > high else None


@dataclass(frozen=True, slots=True)
class Span:
    low: int = 0
    high: int = 9
    RULES: ClassVar = (Rule(("low", "high"), in_order),)


def at_most_two(values: tuple[Any, ...]) -> str | None:
    return "are more than two" if len(values) > 2 else None


@dataclass(frozen=True, slots=True)
class Garage:
    owner: str = field(metadata={"example": "Ada"})
    open: bool = False
    colour: Literal["off", "red"] = "red"
    rent: float | None = None
    plan: Path | None = None
    tools: Annotated[tuple[Annotated[str, identifier], ...], at_most_two] = ()
    span: Span = field(default_factory=Span)
    fuel: Petrol | Diesel = field(default_factory=Petrol)
    vehicles: dict[str, Car | Boat] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


def decoded(text: str, **implied: Any) -> Decoder:
    decoder = Decoder(converters={Path: lambda _: Path("/x")}, implied={(name,): implied[name] for name in implied})
    decoder.decode(Garage, read(text, name="g.yaml"))
    return decoder


def faults(text: str) -> list[str]:
    decoder = decoded(text)
    assert () not in decoder.values
    return [f"{fault.line}: {place_name(fault.at)}: {fault.text}" for fault in decoder.faults]


def test_what_is_left_out_has_its_default() -> None:
    assert decoded("owner: Ada").values[()] == Garage("Ada")


def test_what_has_no_default_may_be_implied() -> None:
    assert decoded("open: true", owner="Bob").values[()] == Garage("Bob", open=True)


def test_every_type() -> None:
    text = """
owner: Ada
open: on
colour: off
rent: 12
plan: plan.txt
tools: [saw]
span: {low: 1, high: 2}
fuel: {diesel: winter, heated: true}
vehicles:
  van: {type: car, wheels: 4}
  tub: {type: boat}
notes: {a: [1, {b: 2}]}
"""
    assert decoded(text).values[()] == Garage(
        owner="Ada",
        open=True,
        colour="off",
        rent=12.0,
        plan=Path("/x"),
        tools=("saw",),
        span=Span(1, 2),
        fuel=Diesel("winter", heated=True),
        vehicles={"van": Car(4), "tub": Boat()},
        notes={"a": [1, {"b": 2}]},
    )


def test_a_section_without_a_value_has_its_defaults() -> None:
    assert decoded("owner: Ada\nspan:\nfuel:\nvehicles:\ntools:\nrent:\nnotes:").values[()] == Garage("Ada")


def test_all_faults_come_at_once_each_with_its_line() -> None:
    text = """
opne: true
colour: reb
rent: dear
tools: [a, B, off]
span: [1]
vehicles: 5
notes: {on: 1}
"""
    assert faults(text) == [
        "2: opne: unknown setting; did you mean 'open'?",
        "3: colour: 'reb' is not 'off' or 'red'; did you mean 'red'?",
        "4: rent: 'dear' is not a number",
        "5: tools[1]: 'B' is no name; it is 1 to 64 of the characters a-z, 0-9, '_' and '-'",
        "5: tools[2]: 'off' is a truth value in YAML; to mean text, quote it",
        "6: span: is a list; it must be lines of 'name: value'",
        "7: vehicles: is a number; it must be lines of 'name: value'",
        "8: notes.on: as a name, 'on' is a truth value in YAML; to mean text, quote it",
        "2: owner: is missing; write for example 'owner: Ada'",
    ]


def test_what_is_neither_one_nor_the_other() -> None:
    assert faults("owner: Ada\ncolour: [red]") == ["2: colour: is a list; it must be 'off' or 'red'"]
    assert faults("owner: Ada\ncolour:") == ["2: colour: has no value; write 'off' or 'red' or take the line away"]
    assert faults("owner: Ada\ntools: saw") == ["2: tools: is text; it must be a list, even of one: [one]"]


def test_a_check_of_a_list_is_asked_when_its_items_are_right() -> None:
    assert faults("owner: Ada\ntools: [a, b, c]") == ["2: tools: are more than two"]
    assert len(faults("owner: Ada\ntools: [a, b, C]")) == 1


def test_a_name_that_is_set_twice() -> None:
    assert faults("owner: Ada\nowner: Bob\nvehicles:\n  a: {type: boat}\n  a: {type: boat}") == [
        "2: owner: is set a second time, first on line 1; keep one",
        "5: vehicles.a: is set a second time, first on line 4; keep one",
    ]


def test_far_from_every_name_all_are_listed() -> None:
    assert faults("owner: Ada\nspan: {zzz: 1}") == ["2: span.zzz: unknown setting; it may be 'low' or 'high'"]


def test_a_rule_over_two_settings_stands_at_the_first_that_is_written() -> None:
    assert faults("owner: Ada\nspan:\n  high: -1") == ["3: span.high: low is above high; swap them"]
    assert faults("owner: Ada\nspan:\n  high: 1\n  low: 2") == ["4: span.low: low is above high; swap them"]


def test_a_rule_is_not_asked_about_what_is_wrong_already() -> None:
    assert faults("owner: Ada\nspan: {low: x, high: -1}") == ["2: span.low: 'x' is not a whole number"]


def test_a_rule_that_defaults_break_stands_at_the_section() -> None:
    @dataclass(frozen=True, slots=True)
    class Broken:
        low: int = 2
        high: int = 1
        RULES: ClassVar = (Rule(("low", "high"), in_order),)

    decoder = Decoder(converters={}, implied={})
    decoder.decode(Broken, read("{}", name="g.yaml"), ("a",))
    assert [tuple(fault) for fault in decoder.faults] == [(1, ("a",), "low is above high; swap them")]


def test_a_union_is_told_apart_by_type() -> None:
    text = """owner: Ada
vehicles:
  a: {}
  b: {type: bote}
  c: {type: car}
  d: {type: boat, wheels: 4}
  e: {type: off}
"""
    assert faults(text) == [
        "3: vehicles.a: has no 'type'; write one, 'car' or 'boat'",
        "4: vehicles.b.type: 'bote' is not 'car' or 'boat'; did you mean 'boat'?",
        "5: vehicles.c.wheels: is missing; write for example 'wheels: 4'",
        "6: vehicles.d.wheels: does not go with type 'boat'; it belongs to type 'car'",
        "7: vehicles.e.type: 'off' is not 'car' or 'boat'",
    ]


def test_a_union_is_told_apart_by_the_first_setting() -> None:
    assert faults("owner: Ada\nfuel: {petrol: a, diesel: b}") == [
        "2: fuel: 'petrol' and 'diesel' exclude each other; keep one"
    ]
    assert faults("owner: Ada\nfuel: {diesle: b}") == ["2: fuel.diesle: unknown setting; did you mean 'diesel'?"]
    assert faults("owner: Ada\nfuel: {heated: on}") == [
        "2: fuel.heated: does not go with 'petrol'; it belongs to 'diesel'"
    ]
    assert decoded("owner: Ada\nfuel: {litres: 2}").values[()].fuel == Petrol(litres=2)


def test_what_is_right_is_kept_beside_what_is_wrong() -> None:
    decoder = decoded("owner: 12\nspan:\n  low: 3\n  high: x")
    assert decoder.values["span", "low"] == 3
    assert decoder.lines["span", "low"] == 3
    assert ("span",) not in decoder.values


def test_a_place_as_a_person_writes_it() -> None:
    assert place_name(("microphones", 0, "source", "a b")) == "microphones[0].source.'a b'"
    assert place_name(("a-b", "c\n")) == "a-b.'c\\n'"


# --- a mapping that a converter decodes by itself ----------------------------------------------------------------


def a_span(node: Node) -> Span:
    span: Span = decoded_alone(Span, node)
    return span


def test_what_a_converter_decodes_has_its_faults_at_their_own_lines_and_places() -> None:
    decoder = Decoder(converters={Span: a_span}, implied={})
    decoder.decode(Garage, read("owner: Ada\nspan:\n  low: a\n  hihg: 3\nopen: 7\n", name="g"))
    assert [(fault.line, place_name(fault.at)) for fault in decoder.faults] == [
        (3, "span.low"),
        (4, "span.hihg"),
        (5, "open"),
    ]
    decoder = Decoder(converters={Span: a_span}, implied={})
    decoder.decode(Garage, read("owner: Ada\nspan: {low: 2}", name="g"))
    assert decoder.values[()].span == Span(2, 9)


def test_its_faults_are_one_sentence_where_nobody_asks_for_places() -> None:
    with pytest.raises(WrongParts, match="low: 'a' is not a whole number; high: 'b' is not a whole number"):
        decoded_alone(Span, read("low: a\nhigh: b", name="g"))
