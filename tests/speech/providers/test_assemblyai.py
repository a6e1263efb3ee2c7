import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.config import Secret
from edgetx.provider_settings import AssemblyAISettings
from edgetx.speech.closing import verdict
from edgetx.speech.events import Closed, Notice, Opened, Progress, Utterance, Verdict, Word
from edgetx.speech.providers.assemblyai import _CLOSES, AssemblyAI
from tests.rigs.opening import request_of

MS = 32  # bytes


def provider(**settings):
    return AssemblyAI("aai", AssemblyAISettings(api_key=Secret("text", "k3y"), **settings), "k3y")


def session(**settings):
    return provider(**settings).session()


def query(**settings):
    return {
        name: values[0]
        for name, values in parse_qs(urlsplit(request_of(provider(**settings).opening()).url).query).items()
    }


def turn(order, text, *, end=False, **more):
    return json.dumps({"type": "Turn", "turn_order": order, "transcript": text, "end_of_turn": end, **more})


def received(talk, *messages):
    for message in messages:
        talk.receive(message)
    return talk.events()


def heard(*messages, **settings):
    events = received(session(**settings), *messages)
    return [(event.key, event.text, event.final) for event in events if isinstance(event, Utterance)]


# --- the request


def test_the_smallest_settings_ask_for_16_khz_pcm_of_the_named_model():
    assert query() == {
        "sample_rate": "16000",
        "encoding": "pcm_s16le",
        "speech_model": "universal-streaming-english",
        "format_turns": "false",
    }
    assert request_of(provider().opening()).url.startswith("wss://streaming.assemblyai.com/v3/ws?")


def test_numbers_are_text_booleans_lower_case_and_lists_json():
    asked = query(
        format_turns=True,
        keyterms=("Aiola", "x y", "naïve"),
        end_of_turn_confidence_threshold=0.5,
        min_turn_silence=300,
        max_turn_silence=2000,
        extra={
            "language_detection": True,
            "vad_threshold": 0.4,
            "language_codes": ["en"],
            "prompt": "a & b",
            "mode": None,
        },
    )
    assert asked["format_turns"] == "true"
    assert json.loads(asked["keyterms_prompt"]) == ["Aiola", "x y", "naïve"]
    assert (asked["end_of_turn_confidence_threshold"], asked["min_turn_silence"], asked["max_turn_silence"]) == (
        "0.5",
        "300",
        "2000",
    )
    assert (asked["language_detection"], asked["vad_threshold"], asked["language_codes"], asked["prompt"]) == (
        "true",
        "0.4",
        '["en"]',
        "a & b",
    )
    assert "mode" not in asked


def test_what_the_audio_is_cannot_be_overridden():
    assert query(extra={"sample_rate": 8000, "encoding": "pcm_mulaw"})["sample_rate"] == "16000"


def test_the_key_goes_raw_into_a_header_and_nowhere_else():
    request = request_of(provider().opening())
    assert request.headers == {"Authorization": "k3y", "AssemblyAI-Version": "2025-05-12"}
    assert "k3y" not in f"{request} {provider()}"


def test_another_address_keeps_its_own_query():
    url = request_of(provider(url="ws://127.0.0.1:8000/v3/ws?tenant=a").opening()).url
    assert url.startswith("ws://127.0.0.1:8000/v3/ws?tenant=a&speech_model=")


def test_the_limits_are_the_vendors():
    limits = provider().limits
    assert (limits.chunk_ms.min, limits.chunk_ms.best, limits.chunk_ms.max) == (50, 100, 1000)
    assert 1 < limits.replay_rate < 1.25


# --- audio


def test_a_chunk_of_the_best_length_goes_out_at_once_and_as_it_is():
    talk = session()
    talk.send_audio(b"ab" * 1600)
    assert talk.to_send() == [b"ab" * 1600]
    assert talk.to_send() == []


def test_short_pieces_are_gathered():
    talk = session()
    for _ in range(3):
        talk.send_audio(bytes(40 * MS))
    assert [len(message) for message in talk.to_send()] == [120 * MS]


def test_a_short_rest_is_filled_up_with_silence_before_the_end_is_asked_for():
    talk = session()
    talk.send_audio(b"\1" * 21)
    talk.finish()
    talk.finish()
    assert talk.to_send() == [b"\1" * 21 + bytes(50 * MS - 21), '{"type":"Terminate"}']


def test_without_audio_only_the_end_is_asked_for():
    talk = session()
    talk.finish()
    assert talk.to_send() == ['{"type":"Terminate"}']


@given(st.lists(st.binary(max_size=40) | st.integers(0, 2500 * MS).map(bytes), max_size=8))
def test_whatever_lengths_are_given_every_message_holds_50_to_1000_ms_and_no_byte_is_lost(pieces):
    talk = session()
    for piece in pieces:
        talk.send_audio(piece)
    talk.finish()
    *audio, end = talk.to_send()
    assert end == '{"type":"Terminate"}'
    assert all(50 * MS <= len(message) <= 1000 * MS and len(message) % 2 == 0 for message in audio)
    sent, wanted = b"".join(audio), b"".join(pieces)
    assert sent.startswith(wanted)
    assert not any(sent[len(wanted) :])
    assert len(sent) - len(wanted) < 50 * MS


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


def test_words_give_the_times_and_the_confidence():
    words = [
        {"start": 32, "end": 377, "text": "Paris", "confidence": 0.8, "speaker": "A", "word_is_final": True},
        {"start": 400.5, "end": 500, "text": "at", "confidence": 0.6, "speaker": "PENDING"},
    ]
    message = turn(3, "Paris at", end=True, words=words, language_code="en", speaker_label="A")
    assert received(session(), message) == [
        Utterance(
            "3",
            "Paris at",
            final=True,
            start_ms=32,
            end_ms=500,
            words=(Word("Paris", 32, 377, 0.8, "A"), Word("at", 400.5, 500, 0.6)),
            speaker="A",
            language="en",
            confidence=pytest.approx(0.7),
        )
    ]


def test_words_that_are_none_are_left_out():
    impossible = [
        7,
        {},
        {"text": "x", "start": 5},
        {"text": "x", "start": -1, "end": 5},
        {"text": "x", "start": 9, "end": 5},
        {"text": "x", "start": 0, "end": 1e12},
        {"text": "ok", "start": 0, "end": 5},
    ]
    (utterance,) = received(session(), turn(0, "x", words=impossible))
    assert utterance.words == (Word("ok", 0, 5),)
    assert utterance.confidence is None
    (utterance,) = received(session(), turn(0, "x", words="none"))
    assert (utterance.start_ms, utterance.end_ms, utterance.words) == (None, None, ())


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


@pytest.mark.parametrize(
    ("error", "reason", "told"),
    [
        ("too fast", "See Error message for details", "too fast"),
        ("too fast", "", "too fast"),
        ("Input Error: too fast", "too fast", "Input Error: too fast"),
        ("too fast", "Error: too fast", "Error: too fast"),
        ("too fast", "reset by peer", "too fast (reset by peer)"),
        (7, "", "The provider reported an error without a word."),
    ],
)
def test_the_text_of_an_error_is_told_with_the_close(error, reason, told):
    talk = session()
    (notice,) = received(talk, json.dumps({"type": "Error", "error_code": 3007, "error": error}))
    assert notice.name == "provider"
    assert notice.data["code"] == 3007
    talk.connection_closed(3007, reason)
    assert talk.events() == [Closed(told, code=3007)]


def test_an_error_of_the_old_shape_is_an_error():
    assert received(session(), '{"error":"Model deprecated."}') == [Notice("provider", {"error": "Model deprecated."})]


@pytest.mark.parametrize(
    ("code", "words", "refused"),
    [
        (1008, "Unauthorized Connection: Missing Authorization header", True),
        (1008, "Unauthorized connection: Incorrect padding", False),
        (1008, "Too many concurrent sessions", False),
        (4001, "Not Authorized", True),
        (4002, "", True),
        (4003, "", True),
        (3008, "Session Expired", False),
        (None, "lost", False),
    ],
)
def test_only_some_closes_are_refusals(code, words, refused):
    assert (verdict(_CLOSES, code, words) is Verdict.REFUSED) is refused


def test_a_wrong_key_closes_the_session_as_refused():
    talk = session()
    talk.connection_closed(1008, "Unauthorized Connection: Invalid API key")
    assert talk.events() == [Closed("Unauthorized Connection: Invalid API key", verdict=Verdict.REFUSED, code=1008)]


def test_warnings_and_the_start_of_speech_are_told_and_what_we_do_not_use_is_not():
    unused = [json.dumps({"type": kind}) for kind in ("Heartbeat", "Silence", "SpeakerRevision", "LLMGatewayResponse")]
    warning = '{"type":"Warning","warning_code":12,"warning":"ending soon"}'
    started = '{"type":"SpeechStarted","timestamp":1216,"confidence":0.9}'
    assert received(session(), *unused, warning, warning, started, '{"type":"Warning"}') == [
        Notice("provider", {"warning": "ending soon", "code": 12}),
        Notice("speech_started"),
        Notice("provider", {"warning": ""}),
    ]


# --- what does not fit

BAD = [
    "}{",
    "[" * 100_000,
    b"\xff\x00",
    "[1]",
    "7",
    '{"type":"Turn"}',
    '{"type":"Weather"}',
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


def test_notices_are_bounded():
    assert len(received(session(), *(json.dumps({"type": f"T{n}"}) for n in range(1000)))) == 32


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
known = st.fixed_dictionaries(
    {"type": st.sampled_from(["Begin", "Turn", "Termination", "Error", "Warning", "SpeechStarted"])},
    optional={
        "turn_order": st.integers(0, 3) | anything,
        "transcript": st.text() | anything,
        "end_of_turn": st.booleans() | anything,
        "turn_is_formatted": st.booleans(),
        "words": st.lists(st.fixed_dictionaries({"text": anything, "start": anything, "end": anything})) | anything,
        "configuration": anything,
        "error": anything,
        "expires_at": anything,
    },
)
messages = st.text() | st.binary() | anything.map(json.dumps) | known.map(json.dumps)


@settings(max_examples=25)
@given(st.lists(messages, max_size=8), st.booleans())
def test_nothing_that_is_received_raises_and_no_turn_is_final_twice(stream, formatted):
    talk = session(format_turns=formatted)
    events = received(talk, *stream)
    assert len(events) <= 2 * len(stream)
    talk.connection_closed(1006, "gone")
    events += talk.events()
    finals = [event.key for event in events if isinstance(event, Utterance) and event.final]
    assert len(finals) == len(set(finals))
    assert [type(event) for event in events].count(Closed) == 1
