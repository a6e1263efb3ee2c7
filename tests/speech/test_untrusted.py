import math

import pytest

from edgetx.speech.untrusted import excerpt, json_object, number, scalars, text, whole, without


def test_text_is_cut_to_its_limit_and_can_always_be_encoded():
    assert text("hello", 4) == "hell"
    assert text("half a pair: \ud800") == "half a pair: ?"
    assert text(b"bytes") is None
    assert text(None) is None


@pytest.mark.parametrize("message", ['{"a": [1]}', b'{"a": [1]}', ' {"a":[1]}\n'])
def test_a_json_object_is_read_from_text_and_bytes(message):
    assert json_object(message) == {"a": [1]}


@pytest.mark.parametrize(
    "message",
    ["", "}{", "[" * 100_000, '{"a":' * 100_000, "9" * 5000, "[1]", "7", "null", b"", b"\xff", {"a": 1}, None, ["{}"]],
)
def test_anything_else_is_no_json_object(message):
    assert json_object(message) is None


def test_a_secret_is_not_repeated():
    assert without("Invalid key k3y.", "k3y") == "Invalid key ***."
    assert without("Invalid key.", "") == "Invalid key."


@pytest.mark.parametrize("value", [0, -3, 1.5, 2**53 - 1])
def test_a_number_is_a_number(value):
    assert number(value) == value


@pytest.mark.parametrize("value", [True, "1", None, math.inf, -math.inf, math.nan, 2**53, [1]])
def test_what_is_no_sensible_number_is_none(value):
    assert number(value) is None


def test_a_whole_number_may_be_written_with_a_point():
    assert [whole(value) for value in (0, 3, 3.0)] == [0, 3, 3]
    assert [whole(value) for value in (-1, 1.5, "1", True, 1e300)] == [None] * 5


def test_of_an_object_only_the_plain_values_are_taken_and_no_more_than_the_limit():
    value = {"on": True, "n": 3, "name": "abcdefgh", "list": [1], "none": None, "inf": math.inf}
    assert scalars(value, 6) == {"on": True, "n": 3, "name": "abcdef"}
    assert scalars({str(i): i for i in range(10)}, 2) == {"0": 0, "1": 1}
    assert scalars([1], 6) == {}


@pytest.mark.parametrize(
    ("message", "shown"), [("abcdef", "abcd"), (b"ab\xff", "ab\ufffd"), ("\ud800", "?"), ({"a": 1}, "{'a'")]
)
def test_an_excerpt_of_anything_can_be_published(message, shown):
    assert excerpt(message, 4) == shown
