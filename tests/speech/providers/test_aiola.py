import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.config import Secret
from edgetx.errors import TryAgain
from edgetx.provider_settings import AiolaSettings
from edgetx.speech.events import Closed, Notice, Opened, Utterance, Verdict
from edgetx.speech.providers.aiola import Aiola
from edgetx.speech.session import HttpAnswer, SocketEvent
from tests.rigs.opening import request_of, walk

KEY = "s3cret-key"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDB9.s3cret"
ANSWERS = [HttpAnswer(200, json.dumps(body).encode()) for body in ({"context": {"token": "t"}}, {"jwt": JWT})]
CONNECT = SocketEvent("connect", ("sid", 1800.0))


def provider(**settings):
    return Aiola("aiola", AiolaSettings(Secret("text", KEY), **settings), KEY, new_id=lambda: "made0new")


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def opened(**settings):
    session = provider(**settings).session()
    session.receive(CONNECT)
    session.events()
    return session


def sound(session):
    """What is to be sent: the sizes of sound, and the names of other events."""
    return [
        len(event.args[0]) if event.name == "binary_data" else (event.name, *event.args) for event in session.to_send()
    ]


def heard(session, *events):
    for name, *args in events:
        session.receive(SocketEvent(name, tuple(args)))
    return session.events()


def transcript(session, words="hello"):
    (utterance,) = heard(session, ("transcript", {"transcript": words}))
    return utterance


# --- the request


def test_the_first_generation_has_its_own_header():
    request = request_of(provider(auth_type="x-api-key").opening())
    assert request.headers == {"x-api-key": KEY}
    assert (request.path, request.namespace) == ("/api/voice-streaming/socket.io", "/events")
    assert query_of(request.url) == {
        "execution_id": "made0new",
        "flow_id": "C5f2da54-6150-47f7-9f36-e7b5dc384859",
        "lang_code": "en_US",
        "time_zone": "UTC",
    }
    assert (request.farewell, request.renewable, request.expires_at) == (None, False, None)


def test_the_second_generation_says_what_its_own_client_does():
    settings = {
        "auth_type": "bearer",
        "endpoint": "http://127.0.0.1:8/events?shard=1#x",
        "namespace": "/transcript",
        "transports": ("polling",),
        "flow_id": "f",
        "execution_id": "exec0123",
        "lang_code": "de_DE",
        "time_zone": "Europe/Berlin",
        "keywords": ["aiola"],
        "vad_config": {"vad_threshold": 0.5, "min_silence_duration_ms": 250},
    }
    request = request_of(provider(**settings).opening())
    assert request.headers == {"Authorization": f"Bearer {KEY}"}
    assert (request.namespace, request.transports) == ("/transcript", ("polling",))
    assert request.url.startswith("http://127.0.0.1:8/?shard=1&execution_id=exec0123&")
    assert query_of(request.url) == {
        "shard": "1",
        "execution_id": "exec0123",
        "flow_id": "f",
        "lang_code": "de_DE",
        "time_zone": "Europe/Berlin",
        "vad_config": '{"vad_threshold": 0.5, "min_silence_duration_ms": 250}',
    }


def test_the_third_generation_opens_a_session_and_gives_it_back():
    tasks = {"TRANSLATION": {"src_lang_code": "en", "dst_lang_code": "de"}}
    third = provider(keywords={"eye ola": "Aiola"}, tasks_config=tasks)
    questions, request = walk(third.opening(), *ANSWERS)
    assert [question.purpose for question in questions] == ["exchange the API key for a token", "begin a session"]
    assert json.loads(questions[1].body) == {"workflow_id": "2c78fcf1-9265-408f-b8c3-d9d7e7ebc1bc"}
    assert request.headers == {"Authorization": f"Bearer {JWT}"}
    assert query_of(request.url) == {
        "execution_id": "made0new",
        "flow_id": "2c78fcf1-9265-408f-b8c3-d9d7e7ebc1bc",
        "time_zone": "UTC",
        "x-aiola-api-token": JWT,
        "keywords": '{"eye ola": "Aiola"}',
        "tasks_config": json.dumps(tasks),
    }
    assert request.farewell.method == "DELETE"
    assert (request.renewable, request.expires_at) == (True, 1800)


def test_each_connection_goes_the_whole_way_again():
    third = provider()
    (one, first), (two, second) = walk(third.opening(), *ANSWERS), walk(third.opening(), *ANSWERS)
    assert len(one) == len(two) == 2
    assert first.farewell == second.farewell


def test_a_no_on_the_way_is_raised():
    with pytest.raises(TryAgain, match="409"):
        walk(provider().opening(), ANSWERS[0], HttpAnswer(409))


def test_an_id_is_made_for_each_session_that_every_generation_takes():
    ids = {
        query_of(request_of(Aiola("a", AiolaSettings(Secret("text", KEY), auth_type="bearer"), KEY).opening()).url)[
            "execution_id"
        ]
        for _ in range(2)
    }
    assert len(ids) == 2
    assert all(made.isalnum() and len(made) == 24 for made in ids)


def test_no_secret_is_shown():
    third = provider()
    questions, request = walk(third.opening(), *ANSWERS)
    assert "s3cret" not in f"{third!r}{third}{questions!r}{request!r}{request}{request.farewell}"


def test_what_the_provider_allows():
    limits = provider().limits
    assert (limits.chunk_ms.best, limits.keepalive_seconds, limits.ends_by_silence) == (256, 30.0, True)
    assert limits.silent_seconds == 35
    assert provider(vad_config={"max_segment_ms": 10_000}).limits.silent_seconds == 15
    assert provider(chunk_samples=1600).limits.chunk_ms.best == 100


@pytest.mark.parametrize("odd", ["x", -1, None, 1e9, float("nan"), True])
def test_a_segment_of_an_odd_length_is_one_of_the_usual(odd):
    assert provider(vad_config={"max_segment_ms": odd}).limits.silent_seconds == 35


# --- beginning


def test_ready_is_the_open_namespace():
    session = provider().session()
    assert session.to_send() == []
    assert heard(session, ("connect", "sid", 1800.0)) == [Opened("sid", 1800.0)]
    assert session.to_send() == []


@pytest.mark.parametrize("args", [(), (None,), (7, "soon"), ("sid", None, "more")])
def test_ready_whatever_comes_with_it(args):
    (event,) = heard(provider().session(), ("connect", *args))
    assert event == Opened("sid" if "sid" in args else "")


@pytest.mark.parametrize(
    ("keywords", "told"), [(["aiola", "ngnix"], b'["aiola", "ngnix"]'), ({"eye ola": "Aiola"}, b'{"eye ola": "Aiola"}')]
)
def test_keywords_go_before_any_sound_and_again_in_each_session(keywords, told):
    configured = provider(auth_type="bearer", keywords=keywords)
    for _ in range(2):
        session = configured.session()
        session.receive(CONNECT)
        session.send_audio(bytes(8192))
        assert sound(session) == [("set_keywords", told), 8192]


def test_a_second_beginning_is_trouble_once():
    (notice,) = heard(opened(), ("connect", "again"), ("connect", "again"))
    assert notice == Notice("provider", {"trouble": "connect is not understood", "excerpt": "('again',)"})


# --- sound


def test_a_live_stream_goes_out_chunk_by_chunk():
    session = opened()
    pcm = bytes(range(256)) * 32
    session.send_audio(pcm)
    assert session.to_send() == [SocketEvent("binary_data", (pcm,))]


@pytest.mark.parametrize("samples", [320, 1600, 4096])
def test_any_length_becomes_chunks_of_the_length_that_is_set(samples):
    session = opened(chunk_samples=samples)
    pcm = bytes(number % 251 for number in range(20_000))
    for start in range(0, len(pcm), 1234):
        session.send_audio(pcm[start : start + 1234])
    out = session.to_send()
    assert {len(event.args[0]) for event in out} == {samples * 2}
    session.finish()
    out += session.to_send()
    assert {len(event.args[0]) for event in out} == {samples * 2}
    sent = b"".join(event.args[0] for event in out)
    assert sent.startswith(pcm)
    assert set(sent[len(pcm) :]) == {0}
    assert len(sent) - len(pcm) >= 16_000


def test_the_end_is_enough_silence_for_the_last_segment():
    session = opened()
    session.send_audio(bytes(100))
    session.finish()
    session.finish()
    assert sound(session) == [8192, 8192]
    session = opened(vad_config={"min_silence_ms": 2000})
    session.send_audio(bytes(100))
    session.finish()
    assert sum(sound(session)) >= 64_100


def test_the_end_of_a_session_without_sound_sends_nothing():
    session = opened()
    session.finish()
    assert session.to_send() == []


def test_while_there_is_no_sound_an_empty_one_keeps_the_session():
    session = provider().session()
    session.keep_alive()
    assert session.to_send() == []
    session.receive(CONNECT)
    session.keep_alive()
    assert session.to_send() == [SocketEvent("binary_data", (b"",))]


# --- commands


def test_keywords_can_be_changed_and_cleared():
    session = opened()
    session.set_keywords(["naïve"])
    session.set_keywords({})
    assert sound(session) == [("set_keywords", b'["na\\u00efve"]'), ("set_keywords", "")]


def test_keywords_that_are_changed_before_the_beginning_go_with_it():
    session = provider(keywords={"a": "b"}).session()
    session.set_keywords({"c": "d"})
    assert session.to_send() == []
    session.receive(CONNECT)
    assert sound(session) == [("set_keywords", b'{"c": "d"}')]


def test_a_form_is_told_what_to_expect():
    session = opened()
    session.set_schema_values({"contact.name": ["John Doe"]})
    assert sound(session) == [("set_schema_values", b'{"contact.name": ["John Doe"]}')]


# --- transcripts


NESTED = {"data": {"name": "Transcript", "value": {"data": {"transcript": "three", "itn_transcript": "3"}}}}


@pytest.mark.parametrize(
    ("said", "text"), [({"transcript": "hello world"}, "hello world"), (NESTED, "three"), ("as a text", "as a text")]
)
def test_each_transcript_is_a_final_segment_in_any_shape(said, text):
    (utterance,) = heard(opened(), ("transcript", said))
    assert (utterance.key, utterance.text, utterance.final) == ("0", text, True)
    assert (utterance.start_ms, utterance.words) == (None, ())


def test_segments_are_numbered_here_and_empty_ones_are_none():
    session = opened()
    events = heard(session, *(("transcript", {"transcript": words}) for words in ("a", " ", "", "b")))
    assert [(event.key, event.text) for event in events] == [("0", "a"), ("1", "b")]


def test_a_segment_ends_before_the_silence_that_ended_it():
    session = opened(vad_config={"min_silence_ms": 300})
    assert transcript(session).end_ms == 0
    session.send_audio(bytes(32_768 + 10))  # 1024 ms in whole chunks
    assert transcript(session).end_ms == 724


def test_the_silence_of_the_end_is_not_a_part_of_the_sound():
    session = opened(vad_config={"min_silence_duration_ms": 100})
    session.send_audio(bytes(32_000))
    session.finish()
    assert transcript(session).end_ms == 1000


@pytest.mark.parametrize("said", [(), (None,), (7,), ({},), ({"transcript": 7},), ({"data": []},), ({"data": {}},)])
def test_a_transcript_that_is_none_is_trouble_once(said):
    session = opened()
    (notice,) = heard(session, ("transcript", *said), ("transcript", *said))
    assert notice.data["trouble"] == "transcript is not understood"


# --- what else is said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("structured", {"results": {"pump": "off"}}),
        ("translation", {"translation": "apaga la bomba"}),
        ("schema_values_updated", {"status": "ok"}),
        ("events", {"name": "FormUpdated", "value": {}}),
        ("sentiment_analysis", [1, None, "x"]),
    ],
)
def test_what_is_said_besides_is_passed_on(name, said):
    assert heard(opened(), (name, said)) == [Notice("provider", {"name": name, "data": said})]


def test_several_arguments_or_none_are_a_list_and_a_name_is_short():
    assert heard(opened(), ("a", 1, b"\xff")) == [Notice("provider", {"name": "a", "data": [1, "\ufffd"]})]
    assert heard(opened(), ("b" * 99,)) == [Notice("provider", {"name": "b" * 40, "data": []})]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"message": "Invalid audio", "details": "too loud"}, "Invalid audio too loud"),
        ("just a text", "just a text"),
        (b"bytes", "bytes"),
        ({"error": {"code": "E1", "message": "nested"}}, "nested E1"),
        ({}, "no reason given"),
        (7, "no reason given"),
        ({"data": {"data": {"data": {"data": "deep"}}}}, "no reason given"),
        ({"message": f"key {KEY} token {JWT}"}, "key *** token ***"),
        ({"message": "x" * 9999}, "x" * 200),
    ],
)
def test_an_error_of_any_shape_is_told_once_and_without_secrets(said, words):
    assert heard(opened(), ("error", said), ("error", said)) == [Notice("provider", {"error": words})]


def test_a_secret_in_what_is_said_besides_or_at_an_edge_is_not_passed_on():
    said = {"echo": [f"Bearer {JWT}", KEY, "x" * 195 + KEY]}
    for name in ("structured", "error", "transcript"):
        session = opened()
        heard_of = heard(session, (name, said), ("error", "y" * 195 + KEY), ("disconnect",))
        session.receive("z" * 195 + KEY)
        assert "s3cre" not in repr([*heard_of, *session.events()])


def test_what_is_no_event_is_trouble_once():
    session = opened()
    session.receive(f"2/other,[{KEY}]")
    session.receive(b"\xff")
    (notice,) = session.events()
    assert notice.data == {"trouble": "not an event of Socket.IO's", "excerpt": "2/other,[***]"}


def test_kinds_of_trouble_are_bounded():
    events = heard(opened(), *(("error", f"number {number}") for number in range(1000)))
    assert len(events) == 32


# --- the end


@pytest.mark.parametrize(
    ("auth_type", "data", "verdict"),
    [
        ("aiola-session", {"message": "authentication failed", "data": {"code": "UNAUTHORIZED"}}, Verdict.TOKEN),
        ("aiola-session", {"message": "token expired", "data": {"code": "TOKEN_EXPIRED"}}, Verdict.TOKEN),
        ("bearer", {"message": "authentication failed", "data": {"code": "UNAUTHORIZED"}}, Verdict.REFUSED),
        ("x-api-key", {"message": "no", "data": {"code": "FORBIDDEN"}}, Verdict.REFUSED),
        ("aiola-session", {"message": "no such flow", "code": "WORKFLOW_NOT_FOUND"}, Verdict.REFUSED),
        ("aiola-session", {"message": "MAX_CONCURRENCY_REACHED"}, Verdict.WAIT),
        ("aiola-session", "whatever", Verdict.REFUSED),
        ("aiola-session", None, Verdict.REFUSED),
    ],
)
def test_a_refusal_in_the_namespace(auth_type, data, verdict):
    session = provider(auth_type=auth_type).session()
    (closed,) = heard(session, ("connect_error", data))
    assert (closed.verdict, closed.clean, closed.code) == (verdict, False, None)
    assert closed.reason.startswith("The provider refused the connection: ")


def test_a_disconnect_without_a_word_passes():
    assert heard(opened(), ("disconnect", "server disconnect")) == [Closed("server disconnect")]


def test_an_error_told_before_a_disconnect_says_why():
    *_, closed = heard(opened(), ("error", {"message": "TOKEN_EXPIRED"}), ("disconnect", "server disconnect"))
    assert closed == Closed("TOKEN_EXPIRED (server disconnect)", verdict=Verdict.TOKEN)


def test_an_error_told_before_the_network_breaks_is_no_reason():
    session = opened()
    heard(session, ("error", {"message": "VALIDATION_ERROR"}))
    session.connection_closed(None, "The connection broke (transport error).")
    assert session.events() == [Closed("The connection broke (transport error).")]


def test_there_is_one_end():
    session = opened()
    heard(session, ("disconnect", "server disconnect"))
    session.connection_closed(None, "x")
    assert heard(session, ("disconnect",), ("connect_error",)) == []
    session = opened()
    session.connection_closed(None, "")
    session.connection_closed(None, "")
    assert session.events() == [Closed("The connection ended without a word.")]


# --- anything


NAMES = st.sampled_from(["connect", "connect_error", "disconnect", "transcript", "error", "structured"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda part: (
        st.lists(part) | st.dictionaries(st.sampled_from(["transcript", "data", "value", "message"]) | st.text(), part)
    ),
    max_leaves=10,
)
MESSAGES = st.builds(SocketEvent, NAMES, st.lists(JSON, max_size=3).map(tuple)) | st.text() | st.binary()


@given(st.lists(MESSAGES | st.integers(0, 9000)))
def test_whatever_comes_in_whatever_order_is_bounded_and_can_be_published(steps):
    session = provider(keywords={"a": "b"}).session()
    events = []
    for step in steps:
        if isinstance(step, int):
            session.send_audio(bytes(step))
        else:
            session.receive(step)
        events += session.events()
    session.connection_closed(None, "")
    events += session.events()
    assert sum(isinstance(event, Closed) for event in events) == 1
    assert sum(isinstance(event, Opened) for event in events) <= 1
    for event in events:
        if isinstance(event, Notice):
            assert len(json.dumps(event.data, allow_nan=False).encode()) < 200_000
        if isinstance(event, Utterance):
            assert 0 <= event.end_ms <= 1000 * len(steps)
    assert len(session._audio) < 8192
