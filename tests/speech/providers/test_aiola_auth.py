import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.config import Secret
from edgetx.errors import Refused, TryAgain
from edgetx.provider_settings import AiolaSettings
from edgetx.speech.closing import WAIT_SECONDS
from edgetx.speech.events import Verdict
from edgetx.speech.providers import aiola_auth
from edgetx.speech.session import HttpAnswer
from tests.rigs.anything import ANYTHING
from tests.rigs.opening import walk

KEY = "s3cret-key"
TOKEN = "s3cret-token"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDB9.s3cret"


def settings(auth_type="aiola-session", **more):
    return AiolaSettings(Secret("text", KEY), auth_type=auth_type, **more)


def answer(status, body):
    return HttpAnswer(status, body if isinstance(body, bytes) else json.dumps(body).encode())


FIRST = answer(200, {"context": {"token": TOKEN}})
SECOND = answer(200, {"jwt": JWT, "sessionId": "1"})


def asked(*answers, **more):
    return walk(aiola_auth.session_token(settings(**more), KEY, flow_id="flow"), *answers)


def trouble(*answers):
    with pytest.raises((TryAgain, Refused)) as caught:
        asked(*answers)
    assert "s3cret" not in str(caught.value)
    return caught.value


def jwt(claims):
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.x"


# --- the way to a session


def test_the_key_becomes_a_token_and_the_token_a_session():
    questions, token = asked(FIRST, SECOND)
    assert token == JWT
    key, session = questions
    assert (key.method, key.url, key.headers, key.body) == (
        "POST",
        "https://auth.aiola.ai/voip-auth/apiKey2Token",
        {"Authorization": f"Bearer {KEY}"},
        b"",
    )
    assert (session.method, session.url) == ("POST", "https://auth.aiola.ai/voip-auth/session")
    assert session.headers == {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    assert json.loads(session.body) == {"workflow_id": "flow"}
    assert "s3cret" not in f"{key!r}{session!r}{key}{session}"


def test_another_server_may_give_the_session():
    questions, _ = asked(FIRST, SECOND, auth_endpoint="http://127.0.0.1:8/")
    assert [question.url for question in questions] == [
        "http://127.0.0.1:8/voip-auth/apiKey2Token",
        "http://127.0.0.1:8/voip-auth/session",
    ]


def test_the_place_is_given_back_with_the_sessions_own_token():
    question = aiola_auth.deletion(settings(), JWT)
    assert (question.method, question.url) == ("DELETE", "https://auth.aiola.ai/voip-auth/session")
    assert question.headers["Authorization"] == f"Bearer {JWT}"
    assert "s3cret" not in repr(question)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"code": "UNAUTHORIZED", "message": f"no {KEY}"}}, Refused),
        (401, {"code": "INVALID_TOKEN", "message": "no"}, Refused),
        (401, b"", Refused),
        (403, {"code": "FORBIDDEN"}, Refused),
        (404, b"<html>", Refused),
        (429, {"code": "RATE_LIMIT_EXCEEDED"}, TryAgain),
        (500, [], TryAgain),
        (503, b"[" * 100_000, TryAgain),
    ],
)
def test_a_no_to_the_key(status, body, kind):
    refusal = trouble(answer(status, body))
    assert type(refusal) is kind
    assert str(refusal).startswith(f"Could not exchange the API key for a token: HTTP status {status}")


@pytest.mark.parametrize(
    ("status", "body", "tries", "after"),
    [
        (401, {"code": "INVALID_TOKEN"}, 1, 0),
        (401, {"error": {"code": "TOKEN_EXPIRED"}}, 1, 0),
        (409, {}, None, WAIT_SECONDS),
        (400, {"error": {"code": "MAX_CONCURRENCY_REACHED"}}, None, WAIT_SECONDS),
        (400, {"code": "RATE_LIMIT_EXCEEDED"}, None, WAIT_SECONDS),
        (502, {"code": "SOMETHING_NEW"}, None, 0),
    ],
)
def test_a_passing_no_to_the_session(status, body, tries, after):
    passing = trouble(FIRST, answer(status, body))
    assert isinstance(passing, TryAgain)
    assert (passing.tries, passing.after_seconds) == (tries, after)
    assert "Could not begin a session" in str(passing)


@pytest.mark.parametrize("body", [{"code": "WORKFLOW_NOT_FOUND"}, {"code": "FORBIDDEN"}, {"code": "VALIDATION_ERROR"}])
def test_a_final_no_to_the_session_names_the_code(body):
    assert body["code"] in str(trouble(FIRST, answer(400, body)))


def test_403_without_a_word_is_final():
    assert isinstance(trouble(FIRST, answer(403, b"")), Refused)


@pytest.mark.parametrize("code", [f"{KEY}", "x" * 1000, 7, None, ["UNAUTHORIZED"], "A B"])
def test_a_code_that_is_none_is_not_repeated(code):
    assert str(trouble(answer(400, {"code": code}))) == "Could not exchange the API key for a token: HTTP status 400."


@pytest.mark.parametrize("body", [b"", [], {}, {"context": []}, {"context": {"token": ""}}, {"context": {"token": 1}}])
def test_a_yes_without_a_token(body):
    assert isinstance(trouble(answer(200, body)), TryAgain)


@pytest.mark.parametrize("token", [None, "line\nbreak", "naïve", "two words", "x" * 10_000])
def test_a_session_whose_token_no_header_can_carry(token):
    assert "holds no token" in str(trouble(FIRST, answer(201, {"jwt": token})))


# --- keys and tokens


def test_the_older_generations_send_the_key_itself():
    assert aiola_auth.key_headers(settings("x-api-key"), KEY) == {"x-api-key": KEY}
    assert aiola_auth.key_headers(settings("bearer"), KEY) == {"Authorization": f"Bearer {KEY}"}


def test_a_token_says_when_it_ends():
    assert aiola_auth.expiry(JWT) == 1800
    assert aiola_auth.expiry(jwt(b'{"exp": 1800.5, "sub": "x"}')) == 1800.5


@pytest.mark.parametrize(
    "token", ["", "opaque", "a.b", "a.%%%.c", "a.é.c", jwt(b"[]"), jwt(b"\xff"), jwt(b"{}"), jwt(b'{"exp": "soon"}')]
)
def test_a_token_that_does_not_say_when_it_ends(token):
    assert aiola_auth.expiry(token) is None


@given(st.text())
def test_no_token_is_too_odd(token):
    for odd in (token, f"a.{token}.b", f"a.{base64.urlsafe_b64encode(token.encode(errors='replace')).decode()}.b"):
        assert aiola_auth.expiry(odd) is None


@given(ANYTHING)
def test_an_end_is_a_number_that_a_clock_may_reach(said):
    end = said if isinstance(said, int | float) and not isinstance(said, bool) and abs(said) < 2**53 else None
    assert aiola_auth.expiry(jwt(json.dumps({"exp": said}).encode())) == end


def test_keys_and_tokens_are_taken_out_of_what_the_other_side_says():
    said = f"the key {KEY} and the token {JWT} are wrong at voice.example.com"
    assert aiola_auth.without_tokens(said, KEY) == "the key *** and the token *** are wrong at voice.example.com"
    assert aiola_auth.without_tokens("all is well", "") == "all is well"


# --- what words mean


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("authentication failed UNAUTHORIZED", Verdict.TOKEN),
        ("TOKEN_EXPIRED", Verdict.TOKEN),
        ("jwt malformed", Verdict.TOKEN),
        ("MAX_CONCURRENCY_REACHED", Verdict.WAIT),
        ("FORBIDDEN", Verdict.REFUSED),
        ("INVALID_AUDIO_FORMAT", Verdict.REFUSED),
        ("anything else", Verdict.AGAIN),
    ],
)
def test_words_and_what_to_do(words, what):
    assert aiola_auth.meaning(words, renewable=True, otherwise=Verdict.AGAIN) is what
    final = Verdict.REFUSED if what is Verdict.TOKEN else what
    assert aiola_auth.meaning(words, renewable=False, otherwise=Verdict.AGAIN) is final
