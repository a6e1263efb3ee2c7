import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edgetx.mqtt.commands import (
    BURST,
    MAX_BYTES,
    MAX_CORRELATION_BYTES,
    PER_SECOND,
    Asker,
    Incoming,
    Pace,
    Request,
    read,
    request,
    response,
    switches,
)
from edgetx.mqtt.schemas import schema
from edgetx.mqtt.topics import Kind, Response, Topics

TOPICS = Topics("house/edgetx", "kitchen")
REQUEST, RESPONSE = (Draft202012Validator(schema(kind)) for kind in ("request", "response"))
MUTE = "house/edgetx/kitchen/request/mute"
ANSWER = "house/edgetx/kitchen/response/mute"


def asked(payload, topic=MUTE, **more):
    return read(
        Incoming(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), **more), TOPICS
    )


def told(answer):
    assert isinstance(answer, Response)
    assert (answer.qos, answer.retain, answer.durable, answer.kind) == (1, False, False, Kind.RESPONSE)
    fields = json.loads(answer.payload)
    RESPONSE.validate(fields)
    return fields


def error(payload, topic=MUTE):
    fields = told(asked(payload, topic))
    assert fields["status"] == "error"
    return fields["error"]


# --- what is understood -----------------------------------------------------------------------------------------


def test_a_request_names_a_microphone_or_means_all():
    assert asked({"microphone": "desk"}) == Request("mute", "desk", Asker(ANSWER))
    assert asked({}) == Request("mute", None, Asker(ANSWER))


@pytest.mark.parametrize("name", ["mute", "unmute", "state"])
def test_each_name_is_answered_on_its_topic(name):
    assert asked({}, TOPICS.request(name)) == Request(name, None, Asker(f"house/edgetx/kitchen/response/{name}"))


@pytest.mark.parametrize("transaction", ["a", "", 7, -1.5, True, False, 10**40])
def test_a_transaction_of_any_single_value_comes_back(transaction):
    asker = asked({"transaction": transaction}).asker
    assert told(asker.told({})) == {"status": "ok", "data": {}, "transaction": transaction}
    assert told(asker.denied("No.")) == {"status": "error", "error": "No.", "transaction": transaction}


def test_without_a_transaction_none_comes_back():
    assert told(asked({"transaction": None}).asker.told({})) == {"status": "ok", "data": {}}


def test_response_topic_and_correlation_data_are_heeded():
    asker = asked({}, response_topic="me/42", correlation=b"\x00\xff").asker
    answer = asker.told({"desk": {"muted": True, "capture": "muted"}})
    assert (answer.topic, answer.correlation) == ("me/42", b"\x00\xff")
    told(answer)


def test_what_we_ask_ourselves_is_understood_and_so_is_the_answer():
    published = request(TOPICS, "mute", "desk", transaction="t")
    REQUEST.validate(json.loads(published.payload))
    assert (published.qos, published.retain) == (1, False)
    understood = read(Incoming(published.topic, published.payload), TOPICS)
    assert understood == Request("mute", "desk", Asker(ANSWER, transaction="t"))
    state = {"desk": {"muted": True, "capture": "muted"}}
    assert response(Incoming(ANSWER, understood.asker.told(state).payload), "t") == state
    assert response(Incoming(ANSWER, understood.asker.denied("No.").payload), "t") == "No."
    assert json.loads(request(TOPICS, "mute", None, transaction="t").payload) == {"transaction": "t"}


# --- what is not ------------------------------------------------------------------------------------------------


def test_an_empty_request_is_not_one_for_all():
    assert error(b"") == "The request is empty; send {} to mean every microphone."


def test_a_misspelt_field_does_not_mean_all():
    assert error({"microhpone": "desk"}) == "A request has no field 'microhpone'; did you mean 'microphone'?"
    assert error({"colour": 1}) == "A request has no field 'colour'."


@pytest.mark.parametrize("microphone", [None, 1, ["desk"], {}])
def test_a_microphone_is_a_name(microphone):
    assert error({"microphone": microphone}) == "The microphone must be a name; without one, all are meant."


def test_an_unknown_request_is_told_which_there_are():
    assert error({}, TOPICS.request("reboot")) == "There is no request 'reboot'; there is 'mute', 'unmute' or 'state'."


def test_a_transaction_of_many_values_is_none():
    assert error({"transaction": [1]}) == "The transaction must be a single value."


@pytest.mark.parametrize("payload", [b"\xff", b"mute", b"7", b"[" * 4000, b'{"a":' * 800, b'{"transaction": NaN}'])
def test_what_is_no_object_is_said_to_be_none(payload):
    assert error(payload) == "The request is no JSON object."


def test_a_request_that_is_too_large_is_not_looked_into():
    assert error(b" " * 20_000_000) == f"The request has 20000000 bytes; {MAX_BYTES} are allowed."


@pytest.mark.parametrize("name", ["", "Mute", "a/b", "é", "x" * 65, "a b"])
def test_a_name_that_makes_no_topic_is_not_answered(name):
    assert asked({}, TOPICS.request(name)) is None


def test_a_topic_that_is_no_request_is_not_answered():
    assert asked({}, "?") is None


@pytest.mark.parametrize(
    "topic",
    [
        MUTE,
        "house/edgetx",
        "house/edgetx/kitchen/availability",
        "house/edgetx/cellar/request/unmute",
        "a/+",
        "#",
        "$SYS/x",
        "a\nb",
        "\ud800",
        "a" * 513,
        "a/" * 21,
    ],
)
def test_nobody_can_have_us_speak_where_it_is_not_theirs(topic):
    assert asked({}, response_topic=topic) is None


def test_a_topic_that_only_begins_like_ours_is_theirs():
    assert asked({}, response_topic="house/edgetx2/me").asker.topic == "house/edgetx2/me"
    assert asked({}, response_topic="house/edgetx/kitchen/response/me").asker.topic.endswith("/response/me")


def test_correlation_data_have_an_end():
    assert asked({}, correlation=b"x" * MAX_CORRELATION_BYTES)
    assert asked({}, correlation=b"x" * (MAX_CORRELATION_BYTES + 1)) is None


@pytest.mark.parametrize("payload", [b"\xff", b"[]", b"[" * 4000, b'{"transaction":"other"}', b'{"status":"ok"}'])
def test_what_is_not_the_response_to_ours_is_overlooked(payload):
    assert response(Incoming(ANSWER, payload), "t") is None


def test_a_response_that_says_nothing_is_an_error():
    assert response(Incoming(ANSWER, b'{"transaction":"t"}'), "t") == "It does not say why not."
    assert response(Incoming(ANSWER, b'{"transaction":"t","status":"ok","data":{"a":1,"b":{}}}'), "t") == {"b": {}}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
fields = st.dictionaries(st.sampled_from(["microphone", "transaction", "x"]), json_values)
payloads = st.binary() | fields.map(lambda found: json.dumps(found).encode())


@given(st.text(), payloads, st.text(), st.binary())
def test_whatever_comes_is_understood_or_answered_as_the_schema_says_or_met_with_silence(name, payload, topic, data):
    for message in (
        Incoming(name, payload, response_topic=topic, correlation=data),
        Incoming(MUTE, payload, response_topic=topic, correlation=data),
        Incoming(MUTE, payload),
    ):
        answer = read(message, TOPICS)
        if isinstance(answer, Request):
            assert answer.microphone is None or isinstance(answer.microphone, str)
            answer = answer.asker.told({"desk": {"muted": True, "capture": "muted"}})
        if answer is not None:
            told(answer)
            assert "+" not in answer.topic
        response(message, "t")


# --- how many ---------------------------------------------------------------------------------------------------


def test_mute_and_unmute_are_counted_apart():
    names = ["mute", "unmute", "state", "other", "mute/x"]
    assert [switches(Incoming(TOPICS.request(name), b"{}"), TOPICS) for name in names] == [True, True, *[False] * 3]


def test_so_many_are_obeyed_at_once_and_so_many_a_second():
    pace = Pace()
    assert [pace.left(1000.0) for _ in range(BURST + 2)] == [*range(BURST - 1, -1, -1), -1, -1]
    assert [pace.left(1000.0 + 2 / PER_SECOND) for _ in range(3)] == [1, 0, -1]
    assert pace.left(5000.0) == BURST - 1
