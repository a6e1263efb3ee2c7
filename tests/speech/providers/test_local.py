import json

from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.provider_settings import LocalSettings
from edgetx.speech.events import Closed, Notice, Opened, Progress, Utterance, Verdict, Word
from edgetx.speech.providers.local import Local, LocalSession
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
    assert session.to_send() == []
    yes = (Word("yes", 100, 400),)
    assert session.events() == [
        Opened("pocketsphinx", details={"model": "en-us"}),
        Utterance("0000", "yes", False, 90, 410, yes, language="en"),
        Utterance("0000", "yes", True, 90, 410, yes, language="en"),
        Progress(410),
        Closed("The session was finished.", clean=True),
    ]
    assert session.events() == []


def test_a_child_that_dies_may_be_tried_again():
    session = LocalSession()
    session.connection_closed(-9, "The recogniser's process ended with status -9.")
    assert session.events() == [Closed("The recogniser's process ended with status -9.", code=-9)]


def test_a_child_that_cannot_use_its_settings_has_refused():
    session = LocalSession()
    session.receive(said(type="error", message="The grammar is wrong."))
    session.connection_closed(0, "ended")
    assert session.events() == [Closed("The grammar is wrong.", verdict=Verdict.REFUSED, code=0)]


def test_what_is_not_understood_is_noticed_and_nothing_else():
    session = LocalSession()
    for message in ("[]", b"\xff", "garbage", said(type="final"), said(type="weather"), "null"):
        session.receive(message)
    assert [type(event) for event in session.events()] == [Notice] * 6


def test_the_request_carries_what_to_recognise():
    request = request_of(Local("local", LocalSettings(keyphrases=("hey you",))).opening())
    assert json.loads(request.argv[-1]) == {"grammar": None, "keyphrases": ["hey you"]}


@settings(max_examples=10)
@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x, max_size=2), max_leaves=4)
)
def test_no_message_raises(message):
    LocalSession().receive(json.dumps(message))
