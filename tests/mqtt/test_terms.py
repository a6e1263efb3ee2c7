import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgetx.mqtt.client import properties_of
from edgetx.mqtt.terms import NEW, OLD, Terms, packet_bytes
from edgetx.mqtt.topics import Kind, Publication, Response, Topics

FINAL = Publication("edgetx/k/d/transcript/final", b"{}", qos=1, retain=False, durable=True, kind=Kind.FINAL, id="s-1")
STATE = Topics("edgetx", "k").state("d", {})


def test_a_broker_without_limits_takes_everything_as_it_is():
    assert Terms().fit(FINAL) is FINAL
    assert Terms().fit(STATE) is STATE
    assert not Terms().too_large(FINAL)
    assert not Terms().shortcomings


def test_a_broker_of_quality_0_gets_that():
    assert Terms(maximum_qos=0).fit(FINAL) == dataclasses.replace(FINAL, qos=0)
    assert Terms(maximum_qos=1).fit(FINAL) is FINAL
    assert "QoS 0 only" in Terms(maximum_qos=0).shortcomings


def test_a_broker_that_keeps_nothing_gets_nothing_to_keep():
    assert Terms(retain=False).fit(STATE) == dataclasses.replace(STATE, retain=False)
    assert Terms(retain=False).fit(FINAL) is FINAL
    assert Terms(retain=False).shortcomings.endswith("sees the next change only.")


def test_the_limit_of_size_is_that_of_the_whole_packet():
    size = packet_bytes(FINAL)
    assert not Terms(maximum_packet=size).too_large(FINAL)
    assert Terms(maximum_packet=size - 1).too_large(FINAL)


@given(st.sampled_from([0, 1]), st.text("aé世/", min_size=1, max_size=90), st.integers(0, 20_000), st.text(max_size=70))
def test_the_size_is_that_which_paho_makes(qos, topic, length, known_by):
    publication = Publication(topic, b"x" * length, qos=qos, retain=False, durable=True, kind=Kind.FINAL, id=known_by)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(NEW))
    written = []
    client._packet_queue = lambda _command, packet, *_: written.append(packet)
    client._sock = "connected"
    client.publish(topic, publication.payload, qos, properties=properties_of(client, publication))
    client._sock = None
    assert packet_bytes(publication) == len(written[0])


@pytest.mark.parametrize("correlation", [b"", b"x", b"\x00" * 200])
def test_the_size_counts_what_a_response_is_known_by(correlation):
    answer = Response("r", b"{}", qos=1, retain=False, durable=False, kind=Kind.RESPONSE, correlation=correlation)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(NEW))
    written = []
    client._packet_queue = lambda _command, packet, *_: written.append(packet)
    client._sock = "connected"
    client.publish("r", answer.payload, 1, properties=properties_of(client, answer))
    client._sock = None
    assert packet_bytes(answer) == len(written[0])
    assert correlation in bytes(written[0])


@pytest.mark.parametrize(("version", "known_by", "told"), [(NEW, "a", True), (NEW, "", False), (OLD, "a", False)])
def test_an_id_goes_as_a_property_where_there_are_any(version, known_by, told):
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(version))
    properties = properties_of(client, dataclasses.replace(FINAL, id=known_by))
    assert (properties is not None) is told
    assert properties is None or properties.UserProperty == [("id", "a")]
