"""A settings file is read as a tree with lines, or refused in one sentence, at once."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.document import MAX_BYTES, Entries, Items, Scalar, read
from edgetx.errors import SettingsError


def fault(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(text, name="e.yaml")
    (only,) = caught.value.faults
    return only


def kinds(text: str) -> list[str]:
    ((_, items),) = read(f"a: [{text}]", name="e.yaml").pairs
    assert isinstance(items, Items)
    return [item.kind for item in items.nodes if isinstance(item, Scalar)]


def test_names_and_values_keep_their_lines() -> None:
    assert read("a: 1\nb:\n  - x\n  - c: 'y'\n", name="e.yaml") == Entries(
        1,
        (
            (Scalar(1, "a", "text"), Scalar(1, "1", "number")),
            (
                Scalar(2, "b", "text"),
                Items(
                    3,
                    (
                        Scalar(3, "x", "text"),
                        Entries(4, ((Scalar(4, "c", "text"), Scalar(4, "y", "text")),), height=1),
                    ),
                    height=2,
                ),
            ),
        ),
        height=3,
    )


def test_a_node_knows_what_yaml_takes_it_for() -> None:
    assert kinds("a, 'on', \"1\"") == ["text", "text", "text"]
    assert kinds("1, 2.5, 0x10, 12:30, .inf") == ["number"] * 5
    assert kinds("on, No, true") == ["truth value"] * 3
    assert kinds("2001-01-01, <<, =, ~, null") == ["date", "sign", "sign", "nothing", "nothing"]


def test_a_name_that_is_set_twice_is_there_twice() -> None:
    assert [key.line for key, _ in read("a: 1\na: 2", name="e.yaml").pairs] == [1, 2]


def test_an_alias_is_the_value_of_its_anchor() -> None:
    (_, first), (_, second), (_, third) = read("a: &x [1, 2]\nb: *x\nc: &x 3", name="e.yaml").pairs
    assert first is second
    assert third == Scalar(3, "3", "number")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: the file is empty; the least that is useful is 'microphones: [{name: desk}]'"),
        ("# nothing\n---\n", "1: the file is empty; the least that is useful is 'microphones: [{name: desk}]'"),
        ("\n- a", "2: the settings are a list; they must be lines of 'name: value'"),
        ("a", "1: the settings are a single value; they must be lines of 'name: value'"),
        ("a: 1\n---\nb: 1", "2: a second document begins here ('---'); settings are one document"),
        ("a: 1\n...\nb: 1", "3: this is not YAML: the settings end above, and this comes after them"),
        (
            "a:\n\t- b",
            "2: this is not YAML: a value may not begin like this; indent with spaces, not tabs, and quote text",
        ),
        (
            "a: b: c",
            "1: this is not YAML: a ':' stands where none may; check the indentation, and quote text with ': ' in",
        ),
        ("a: 1\nb\nc: 1", "3: this is not YAML: a ':' is missing after a name"),
        ("a: 'x' y\n", "1: this is not YAML: this does not fit the lines above; check the indentation and the quotes"),
        ("- a\nb: 1", "2: this is not YAML: this does not fit the list above; check the indentation and the '-'"),
        ("a: [1\nb: 2", "2: this is not YAML: a ',' or the closing bracket is missing"),
        ("a: 'b\nc: 1", "2: this is not YAML: a quotation mark is never closed"),
        (
            'a: "\\q"',
            "1: this is not YAML: there is no such '\\' escape between double quotes; use single quotes",
        ),
        ("a: !<x y", "1: this is not YAML: did not find the expected '>'"),
        ("é: 1\nb: \x07", "2: this is not YAML: a control character; remove it"),
        (
            "a: !!python/object/apply:os.system [x]",
            "1: the tag '!!python/object/apply:os.system' is not for settings; remove it",
        ),
        ("a: !" + "x" * 50, f"1: the tag '!{'x' * 38}…' is not for settings; remove it"),
        ("a: *b", "1: '*b' repeats a value that no '&b' above it names"),
        ("a: &b\n  c: *b", "2: '*b' stands inside the very value that it repeats"),
        ("[a]: b", "1: the name before a ':' must be a word, not a list or a mapping"),
    ],
)
def test_what_is_no_mapping_is_refused_with_its_line(text: str, expected: str) -> None:
    assert fault(text) == f"e.yaml:{expected}"


def billion_laughs() -> str:
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    return "\n".join(lines + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)])


def deep_by_aliases() -> str:
    lines = ["a0: &a0 [x]"]
    return "\n".join(lines + [f"a{n}: &a{n} [[[*a{n - 1}]]]" for n in range(1, 20)])


BOMBS: list[tuple[Callable[[], str], str]] = [
    (billion_laughs, "4: the settings unfold to more than 10,000 values"),
    (deep_by_aliases, "11: the settings are nested more than 30 levels deep"),
    (lambda: "a:\n- " + "x\n- " * 10_000, "9999: the settings unfold to more than 10,000 values"),
    (lambda: "[" * 500_000, "1: the settings are nested more than 30 levels deep"),
    (lambda: "- " * 400_000, "1: the settings are nested more than 30 levels deep"),
    (lambda: "{a: " * 200_000, "1: the settings are nested more than 30 levels deep"),
    (lambda: "#" * (MAX_BYTES + 1), "1: the file has 1,000,001 bytes; settings have at most 1,000,000"),
    (lambda: "#" + "é" * 500_000, "1: the file has 1,000,001 bytes; settings have at most 1,000,000"),
]


@pytest.mark.parametrize(("bomb", "expected"), BOMBS)
def test_a_bomb_is_refused_without_being_unfolded(bomb: Callable[[], str], expected: str) -> None:
    assert fault(bomb()) == f"e.yaml:{expected}"


@given(st.text() | st.text("ab:-[]{}&*!?|>'\"#, \n\t%@`\ud800", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(read(text, name="e.yaml"), Entries)
    except SettingsError as error:
        assert error.faults[0].startswith("e.yaml:")  # noqa: PT017 - either end is right
