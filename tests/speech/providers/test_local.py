import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.provider_settings import LocalSettings
from edgetx.speech.events import Closed, Notice, Opened, Progress, Utterance, Verdict, Word
from edgetx.speech.providers.local import Local, LocalSession
from tests.rigs.anything import ANYTHING
from tests.rigs.opening import request_of


def said(**message: object) -> str:
    return json.dumps(message)


def test_a_session_from_ready_to_done():
    session = Local("local", LocalSettings()).session()
    session.receive(said(type="ready", model="en-us"))
    session.send_audio(b"\1\0" * 1600)
    word = {"text": "yes", "start_ms": 100, "end_ms": 400}
    for kind in ("partial", "final"):
        session.receive(said(type=kind, key="0000", text="yes", start_ms=90, end_ms=410, words=[word]))
    session.receive(said(type="heard", until_ms=410))
    session.finish()
    session.finish()
    session.receive(said(type="done"))
    assert session.to_send() == [b"\1\0" * 1600, '{"type": "finish"}']
    yes = (Word("yes", 100, 400),)
    assert session.events() == [
        Opened("pocketsphinx", details={"model": "en-us"}),
        Utterance("0000", "yes", False, 90, 410, yes, language="en"),
        Utterance("0000", "yes", True, 90, 410, yes, language="en"),
        Progress(410),
        Closed("The session was finished.", clean=True),
    ]


def test_a_child_that_dies_may_be_tried_again():
    session = LocalSession()
    session.connection_closed(-9, "The recogniser's process ended with status -9.")
    assert session.events() == [Closed("The recogniser's process ended with status -9.", code=-9)]


def test_a_child_that_cannot_use_its_settings_has_refused():
    session = LocalSession()
    session.receive(said(type="error", message="The grammar is wrong."))
    session.connection_closed(0, "ended")
    assert session.events() == [Closed("The grammar is wrong.", verdict=Verdict.REFUSED, code=0)]


ODD = [
    "garbage",
    said(type="final"),
    said(type="weather"),
    said(type="ready"),
    said(type="heard", until_ms="now"),
    said(type="error"),
    said(type=["done"]),
]
UTTERANCE = {"type": "final", "key": "0", "text": "a", "start_ms": 0, "end_ms": 9, "words": []}
ODD += [json.dumps({**UTTERANCE, **odd}) for odd in ({"key": 1}, {"text": 1}, {"start_ms": "0"}, {"end_ms": -1})]


@pytest.mark.parametrize("message", ODD)
def test_what_is_not_understood_is_told_once_and_the_session_goes_on(message):
    session = LocalSession()
    for line in (message, message, json.dumps(UTTERANCE)):
        session.receive(line)
    notice, utterance = session.events()
    assert isinstance(notice, Notice)
    assert len(notice.data["warning"]) < 600
    assert utterance == Utterance("0", "a", True, 0, 9, language="en")


@pytest.mark.parametrize(
    "words", [{}, [7], [{"text": "a", "start_ms": 0}], [{"text": "a", "start_ms": 0, "end_ms": "9"}]]
)
def test_words_that_are_none_are_left_out(words):
    session = LocalSession()
    session.receive(json.dumps({**UTTERANCE, "words": words}))
    assert session.events() == [Utterance("0", "a", True, 0, 9, language="en")]


def test_there_is_one_end():
    session = LocalSession()
    session.receive(said(type="done"))
    session.connection_closed(0, "The recogniser's process ended with status 0.")
    assert session.events() == [Closed("The session was finished.", clean=True)]


def test_the_request_carries_what_to_recognise():
    request = request_of(Local("local", LocalSettings(keyphrases=("hey you",))).opening())
    assert json.loads(request.argv[-1]) == {"grammar": None, "keyphrases": ["hey you"]}


known = st.fixed_dictionaries(
    {"type": st.sampled_from(["ready", "partial", "final", "heard", "done", "error"])},
    optional=dict.fromkeys(("model", "key", "text", "start_ms", "end_ms", "words", "until_ms", "message"), ANYTHING),
)


@given(st.lists(st.text() | st.binary() | ANYTHING.map(json.dumps) | known.map(json.dumps), max_size=8))
def test_nothing_that_is_received_raises_or_piles_up(lines):
    session = LocalSession()
    for line in lines:
        session.receive(line)
    events = session.events()
    assert len(events) <= len(lines)
    assert sum(isinstance(event, Notice) for event in events) <= 1
    json.dumps([getattr(event, "data", None) for event in events], allow_nan=False).encode()
