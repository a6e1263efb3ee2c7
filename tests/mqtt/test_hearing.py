"""Requests by a real Mosquitto, in either version of MQTT; what one broker refuses and another hangs up on."""

import asyncio
import json
import random
import socket
import struct
import threading
from contextlib import asynccontextmanager, suppress

import jsonschema
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edgetx.config import MqttSettings
from edgetx.mqtt.commands import BURST
from edgetx.mqtt.hearing import LARGEST_BYTES, Hearing
from edgetx.mqtt.outbox import Outbox
from edgetx.mqtt.publisher import Publisher
from edgetx.mqtt.schemas import schema
from edgetx.mqtt.terms import NEW, OLD
from edgetx.mqtt.topics import Topics
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.scripted_broker import PUBLISH, SUBSCRIBE, ScriptedBroker
from tests.rigs.story import story, until

TOPICS = Topics("edgetx", "kitchen")
DATA = {"desk": {"muted": True, "capture": "muted"}}
MUTE = "edgetx/kitchen/request/mute"
SECONDS = 15


class House:
    """A publisher that hears: what it was asked, and what it said of that."""

    def __init__(self, url, version=NEW):
        self.asked, self.reports, self.said, self.warned = [], [], [], []
        self.now = 0.0
        self.answers = asyncio.Event()
        self.answers.set()
        hearing = Hearing(
            TOPICS,
            obey=self._obey,
            put=self._put,
            report=lambda *said: self.reports.append(said),
            warn=self.warned.append,
            clock=lambda: self.now,
        )
        self.publisher = Publisher(
            settings=MqttSettings(url=url),
            password=None,
            topics=TOPICS,
            outbox=Outbox(),
            report=lambda *said: self.said.append(said),
            sleep=lambda _seconds: asyncio.sleep(0.02),
            random=random.random,
            hearing=hearing,
        )
        self.publisher._course._wanted = version

    def _put(self, publication):
        self.publisher.put(publication)

    async def _obey(self, request):
        self.asked.append((request.name, request.microphone))
        await self.answers.wait()
        return "There is no such microphone." if request.microphone == "nope" else DATA


@asynccontextmanager
async def house(url, version=NEW):
    house = House(url, version)
    running = asyncio.create_task(house.publisher.run())
    try:
        yield house
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def hears(house, times=1):
    await until(lambda: house.reports.count(("connected", "")) >= times)


async def publish(peer, payload, topic=MUTE, *, retain=False):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    await asyncio.to_thread(peer.publish, topic, data, retain=retain)


async def responses(peer, number):
    assert await asyncio.to_thread(peer.wait_for, lambda _: len(peer.on("/response/mute")) >= number, SECONDS)
    told = [json.loads(message.payload) for message in peer.on("/response/mute")]
    for fields in told:
        jsonschema.validate(fields, schema("response"))
    assert all((message.qos, message.retained) == (1, False) for message in peer.on("/response/mute"))
    return told


@pytest.fixture
def broker():
    with Broker() as running:
        yield running


@pytest.mark.parametrize("version", [NEW, OLD])
@story
async def test_a_request_is_obeyed_and_answered_and_so_it_is_when_it_comes_twice(broker, version):
    with Subscriber(broker, "edgetx/kitchen/response/#") as peer:
        async with house(broker.url, version) as there:
            await hears(there)
            for _ in range(2):
                await publish(peer, {"microphone": "desk", "transaction": 7})
            ok = {"status": "ok", "data": DATA, "transaction": 7}
            assert await responses(peer, 2) == [ok, ok]
            await publish(peer, {"microphone": "nope"})
            assert (await responses(peer, 3))[2] == {"status": "error", "error": "There is no such microphone."}
            assert there.asked == [("mute", "desk"), ("mute", "desk"), ("mute", "nope")]
            assert there.said[-1] == ("connected", "")


@pytest.mark.parametrize("version", [NEW, OLD])
@story
async def test_nothing_that_comes_ends_the_connection_and_the_next_request_is_obeyed(broker, version):
    with Subscriber(broker, "edgetx/kitchen/response/#") as peer:
        async with house(broker.url, version) as there:
            await hears(there)
            # A broker of version 5 keeps to itself what is far too large.
            large = [bytes(20_000_000)] if version == NEW else []
            for payload in (b"", b"\x00\xff", b"[" * 4000, b'{"a":' * 800, *large):
                await publish(peer, payload)
            await publish(peer, {}, "edgetx/kitchen/request/No!")
            await publish(peer, {}, "edgetx/kitchen/request/" + "x" * 60_000)
            await publish(peer, {"transaction": "last"})
            told = await responses(peer, 5)
            assert told[-1] == {"status": "ok", "data": DATA, "transaction": "last"}
            assert [fields["status"] for fields in told[:-1]] == ["error"] * 4
            assert there.asked == [("mute", None)]
            assert there.said.count(("connected", "")) == 1
            assert len(there.warned) == 1


@story
async def test_a_retained_request_is_not_obeyed_but_said_at_each_connection(broker):
    with Subscriber(broker, "edgetx/kitchen/response/#") as peer:
        await publish(peer, {}, retain=True)
        async with house(broker.url) as there:
            await hears(there)
            await publish(peer, {"transaction": 1})
            assert [fields["transaction"] for fields in await responses(peer, 1)] == [1]
            assert len(there.asked) == 1
            assert [text.partition(",")[0] for text in there.warned] == ["A retained request is not obeyed"]


@story
async def test_it_hears_again_after_a_restart_of_the_broker_and_after_a_takeover(broker):
    with Subscriber(broker, "edgetx/kitchen/response/#") as peer:
        async with house(broker.url) as there:
            await hears(there)
            there.now = 60.0  # Not at once: that would be laid to the asking.
            await asyncio.to_thread(broker.stop)
            await asyncio.to_thread(broker.start)
            await hears(there, times=2)
            there.now = 120.0
            other = Client(CallbackAPIVersion.VERSION2, client_id="edgetx-kitchen")
            await asyncio.to_thread(other.connect, "localhost", broker.port)
            await asyncio.to_thread(other.loop, 1)
            await hears(there, times=3)
            other.disconnect()
            assert await asyncio.to_thread(peer.wait_until_subscribed, 2)
            await publish(peer, {"transaction": 2})
            assert (await responses(peer, 1))[0]["transaction"] == 2


@story
async def test_a_retained_request_that_our_library_cannot_read_does_not_keep_us_away(broker):
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = ("name", "\ufeffvalue")
    other = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    other.connect("localhost", broker.port)
    other.loop_start()
    try:
        sent = other.publish(MUTE, b"{}", qos=1, retain=True, properties=properties)
        await asyncio.to_thread(sent.wait_for_publish, SECONDS)
        assert sent.is_published()
    finally:
        other.disconnect()
        other.loop_stop()
    async with house(broker.url) as there:
        await until(lambda: there.reports and there.reports[-1][0] == "limited")
        await until(lambda: there.said and there.said[-1] == ("connected", ""))
        assert there.asked == []


@story
async def test_too_many_requests_are_not_obeyed_and_the_first_of_them_is_told_so(broker):
    with Subscriber(broker, "edgetx/kitchen/response/#") as peer:
        async with house(broker.url) as there:
            await hears(there)
            for number in range(
                BURST + 1
            ):  # The last is the one too many: no other may be on its way when time goes on.
                await publish(peer, {"transaction": number})
            told = await responses(peer, BURST)
            assert [fields["status"] for fields in told] == ["ok"] * (BURST - 1) + ["error"]
            await until(lambda: len(there.warned) == 1)
            there.now = 60.0
            await publish(peer, {"transaction": "later"})
            assert (await responses(peer, BURST + 1))[BURST]["transaction"] == "later"
            assert len(there.asked) == BURST


@story
async def test_who_asks_for_the_state_without_end_does_not_keep_others_from_muting(broker):
    with Subscriber(broker, "edgetx/kitchen/response/#") as peer:
        async with house(broker.url) as there:
            await hears(there)
            for _ in range(BURST + 5):
                await publish(peer, {}, "edgetx/kitchen/request/state")
            await publish(peer, {"transaction": 1})
            assert (await responses(peer, 1))[0]["status"] == "ok"
            assert there.asked == [("state", None)] * (BURST - 1) + [("mute", None)]


@story
async def test_an_answer_goes_where_the_request_says_with_what_it_is_to_be_known_by(broker):
    got = []
    subscribed = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_connect = lambda client, *_: client.subscribe("me/#", qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: got.append(message)
    client.connect("localhost", broker.port)
    client.loop_start()
    try:
        async with house(broker.url) as there:
            await hears(there)
            assert await asyncio.to_thread(subscribed.wait, SECONDS)
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic, properties.CorrelationData = "me/1", b"\x00\x01"
            client.publish(MUTE, b"{}", qos=1, properties=properties)
            await until(lambda: got)
            assert (got[0].topic, got[0].properties.CorrelationData) == ("me/1", b"\x00\x01")
            assert json.loads(got[0].payload) == {"status": "ok", "data": DATA}
    finally:
        client.disconnect()
        client.loop_stop()


@story
async def test_whoever_sees_it_online_is_heard(broker):
    with Subscriber(broker) as peer:
        seen = asyncio.to_thread(peer.wait_for, lambda all_: any(m.payload == b"online" for m in all_), SECONDS)
        online = asyncio.ensure_future(seen)
        async with house(broker.url):
            assert await online
            await publish(peer, {})
            assert (await responses(peer, 1))[0]["status"] == "ok"


@story
async def test_a_stop_breaks_off_what_is_still_being_obeyed(broker):
    with Subscriber(broker) as peer:
        async with house(broker.url) as there:
            await hears(there)
            there.answers.clear()
            await publish(peer, {})
            await until(lambda: there.asked)
            await there.publisher.stop(5)


def sends(length):
    """Grant the subscription, then begin a PUBLISH with so many bytes to come; all but the last follow."""

    def script(visit):
        visit.accept()
        kind, _, body, _ = visit.packet()
        assert kind == SUBSCRIBE
        visit.send(9, body[:2] + b"\x01")
        visit.begin(PUBLISH, length)
        visit.connection.sendall(struct.pack("!H", len(MUTE)) + MUTE.encode())
        visit.connection.sendall(bytes(length - 2 - len(MUTE)))
        visit.serve()

    return script


@story
async def test_a_packet_that_is_too_large_ends_a_connection_of_the_older_version_before_it_is_read():
    with ScriptedBroker(sends(LARGEST_BYTES + 1), serve) as broker:
        async with house(broker.url, OLD) as there:
            await until(lambda: any(status == "waiting" for status, _ in there.said))
            await until(lambda: len(broker.visits) == 2)
            (detail,) = (detail for status, detail in there.said if status == "waiting")
            assert "sends a packet of 65537 bytes, and no more than 65536 are taken" in detail
            assert there.asked == []


@story
async def test_the_largest_packet_that_is_taken_is_read_to_its_end():
    with ScriptedBroker(sends(LARGEST_BYTES)) as broker:
        async with house(broker.url, OLD) as there:
            denied = b"bytes; 4096 are allowed"
            await until(lambda: any(denied in each.payload for visit in broker.visits for each in visit.published))
            assert len(broker.visits) == 1
            assert there.said[-1] == ("connected", "")


@pytest.mark.parametrize("version", [NEW, OLD])
@story
async def test_nothing_of_a_packet_that_is_too_large_need_have_come(version):
    def promises(visit):
        visit.accept()
        visit.begin(PUBLISH, 200_000_000)
        visit.serve()

    with ScriptedBroker(promises, serve) as broker:
        async with house(broker.url, version) as there:
            await until(lambda: any("200000000 bytes" in detail for _, detail in there.said))
            await until(lambda: [visit.version for visit in broker.visits] == [version, version])


# --- brokers that do not let us hear ----------------------------------------------------------------------------


def refuse(visit):
    visit.accept()
    kind, _, body, _ = visit.packet()
    assert kind == SUBSCRIBE
    visit.send(9, body[:2] + bytes([0, 135]))
    visit.serve()


@story
async def test_a_broker_that_does_not_let_us_hear_is_good_for_all_else_and_it_is_said():
    with ScriptedBroker(refuse) as broker:
        async with house(broker.url) as there:
            await until(lambda: there.reports)
            ((status, detail),) = there.reports
            assert status == "limited"
            assert detail.startswith("Requests are not heard. The broker at localhost:")
            there.publisher.put(TOPICS.info({"version": "1"}))
            await until(lambda: len(broker.visits[0].published) == 2)
            assert len(broker.visits) == 1
            assert there.said[-1] == ("connected", "")


def hang_up(visit):
    visit.accept()
    assert visit.packet()[0] == SUBSCRIBE
    visit.connection.shutdown(socket.SHUT_RDWR)


def serve(visit):
    visit.accept()
    visit.serve()


@story
async def test_a_broker_that_hangs_up_on_whoever_would_hear_is_asked_no_more_on_the_connection_after():
    with ScriptedBroker(hang_up, hang_up, serve) as broker:
        async with house(broker.url) as there:
            await until(lambda: there.reports)
            assert there.reports == [
                ("limited", "Requests are not heard: the connection ended each time they were asked for.")
            ]
            await until(lambda: len(broker.visits) == 3 and broker.visits[2].published)
            assert there.said[-1] == ("connected", "")
