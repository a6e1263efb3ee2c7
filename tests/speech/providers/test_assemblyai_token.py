import json

import pytest

from edgetx.errors import Refused, TryAgain
from edgetx.speech.closing import WAIT_SECONDS
from edgetx.speech.providers.assemblyai_token import token_of
from edgetx.speech.session import HttpAnswer


def answered(status, body):
    return token_of(HttpAnswer(status, body if isinstance(body, bytes) else json.dumps(body).encode()), api_key="k3y")


def test_a_good_answer_holds_the_token():
    assert answered(200, {"expires_in_seconds": 60, "token": "t0ken"}) == "t0ken"
    assert answered(200, {"token": "x" * 4096}) == "x" * 4096


NO_TOKENS = [b"", b"\xff", b"[1]", b"[" * 100_000, {}, {"token": ""}, {"token": 7}, {"token": "x" * 4097}]


@pytest.mark.parametrize("body", NO_TOKENS)
def test_a_good_answer_without_a_token_is_tried_again(body):
    with pytest.raises(TryAgain, match=r"^AssemblyAI was asked for a token, and answered without one\.$"):
        answered(200, body)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (201, "created", Refused),
        (400, "expires_in_seconds is too large", Refused),
        (401, "Invalid API key", Refused),
        (429, "Too many requests", TryAgain),
        (500, "Internal server error", TryAgain),
    ],
)
def test_no_token_is_told_in_the_vendors_words(status, error, kind):
    with pytest.raises(kind) as raised:
        answered(status, {"error": error, "token": "t0ken"})
    assert str(raised.value) == f"AssemblyAI gave no token, with HTTP status {status}: {error}."


@pytest.mark.parametrize("body", [b"", b"<html>", {"error": 7}, {"error": ""}])
def test_no_token_without_a_word_is_told_by_its_status(body):
    with pytest.raises(TryAgain, match=r"^AssemblyAI gave no token, with HTTP status 503\.$"):
        answered(503, body)


def test_too_many_questions_are_not_asked_again_at_once():
    with pytest.raises(TryAgain) as raised:
        answered(429, {})
    assert raised.value.after_seconds == WAIT_SECONDS


def test_the_vendors_words_are_bounded_and_never_show_the_key():
    with pytest.raises(Refused) as raised:
        answered(401, {"error": "x" * 198 + "k3y" + "y" * 10_000})
    assert str(raised.value).endswith(f"{'x' * 198}**.")
