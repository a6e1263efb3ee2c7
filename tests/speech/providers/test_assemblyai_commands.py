import json

import pytest

from edgetx.speech.providers.assemblyai_commands import FORCE_ENDPOINT, KEEP_ALIVE, TERMINATE, update_configuration

EVERYTHING = {
    "end_of_turn_confidence_threshold": 0.5,
    "min_turn_silence": 100,
    "max_turn_silence": 900,
    "vad_threshold": 1,
    "format_turns": True,
    "keyterms_prompt": ["Aiola"],
    "filter_profanity": False,
    "prompt": "a",
    "agent_context": "b",
    "interruption_delay": 0,
    "turn_left_pad_ms": 5,
    "language_codes": [],
    "session_heartbeat": True,
    "acknowledge_silence": False,
}


def test_the_plain_commands_are_the_vendors():
    assert [json.loads(message) for message in (FORCE_ENDPOINT, KEEP_ALIVE, TERMINATE)] == [
        {"type": "ForceEndpoint"},
        {"type": "KeepAlive"},
        {"type": "Terminate"},
    ]


def test_everything_that_can_be_changed_goes_as_it_is():
    assert json.loads(update_configuration(EVERYTHING)) == {"type": "UpdateConfiguration", **EVERYTHING}


@pytest.mark.parametrize(
    ("name", "value", "due"),
    [
        ("format_turns", 1, "true or false"),
        ("format_turns", "true", "true or false"),
        ("min_turn_silence", 1.5, "a whole number"),
        ("min_turn_silence", True, "a whole number"),
        ("vad_threshold", "0.5", "a number"),
        ("vad_threshold", False, "a number"),
        ("vad_threshold", float("nan"), "a number"),
        ("vad_threshold", float("inf"), "a number"),
        ("prompt", None, "a text"),
        ("prompt", ["a"], "a text"),
        ("keyterms_prompt", "a", "a list of texts"),
        ("keyterms_prompt", ["a", 7], "a list of texts"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_by_name(name, value, due):
    with pytest.raises(ValueError, match=f"'{name}' must be {due}, not "):
        update_configuration({name: value})


def test_what_a_running_session_cannot_change_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^'speech_model' cannot be changed in a running session; that can be: "):
        update_configuration({"speech_model": "u3"})


def test_an_error_is_bounded():
    with pytest.raises(ValueError) as raised:  # noqa: PT011  (its length is what matters)
        update_configuration({"min_turn_silence": "x" * 10_000})
    assert len(str(raised.value)) < 120
