import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.speech.events import Utterance, Word
from edgetx.speech.providers.assemblyai_turns import answer, ignored, revisions, session_ms, utterance
from tests.rigs.anything import ANYTHING

WORD = {"start": 32, "end": 377, "text": "Paris", "confidence": 0.8, "speaker": "A", "word_is_final": True}


def test_words_give_an_utterance_its_times_and_its_confidence():
    words = [WORD, {"start": 400.5, "end": 500, "text": "at", "confidence": 0.6, "speaker": "PENDING"}]
    said = {"words": words, "speaker_label": "A", "language_code": "en"}
    assert utterance("3", "Paris at", said) == Utterance(
        "3",
        "Paris at",
        final=False,
        start_ms=32,
        end_ms=500,
        words=(Word("Paris", 32, 377, 0.8, "A"), Word("at", 400.5, 500, 0.6)),
        speaker="A",
        language="en",
        confidence=pytest.approx(0.7),
    )


def test_without_words_there_are_no_times():
    assert utterance("0", "a", {"words": "none", "speaker_label": "UNKNOWN"}) == Utterance("0", "a", final=False)


def test_words_that_are_none_are_left_out():
    impossible = [
        7,
        {},
        {"text": "x", "start": 5},
        {"text": "x", "start": -1, "end": 5},
        {"text": "x", "start": 9, "end": 5},
        {"text": "x", "start": 0, "end": 1e12},
        {"text": "", "start": 0, "end": 5},
        {"text": "ok", "start": 0, "end": 5},
    ]
    assert utterance("0", "x", {"words": impossible}).words == (Word("ok", 0, 5),)


@pytest.mark.parametrize(("value", "ms"), [(0, 0), (5.5, 5.5), (-1, None), (1e12, None), ("5", None), (None, None)])
def test_a_time_of_a_session_is_within_a_day(value, ms):
    assert session_ms(value) == ms


# --- revised speakers


def test_each_revised_turn_is_told_with_its_words():
    pending = WORD | {"speaker": "PENDING"}
    said = [{"turn_order": 4, "speaker_label": "B", "words": [WORD]}, {"turn_order": 5, "words": [pending]}]
    times = {"text": "Paris", "start_ms": 32, "end_ms": 377}
    assert list(revisions(said)) == [
        {"turn": "4", "speaker": "B", "words": [times | {"speaker": "A"}]},
        {"turn": "5", "words": [times]},
    ]


def test_revisions_that_are_none_are_left_out():
    assert list(revisions([7, {}, {"turn_order": "0"}, {"turn_order": 1, "words": 7}])) == [{"turn": "1", "words": []}]
    assert list(revisions({"turn_order": 1})) == []


def test_revisions_are_bounded():
    assert len(list(revisions([{"turn_order": n} for n in range(500)]))) == 100
    (told,) = revisions([{"turn_order": 0, "words": [WORD | {"text": "x" * 5000}] * 1500}])
    assert len(told["words"]) == 1000
    assert len(told["words"][0]["text"]) == 200


# --- a language model's answer


def test_an_answer_is_told_as_it_is():
    said = {
        "turn_order": 0,
        "transcript": "Hello.",
        "data": {"choices": [{"text": "Hi", "n": 1.5, "ok": True, "no": None}]},
    }
    assert answer(said) == {"turn": "0", "transcript": "Hello.", "data": said["data"]}


def test_an_answer_to_no_turn_is_told_too():
    assert answer({"turn_order": "x", "transcript": 7}) == {"transcript": "", "data": None}


def test_too_large_an_answer_is_told_by_its_beginning():
    told = answer({"turn_order": 1, "transcript": "x" * 100_000, "data": ["y" * 50_000]})
    assert told["excerpt"] == '["' + "y" * 198
    assert len(json.dumps(told)) < 20_000


def test_what_is_nested_too_deep_is_cut():
    deep = json.loads("[" * 500 + "]" * 500)
    assert len(json.dumps(answer({"data": deep}))) < 100


@given(st.fixed_dictionaries({}, optional={"turn_order": ANYTHING, "transcript": ANYTHING, "data": ANYTHING}))
def test_any_answer_can_be_published(said):
    told = answer(said)
    assert set(told) <= {"turn", "transcript", "data", "excerpt"}
    assert isinstance(told["transcript"], str)
    assert len(json.dumps(told, allow_nan=False).encode()) < 50_000


# --- what the provider ignored


def test_what_is_as_asked_for_is_not_told():
    asked = {
        "speech_model": "u3",
        "vad_threshold": 0.4,
        "redact_pii": True,
        "sample_rate": 16000,
        "keyterms_prompt": ["a"],
    }
    says = {
        "model": "u3",
        "vad_threshold": "0.40",
        "redact_pii": "True",
        "sample_rate": 16000.0,
        "keyterms_prompt": ["a"],
    }
    assert list(ignored(asked, says)) == []


def test_a_name_that_only_one_side_has_is_not_told():
    assert list(ignored({"speech_model": "u3", "prompt": "p"}, {"mode": "balanced", "api_version": "2025"})) == []


@pytest.mark.parametrize("configuration", [None, 7, ["model"], "model"])
def test_without_a_configuration_nothing_is_told(configuration):
    assert list(ignored({"speech_model": "u3"}, configuration)) == []


@pytest.mark.parametrize(
    ("wanted", "used", "told"),
    [
        ("a", "b", "asked for x=a, the provider uses b"),
        (True, False, "asked for x=true, the provider uses false"),
        (True, 1, "asked for x=true, the provider uses 1"),
        (0.4, 0.7, "asked for x=0.4, the provider uses 0.7"),
        ("medical-v1", None, "asked for x=medical-v1, the provider uses null"),
        (["a"], [], 'asked for x=["a"], the provider uses []'),
        ("p" * 90 + "1", "p" * 90 + "2", f"asked for x={'p' * 80}, the provider uses {'p' * 80}"),
    ],
)
def test_what_differs_is_told_by_name(wanted, used, told):
    assert list(ignored({"x": wanted}, {"x": used})) == [("x", told)]


def test_a_model_of_its_own_name_is_compared_too():
    assert list(ignored({"speech_model": "a"}, {"speech_model": "a"})) == []


@given(ANYTHING, ANYTHING)
def test_any_configuration_can_be_published(wanted, used):
    for _, told in ignored({"x": wanted}, {"x": used}):
        assert len(told.encode()) < 1000
