import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from socketio.packet import Packet

from edgetx.speech.session import SocketEvent
from edgetx.speech.socketio_codec import BYTES, LAST, Decoder, Heard, event, leaving, opening


def decoder(namespace: str = "/events") -> Decoder:
    return Decoder(namespace, 1800.0)


def message(*data: object, namespace: str = "/events") -> object:
    """What comes of these packets: the message of the last, if there is one."""
    listening = decoder(namespace)
    heard = [listening.receive(part) for part in data][-1]
    return heard and heard.message


# --- what we send


def test_a_namespace_is_opened_and_left_as_the_official_client_does():
    assert opening("/events") == ["0/events,{}"]
    assert leaving("/events") == ["1/events,"]


def test_sound_is_two_packets():
    head = '51-/events,["binary_data",{"_placeholder":true,"num":0}]'
    assert event("/events", SocketEvent("binary_data", (b"\1\2",))) == [head, b"\1\2"]


def test_an_event_without_bytes_is_one_packet():
    assert event("/events", SocketEvent("set_keywords", ({"eye ola": "Aiola"},))) == [
        '2/events,["set_keywords",{"eye ola":"Aiola"}]'
    ]


# --- what we hear


def test_the_namespace_opens():
    assert message('0/events,{"sid":"OCpa7"}') == SocketEvent("connect", ("OCpa7", 1800.0))
    assert message("0/events,") == SocketEvent("connect", (None, 1800.0))


def test_the_namespace_is_refused_and_ended():
    refused = message('4/events,{"message":"authentication failed","data":{"code":"UNAUTHORIZED"}}')
    data = {"message": "authentication failed", "data": {"code": "UNAUTHORIZED"}}
    assert refused == SocketEvent("connect_error", (data,))
    assert message("1/events,") == SocketEvent("disconnect", ("server disconnect",))
    assert {"connect_error", "disconnect"} == LAST


def test_an_event_comes_with_its_arguments():
    assert message('2/events,["transcript",{"transcript":"hello world"},2]') == SocketEvent(
        "transcript", ({"transcript": "hello world"}, 2)
    )


def test_the_root_namespace_has_no_name_on_the_wire():
    assert message('2["a"]', namespace="/") == SocketEvent("a")


def test_an_acknowledgement_is_given_where_one_is_asked_for():
    heard = decoder().receive('2/events,7["transcript",{}]')
    assert heard == Heard(SocketEvent("transcript", ({},)), 27, ['3/events,7[{"status":"received"}]'])


def test_an_acknowledgement_of_ours_says_nothing():
    assert decoder().receive('3/events,1[{"status":"received"}]') is None


def test_an_event_with_attachments_is_whole_with_the_last():
    listening = decoder()
    holes = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
    head = f'52-/events,3["blob",{holes}]'
    assert listening.receive(head) is None
    assert listening.receive(b"one") is None
    heard = listening.receive(b"two")
    assert heard == Heard(SocketEvent("blob", (b"one", b"two")), len(head) + 6, ['3/events,3[{"status":"received"}]'])


# --- what does not fit


@pytest.mark.parametrize(
    "data",
    [
        "",
        "x",
        "9/events,",
        "7/events,",
        '2/other,["transcript"]',
        '2["transcript"]',
        "2/events,[]",
        "2/events,{}",
        "2/events,3",
        "2/events",
        "2/events,[1]",
        '2/events,["connect"]',
        '2/events,["disconnect"]',
        '0/events,"text"',
        "2/events,[" + "[" * 100_000,
        "5999999999-/events,[]",
        "517-/events,[]",
        b"nobody asked",
        b"4/events,",
    ],
)
def test_what_is_no_event_comes_as_it_was(data):
    listening = decoder()
    assert listening.receive(data) == Heard(data, len(data), [])
    assert listening.receive('2/events,["still"]') == Heard(SocketEvent("still"), 18, [])


def test_json_where_text_is_due_comes_as_text():
    assert message({"a": 1}) == "{'a': 1}"
    assert len(message(list(range(1000)))) == 200


def test_a_placeholder_that_leads_nowhere_is_no_event():
    for number in ('"x"', "5", "-9", "null", "[]"):
        head = f'51-/events,["a",{{"_placeholder":true,"num":{number}}}]'
        assert message(head, b"one") == b"one"


def test_a_text_where_an_attachment_is_due_ends_the_waiting():
    head = '51-/events,["a",{"_placeholder":true,"num":0}]'
    assert message(head, '2/events,["b"]') == '2/events,["b"]'
    assert message(head, "oops", '2/events,["b"]') == SocketEvent("b")


def test_attachments_are_bounded_in_size():
    head = '53-/events,["a",{"_placeholder":true,"num":0}]'
    part = bytes(BYTES // 2)
    listening = decoder()
    assert [listening.receive(data) for data in (head, part)] == [None, None]
    assert listening.receive(part).message == part
    assert listening.receive('2/events,["b"]').message == SocketEvent("b")


@given(
    st.lists(st.one_of(st.text(), st.binary(), st.text().map(lambda t: f"51-/events,{t}"), st.integers(), st.none()))
)
def test_nothing_that_comes_raises(parts):
    listening = decoder()
    for part in parts:
        heard = listening.receive(part)
        assert heard is None or isinstance(heard.message, SocketEvent | str | bytes)


@given(
    st.text(), st.recursive(st.none() | st.text() | st.binary(), lambda p: st.lists(p) | st.dictionaries(st.text(), p))
)
def test_what_the_library_encodes_is_understood(name, argument):
    listening = decoder()
    encoded = Packet(data=[name, argument], namespace="/events").encode()
    heard = [listening.receive(part) for part in ([encoded] if isinstance(encoded, str) else encoded)][-1]
    if name not in {"connect", "connect_error", "disconnect"} and "_placeholder" not in json.dumps(
        argument, default=str
    ):
        assert (
            heard is None
            or heard.message == SocketEvent(name, (argument,))
            or not isinstance(heard.message, SocketEvent)
        )
