"""One node becomes the value that is due, or the sentence says how to write it."""

from pathlib import Path
from typing import Any

import pytest

from edgetx import scalars
from edgetx.document import Node, read
from edgetx.scalars import Wrong


def node(text: str) -> Node:
    ((_, value),) = read(f"a: {text}", name="e.yaml").pairs
    return value


def wrong(convert: Any, text: str) -> str:
    with pytest.raises(Wrong) as caught:
        convert(node(text))
    return str(caught.value)


@pytest.mark.parametrize("text", ["desk", "'off'", '"12"', "hw:CARD=0"])
def test_text(text: str) -> None:
    assert scalars.text(node(text)) == text.strip("'\"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("off", "'off' is a truth value in YAML; to mean text, quote it"),
        ("12", "'12' is a number in YAML; to mean text, quote it"),
        ("2001-01-01", "'2001-01-01' is a date in YAML; to mean text, quote it"),
        ("", "has no value; write text or take the line away"),
        ("''", "is an empty text; write one or leave the setting out"),
        ('"a\\0"', "'a\\x00' holds a NUL character; remove it"),
        ("[a]", "is a list; it must be text"),
        ("{a: b}", "is a mapping; it must be text"),
    ],
)
def test_what_is_not_text(text: str, expected: str) -> None:
    assert wrong(scalars.text, text) == expected


def test_numbers() -> None:
    assert [scalars.whole(node(text)) for text in ("0", "+16000", "-1")] == [0, 16000, -1]
    assert [scalars.number(node(text)) for text in ("0", "-2.5", ".5", "7.", "1.5e+3")] == [0, -2.5, 0.5, 7, 1500]


@pytest.mark.parametrize("text", ["fast", "010", "0x10", "16_000", "12:30", "2.5", "on", "9" * 101])
def test_what_is_not_a_whole_number(text: str) -> None:
    assert wrong(scalars.whole, text).endswith(" is not a whole number")


@pytest.mark.parametrize("text", ["fast", ".inf", ".nan", "1_0.5", "1:30.5"])
def test_what_is_not_a_number(text: str) -> None:
    assert wrong(scalars.number, text) == f"'{text}' is not a number"


def test_a_number_that_no_float_can_hold() -> None:
    assert wrong(scalars.number, "1.0e+999") == "'1.0e+999' is too large"


def test_a_quoted_number_is_text() -> None:
    assert wrong(scalars.whole, "'1'") == "'1' is text here, not a whole number; write it without quotes"


def test_truth() -> None:
    assert [scalars.truth(node(text)) for text in ("true", "Yes", "ON")] == [True] * 3
    assert [scalars.truth(node(text)) for text in ("false", "No", "OFF")] == [False] * 3
    assert wrong(scalars.truth, "maybe") == "'maybe' is neither true nor false"
    assert wrong(scalars.truth, "'true'") == "'true' is neither true nor false"
    assert wrong(scalars.truth, "[]") == "is a list; it must be true or false"


def test_a_relative_path_is_relative_to_the_directory() -> None:
    directory = Path("/etc/edgetx")
    assert scalars.path(node("a/b.gram"), directory=directory) == Path("/etc/edgetx/a/b.gram")
    assert scalars.path(node("/b.gram"), directory=directory) == Path("/b.gram")


def test_a_home_is_not_looked_for() -> None:
    with pytest.raises(Wrong, match=r"^'~/b' begins with '~', and a daemon has no home; write the whole path$"):
        scalars.path(node("~/b"), directory=Path())


def test_anything_that_json_could_hold() -> None:
    assert scalars.anything(node("{a: [1, 2.5, on, ~, x, '', 'on'], b: {}}")) == {
        "a": [1, 2.5, True, None, "x", "", "on"],
        "b": {},
    }
    assert wrong(scalars.anything, "[2001-01-01]") == "'2001-01-01' is a date in YAML; to mean text, quote it"
    assert wrong(scalars.anything, "[010]") == "'010' is not a number"
    assert wrong(scalars.anything, "{a: 1, a: 2}") == "holds a name twice; remove one"


def test_what_a_node_is_in_words() -> None:
    assert [scalars.kind_of(node(text)) for text in ("x", "1", "[]", "{}")] == [
        "text",
        "a number",
        "a list",
        "a mapping",
    ]


def test_choices_in_words() -> None:
    assert scalars.one_of(["a"]) == "'a'"
    assert scalars.one_of(["a", "b", "c"]) == "'a', 'b' or 'c'"
    assert scalars.did_you_mean("chanels", ["channels", "alsa"]) == "; did you mean 'channels'?"
    assert scalars.did_you_mean("x", ["channels", "alsa"]) == ""
