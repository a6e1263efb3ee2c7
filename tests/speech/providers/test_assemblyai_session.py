import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.speech.events import Closed, Notice, Opened, Progress, Received, Utterance, Verdict
from edgetx.speech.providers.assemblyai_audio import Chunker
from edgetx.speech.providers.assemblyai_codes import v3_closes
from edgetx.speech.providers.assemblyai_session import AssemblyAISession
from edgetx.speech.providers.assemblyai_turns import utterance
from tests.rigs.anything import ANYTHING

MS = 32  # bytes


def session(**asked):
    chunker = Chunker(16_000, "pcm_s16le")
    return AssemblyAISession(chunker=chunker, asked=asked, closes=v3_closes(tokens=False), secret="k3y")


def turn(order, text, *, end=False, **more):
    return json.dumps({"type": "Turn", "turn_order": order, "transcript": text, "end_of_turn": end, **more})


def received(talk, *messages):
    for message in messages:
        talk.receive(message)
    return talk.events()


def heard(*messages, **asked):
    events = received(session(**asked), *messages)
    return [(event.key, event.text, event.final) for event in events if isinstance(event, Utterance)]


# --- what is sent


def test_sound_goes_out_in_whole_messages_and_its_rest_before_the_end_is_asked_for():
    talk = session()
    talk.send_audio(b"ab" * 1600)
    assert talk.to_send() == [b"ab" * 1600]
    talk.send_audio(b"\1" * 20)
    talk.finish()
    talk.finish()
    assert talk.to_send() == [b"\1" * 20 + bytes(50 * MS - 20), '{"type":"Terminate"}']


def test_without_audio_only_the_end_is_asked_for():
    talk = session()
    talk.finish()
    assert talk.to_send() == ['{"type":"Terminate"}']


def test_commands_go_out_in_their_place_until_the_end_is_asked_for():
    talk = session()
    talk.send_audio(bytes(100 * MS))
    talk.keep_alive()
    talk.force_endpoint()
    talk.update_configuration(max_turn_silence=900, keyterms_prompt=[])
    assert talk.to_send() == [
        bytes(100 * MS),
        '{"type":"KeepAlive"}',
        '{"type":"ForceEndpoint"}',
        '{"type": "UpdateConfiguration", "max_turn_silence": 900, "keyterms_prompt": []}',
    ]
    talk.finish()
    talk.force_endpoint()
    talk.keep_alive()
    assert talk.to_send() == ['{"type":"Terminate"}']


def test_a_wrong_change_is_refused_and_not_sent():
    talk = session()
    with pytest.raises(ValueError, match="'format_turns' must be true or false"):
        talk.update_configuration(format_turns="yes")
    assert talk.to_send() == []


def test_formatting_can_be_switched_on_in_a_running_session():
    talk = session()
    talk.update_configuration(format_turns=True)
    assert received(talk, turn(0, "hi", end=True, turn_is_formatted=False)) == [Utterance("0", "hi", final=False)]


# --- what the provider says


def test_begin_opens_the_session_once():
    begin = (
        '{"type":"Begin","id":"a8","expires_at":1788775231,"configuration":{"model":"u3","domain":null,"pii":false}}'
    )
    opened, trouble = received(session(), begin, begin)
    assert opened == Opened("a8", 1788775231, {"model": "u3", "pii": False})
    assert trouble.data["trouble"] == "Begin is not understood"


def test_a_bare_begin_opens_it_too():
    assert received(session(), '{"type":"Begin"}') == [Opened("")]


def test_partials_replace_each_other_until_the_final():
    assert heard(turn(0, "a"), turn(0, "a b"), turn(0, "A b.", end=True), turn(1, "c")) == [
        ("0", "a", False),
        ("0", "a b", False),
        ("0", "A b.", True),
        ("1", "c", False),
    ]


def test_an_utterance_holds_what_its_turn_does():
    words = [{"start": 32, "end": 377, "text": "Paris", "confidence": 0.8, "speaker": "A", "word_is_final": True}]
    message = turn(3, "Paris", end=True, words=words, language_code="en", speaker_label="A")
    (heard_of,) = received(session(), message)
    assert heard_of == replace(utterance("3", "Paris", json.loads(message)), final=True)
    assert heard_of.words


def test_a_turn_is_final_once():
    assert heard(turn(0, "a", end=True), turn(0, "A.", end=True), turn(0, "a b")) == [("0", "a", True)]


def test_an_empty_transcript_says_nothing():
    assert heard(turn(0, ""), turn(0, "  ", end=True)) == []


def test_with_formatting_the_formatted_twin_is_the_final():
    assert heard(
        turn(0, "hi there", end=True, turn_is_formatted=False),
        turn(0, "hi"),
        turn(0, "Hi there.", end=True, turn_is_formatted=True),
        format_turns=True,
    ) == [("0", "hi there", False), ("0", "Hi there.", True)]


def test_without_formatting_an_unformatted_end_is_the_final():
    assert heard(turn(0, "hi there", end=True, turn_is_formatted=False)) == [("0", "hi there", True)]


def test_a_held_end_becomes_final_with_the_next_turn():
    assert heard(turn(0, "hi", end=True, turn_is_formatted=False), turn(1, "you"), format_turns=True) == [
        ("0", "hi", False),
        ("0", "hi", True),
        ("1", "you", False),
    ]


def test_a_held_end_becomes_final_when_two_more_seconds_of_audio_have_gone_out():
    talk = session(format_turns=True)
    received(talk, turn(0, "hi", end=True, turn_is_formatted=False))
    talk.send_audio(bytes(1999 * MS))
    assert talk.events() == []
    talk.send_audio(bytes(1 * MS))
    assert talk.events() == [Utterance("0", "hi", final=True)]


def test_a_held_end_becomes_final_when_the_session_ends():
    talk = session(format_turns=True)
    received(talk, turn(0, "hi", end=True, turn_is_formatted=False))
    talk.connection_closed(None, "lost")
    assert talk.events() == [Utterance("0", "hi", final=True), Closed("lost")]


def test_the_session_ends_as_agreed():
    talk = session()
    talk.send_audio(bytes(120 * MS))
    talk.finish()
    ending = '{"type":"Termination","audio_duration_seconds":12.4,"session_duration_seconds":11}'
    assert received(talk, turn(0, "Bye.", end=True), ending) == [Utterance("0", "Bye.", final=True), Progress(120)]
    talk.connection_closed(1000, "")
    talk.connection_closed(1000, "")
    assert talk.events() == [Closed("The provider ended the session without a word.", clean=True, code=1000)]


def test_a_termination_that_nobody_asked_for_settles_nothing():
    talk = session()
    assert received(talk, '{"type":"Termination"}') == []
    talk.connection_closed(1000, "")
    assert not talk.events()[0].clean


def test_close_1000_without_termination_is_not_clean():
    talk = session()
    talk.finish()
    talk.connection_closed(1000, "")
    assert not talk.events()[0].clean


def test_an_error_is_told_at_once_and_again_with_the_close():
    talk = session()
    error = '{"type":"Error","error_code":3007,"error":"too fast"}'
    assert received(talk, error, error) == [Notice("provider", {"error": "too fast", "code": 3007})]
    talk.connection_closed(3007, "See Error message for details")
    assert talk.events() == [Closed("too fast", verdict=Verdict.FEW, code=3007)]


def test_an_error_of_the_old_shape_is_an_error():
    assert received(session(), '{"error":"Model deprecated."}') == [Notice("provider", {"error": "Model deprecated."})]


@pytest.mark.parametrize("code", [None, 1000, 1005, 1006])
def test_an_error_tells_the_cause_when_the_close_has_none(code):
    talk = session()
    received(talk, '{"type":"Error","error_code":3006,"error":"Invalid JSON"}')
    talk.connection_closed(code, "")
    assert talk.events() == [Closed("Invalid JSON", verdict=Verdict.FAULT, code=code)]


def test_a_close_with_a_cause_counts_more_than_the_error_before_it():
    talk = session()
    received(talk, '{"type":"Error","error_code":3006,"error":"Oh"}')
    talk.connection_closed(3008, "")
    assert talk.events() == [Closed("Oh", code=3008)]


def test_a_key_that_the_provider_repeats_is_not_passed_on():
    talk = session()
    shown = received(talk, '{"type":"Error","error":"Wrong: k3y"}', turn(0, "say k3y", end=True), b"k3y", "k3y")
    talk.connection_closed(1008, "Invalid API key k3y")
    shown += talk.events()
    assert len(shown) == 5
    assert "k3y" not in str(shown)
    assert shown[-1].reason == "Wrong: *** (Invalid API key ***)"


def test_a_wrong_key_closes_the_session_as_refused():
    talk = session()
    talk.connection_closed(1008, "Unauthorized Connection: Invalid API key")
    assert talk.events() == [Closed("Unauthorized Connection: Invalid API key", verdict=Verdict.REFUSED, code=1008)]


def test_warnings_and_the_start_of_speech_are_told():
    warning = '{"type":"Warning","warning_code":12,"warning":"ending soon"}'
    started = '{"type":"SpeechStarted","timestamp":1216,"confidence":0.9}'
    assert received(session(), warning, warning, started, '{"type":"Warning"}') == [
        Notice("provider", {"warning": "ending soon", "code": 12}),
        Notice("speech_started"),
        Notice("provider", {"warning": ""}),
    ]


def test_what_begin_says_differently_is_told_after_it():
    begin = '{"type":"Begin","id":"a","configuration":{"model":"m2","mode":"balanced","domain":null}}'
    opened, model, domain = received(session(speech_model="m", mode="balanced", domain="medical-v1"), begin)
    assert isinstance(opened, Opened)
    assert model == Notice("provider", {"warning": "asked for speech_model=m, the provider uses m2"})
    assert domain == Notice("provider", {"warning": "asked for domain=medical-v1, the provider uses null"})


def test_a_heartbeat_says_how_much_sound_has_arrived():
    talk = session()
    talk.send_audio(bytes(12_500 * MS))
    beats = [json.dumps({"type": "Heartbeat", "total_audio_received_ms": ms}) for ms in (12_000, 12_150.5, 99_999)]
    assert received(talk, *beats) == [Received(12_000), Received(12_150.5), Received(12_500)]


def silence(start_ms, end_ms):
    return json.dumps({"type": "Silence", "start_ms": start_ms, "end_ms": end_ms})


def talking(seconds=60):
    talk = session()
    talk.send_audio(bytes(seconds * 1000 * MS))
    return talk


def test_acknowledged_silence_settles_all_but_its_last_second_once():
    beats = (silence(0, 900), silence(900, 3000), silence(2500, 3000), silence(3000, 4000))
    assert received(talking(), *beats) == [Progress(2000), Progress(3000)]


def test_silence_settles_nothing_that_was_not_sent():
    assert received(talking(5), silence(0, 50_000)) == [Progress(4000)]


@pytest.mark.parametrize(
    "under_way",
    ['{"type":"SpeechStarted","timestamp":1216}', turn(0, "a"), turn(0, ""), turn(0, "a", turn_is_formatted=False)],
)
def test_silence_settles_nothing_while_a_turn_is_under_way(under_way):
    talk = talking()
    received(talk, under_way)
    assert received(talk, silence(0, 9000)) == []
    assert received(talk, turn(0, "a", end=True), silence(9000, 10_000))[1:] == [Progress(9000)]


def test_a_turn_that_ended_without_a_word_is_no_longer_under_way():
    talk = talking()
    assert received(talk, turn(0, "", end=True), silence(0, 9000)) == [Progress(8000)]


def test_a_turn_that_was_shown_and_ends_without_a_word_is_settled():
    words = [{"start": 500, "end": 900, "text": "a"}]
    talk = talking(2)
    assert received(talk, turn(0, "a", words=words), turn(0, "", end=True), turn(0, "", end=True))[1:] == [
        Progress(900)
    ]
    assert received(talk, turn(1, "a", words=[{"start": 1000, "end": 5000, "text": "a"}]), turn(1, "", end=True))[
        1:
    ] == [Progress(2000)]
    assert received(talk, turn(2, "a", words=words), turn(2, "a", end=True), turn(3, "", end=True))[2:] == []


def test_an_end_that_is_held_back_is_not_taken_back():
    talk = session(format_turns=True)
    events = received(talk, turn(0, "a", end=True, turn_is_formatted=False), turn(0, "", end=True), turn(1, "b"))
    assert [(event.key, event.final) for event in events] == [("0", False), ("0", True), ("1", False)]


def test_silence_settles_nothing_while_an_end_is_held_back():
    talk = session(format_turns=True)
    talk.send_audio(bytes(60_000 * MS))
    received(talk, turn(0, "hi", end=True, turn_is_formatted=False))
    assert received(talk, silence(0, 9000)) == []


def test_revised_speakers_are_told_by_turn():
    words = [{"start": 32, "end": 377, "text": "Paris", "confidence": 0.8, "speaker": "A", "word_is_final": True}]
    revision = {"type": "SpeakerRevision", "revisions": [{"turn_order": 0, "speaker_label": "A", "words": words}]}
    assert received(session(), json.dumps(revision)) == [
        Notice(
            "speaker_revision",
            {
                "turn": "0",
                "speaker": "A",
                "words": [{"text": "Paris", "start_ms": 32, "end_ms": 377, "speaker": "A"}],
            },
        )
    ]


def test_what_a_language_model_answered_is_told():
    said = '{"type":"LLMGatewayResponse","turn_order":0,"transcript":"Hello.","data":{"a":[1,null]}}'
    assert received(session(), said) == [
        Notice("llm_response", {"turn": "0", "transcript": "Hello.", "data": {"a": [1, None]}})
    ]


# --- what does not fit

BAD = [
    '{"type":"Turn"}',
    '{"type":"Weather"}',
    '{"type":"Heartbeat"}',
    '{"type":"Heartbeat","total_audio_received_ms":-1}',
    '{"type":"Silence","end_ms":"9000"}',
    '{"type":"SpeakerRevision","revisions":{}}',
    '{"type":["Turn"]}',
    "{}",
]


@pytest.mark.parametrize("message", BAD)
def test_a_bad_message_is_noticed_once_and_the_session_goes_on(message):
    notice, utterance = received(session(), message, message, turn(0, "a", end=True))
    assert notice.name == "provider"
    assert len(notice.data["excerpt"]) <= 200
    assert utterance.text == "a"


def test_a_turn_of_wrong_types_is_a_bad_message():
    bad = [turn("0", "a"), turn(0, 7), turn(0, "a", end="yes"), turn(0.5, "a"), turn(-1, "a")]
    assert [event.data["trouble"] for event in received(session(), *bad)] == ["Turn is not understood"]


KINDS = ["Begin", "Turn", "Termination", "Error", "Warning", "SpeechStarted"]
KINDS += ["Heartbeat", "Silence", "SpeakerRevision", "LLMGatewayResponse"]
word = st.fixed_dictionaries({"text": st.text() | ANYTHING, "start": st.integers(0, 9) | ANYTHING, "end": ANYTHING})
known = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        "turn_order": st.integers(0, 3) | ANYTHING,
        "transcript": st.text() | ANYTHING,
        "end_of_turn": st.booleans() | ANYTHING,
        "turn_is_formatted": st.booleans(),
        "words": st.lists(word) | ANYTHING,
        "configuration": st.dictionaries(st.sampled_from(["model", "mode", "domain"]), ANYTHING) | ANYTHING,
        "error": st.text() | ANYTHING,
        "error_code": st.integers() | ANYTHING,
        "expires_at": ANYTHING,
        "total_audio_received_ms": st.integers() | ANYTHING,
        "end_ms": st.integers(0, 10_000) | ANYTHING,
        "revisions": st.lists(st.fixed_dictionaries({"turn_order": st.integers(0, 3), "words": ANYTHING}) | ANYTHING),
        "data": ANYTHING,
    },
)
TURN = {"type": "Turn", "turn_order": 0, "transcript": "a b", "end_of_turn": True, "turn_is_formatted": True}
TURN |= {"words": [{"start": 0, "end": 5, "text": "a", "confidence": 0.9, "word_is_final": True}], "utterance": "a b"}
plausible = [
    TURN,
    {"type": "Begin", "id": "a8", "expires_at": 1788775231, "configuration": {"model": "u3", "domain": None}},
    {"type": "Heartbeat", "total_audio_received_ms": 1200, "total_duration_ms": 1215, "realtime_factor": 0.98},
    {"type": "Silence", "start_ms": 8000, "end_ms": 9000},
    {"type": "SpeakerRevision", "revisions": [{"turn_order": 0, "speaker_label": "A", "words": TURN["words"]}]},
    {"type": "Error", "error_code": 3007, "error": "Input Duration Violation"},
    {"type": "Termination", "audio_duration_seconds": 11, "session_duration_seconds": 11},
]


@st.composite
def mangled(draw):
    """A message as the vendor sends it, with one field left out or turned into anything."""
    message = dict(draw(st.sampled_from(plausible)))
    name = draw(st.sampled_from(sorted(message)))
    message[name] = draw(ANYTHING)
    if draw(st.booleans()):
        del message[name]
    return message


messages = st.text() | st.binary() | ANYTHING.map(json.dumps) | known.map(json.dumps) | mangled().map(json.dumps)


@given(st.lists(messages, max_size=8), st.booleans())
def test_nothing_that_is_received_raises_and_no_turn_is_final_twice(stream, formatted):
    talk = session(format_turns=formatted, speech_model="u3", mode="balanced")
    talk.send_audio(bytes(100 * MS))
    events = received(talk, *stream)
    assert len(events) <= 3 + sum(
        4 + (message if isinstance(message, str) else "").count("turn_order") for message in stream
    )
    talk.connection_closed(1006, "gone")
    events += talk.events()
    finals = [event.key for event in events if isinstance(event, Utterance) and event.final]
    assert len(finals) == len(set(finals))
    assert [type(event) for event in events].count(Closed) == 1
    for event in events:  # All of it can be published.
        json.dumps(getattr(event, "data", None), allow_nan=False).encode()
        getattr(event, "text", "").encode()


def test_what_is_remembered_is_bounded():
    talk = session()
    for order in range(2000):
        received(
            talk, turn(order, "x", end=True), json.dumps({"type": "Warning", "warning": "w", "warning_code": order})
        )
    kept = [value for value in vars(talk).values() if hasattr(value, "__len__")]
    assert max(map(len, kept)) <= 100
