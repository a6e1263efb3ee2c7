"""Each check says nothing, or what to write instead."""

import pytest

from edgetx.checks import (
    Address,
    AtMost,
    Range,
    credential_id,
    identifier,
    level_period,
    no_credentials,
    shown,
    silent_period,
    split,
    topic,
)

ADDRESS = Address(("mqtt", "ws"), "'username'")
NO_ADDRESS = " is no address; it is mqtt:// or ws://, a host and perhaps ':port'"


def test_a_range_includes_its_ends() -> None:
    assert [Range(1, 64)(value) for value in (1, 64)] == [None, None]
    assert Range(1, 64)(65) == "65 is out of range; it is from 1 to 64"
    assert Range(8_000, 96_000)(4000) == "4000 is out of range; it is from 8000 to 96000"
    assert Range(0)(10**9) is None
    assert Range(0)(-0.5) == "-0.5 is out of range; it is 0 or more"


def test_a_length() -> None:
    assert AtMost(3, "characters")("abc") is None
    assert AtMost(3, "characters")("abcd") == "there are 4 characters; at most 3 are allowed"


def test_a_name() -> None:
    assert identifier("desk_1-b") is None
    expected = "'Desk 1' is no name; it is 1 to 64 of the characters a-z, 0-9, '_' and '-'"
    assert identifier("Desk 1") == expected
    assert identifier("a" * 65) == expected.replace("Desk 1", "a" * 39 + "…")


@pytest.mark.parametrize(
    "url", ["mqtt://h", "mqtt://h:1/", "mqtt://[::1]:1883", "ws://h/mqtt?a=b", "ws://127.0.0.1:65535"]
)
def test_an_address(url: str) -> None:
    assert ADDRESS(url) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("localhost", "'localhost'" + NO_ADDRESS),
        ("http://h", "'http://h'" + NO_ADDRESS),
        ("mqtt://", "'mqtt://'" + NO_ADDRESS),
        ("mqtt://:1883", "'mqtt://:1883'" + NO_ADDRESS),
        ("mqtt://h h", "'mqtt://h h'" + NO_ADDRESS),
        ("mqtt://u:secret@h", "no user name or password may stand in the address; write it as 'username'"),
        ("mqtt://h:0", "'0' is no port; it is a number from 1 to 65535"),
        ("mqtt://h:65536", "'65536' is no port; it is a number from 1 to 65535"),
        ("mqtt://h:", "'' is no port; it is a number from 1 to 65535"),
        ("mqtt://h:1x", "'1x' is no port; it is a number from 1 to 65535"),
        ("mqtt://h:²", "'²' is no port; it is a number from 1 to 65535"),
        ("mqtt://h/topic", "'/topic' has no meaning to mqtt://; end the address before it"),
    ],
)
def test_what_is_no_address(url: str, expected: str) -> None:
    assert ADDRESS(url) == expected


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_an_address_on_this_machine(host: str) -> None:
    url = split(f"ws://{host}:80/x")
    assert url
    assert url.is_loopback


@pytest.mark.parametrize("host", ["localhost.example", "127.0.0.1.example", "10.0.0.1", "[::2]"])
def test_an_address_elsewhere(host: str) -> None:
    url = split(f"ws://{host}")
    assert url
    assert not url.is_loopback


def test_a_credential_id() -> None:
    assert credential_id("mqtt.password") is None
    for value in ("", ".", "..", "a/b", "a:b", "a\n"):
        assert credential_id(value) == f"{value!r} is no credential ID; it is a file name, without '/' and ':'"


def test_a_base_topic() -> None:
    assert topic("home/edgetx") is None
    assert topic("home/+") == "'home/+' holds a wildcard, '+' or '#'; leave it out"
    assert topic("#") == "'#' holds a wildcard, '+' or '#'; leave it out"
    for value in ("/a", "a/", "a//b"):
        assert topic(value) == f"'{value}' has an empty level; take the extra '/' away"
    for value in ("$SYS", "a\nb", "a" * 201):
        assert topic(value) == f"{shown(value)} is no topic; write at most 200 printable characters, no '$' first"


def test_parameters_that_would_give_a_key_away() -> None:
    assert no_credentials({"language": "en"}) is None
    assert (
        no_credentials({"language": "en", "Token": "x"}) == "'Token' would be shown to everyone; write it as 'api_key'"
    )


def test_the_seconds_between_levels() -> None:
    assert [level_period(value) for value in (0, 0.1, 60)] == [None, None, None]
    assert level_period(0.05) == "0.05 is out of range; it is 0 (never) or at least 0.1"
    assert level_period(-1) == "-1 is out of range; it is 0 (never) or at least 0.1"


def test_the_seconds_of_silence() -> None:
    assert [silent_period(value) for value in (0, 1, 600)] == [None, None, None]
    assert silent_period(0.9) == "0.9 is out of range; it is 0 (never) or at least 1"
