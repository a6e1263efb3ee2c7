"""The publisher's manners: MQTT 5 with a real Mosquitto, and brokers of whom each wants something else."""

import asyncio
import dataclasses
import random
import threading
from contextlib import suppress

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgetx.config import MqttSettings
from edgetx.mqtt.commands import Asker
from edgetx.mqtt.course import TAKEN_OVER_SECONDS
from edgetx.mqtt.listener import Listener
from edgetx.mqtt.outbox import IN_FLIGHT, TRIES
from edgetx.mqtt.terms import packet_bytes
from edgetx.mqtt.topics import Kind
from tests.mqtt.test_publisher import TOPICS, clock, final, has, partial, publishing, state
from tests.mqtt.test_publisher import until as until_received
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.scripted_broker import ScriptedBroker, Visit
from tests.rigs.story import story, until


def serve(visit):
    visit.accept()
    visit.serve()


def serves(**properties):
    def script(visit):
        visit.accept(**properties)
        visit.serve()

    return script


def read_to_the_end(visit):
    while True:
        visit.packet()


def refuses(code, **properties):
    return lambda visit: visit.accept(code, **properties)


def texts(visit, ending="final"):
    return [message.payload for message in visit.published if message.topic.endswith(ending)]


def statuses(reports):
    return [status for status, _ in reports.said]


def details(reports, status):
    return [detail for said, detail in reports.said if said == status]


class Naps:
    """A `sleep` that is over at once, and notes how long it should have been."""

    def __init__(self):
        self.seconds = []

    async def __call__(self, seconds):
        self.seconds.append(seconds)
        await asyncio.sleep(0.02)


# --- MQTT 5, and what comes before it ---------------------------------------------------------------------------


@story
async def test_a_repeat_can_be_told_by_a_property_without_a_look_inside():
    got = []
    subscribed = threading.Event()
    with Broker() as broker:
        subscriber = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        subscriber.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        subscriber.on_subscribe = lambda *_: subscribed.set()
        subscriber.on_message = lambda _client, _data, message: got.append(message)
        subscriber.connect("localhost", broker.port)
        subscriber.loop_start()
        try:
            assert await asyncio.to_thread(subscribed.wait, 10)
            async with publishing(broker.url) as (publisher, reports):
                await reports.connected()
                publisher.put(final(7))
                await until(lambda: any(message.topic.endswith("final") for message in got))
            told = {message.topic: getattr(message.properties, "UserProperty", None) for message in got}
        finally:
            subscriber.disconnect()
            subscriber.loop_stop()
    assert told["edgetx/kitchen/desk/transcript/final"] == [("id", "s-7")]
    assert told["edgetx/kitchen/availability"] is None


@story
async def test_a_broker_that_says_it_is_older_is_spoken_to_in_its_version_from_then_on():
    def serve_three(visit):
        visit.accept()
        for _ in range(3):
            visit.acknowledge(visit.next())

    with ScriptedBroker(refuses(1), serve_three, serve) as broker:
        async with publishing(broker.url) as (publisher, _):
            publisher.put(final(1))
            publisher.put(final(2))
            await until(lambda: len(broker.visits) == 3 and not publisher._outbox.pending)
    assert [visit.version for visit in broker.visits] == [5, 4, 4]
    assert texts(broker.visits[1]) == [final(1).payload, final(2).payload]


@story
async def test_a_broker_that_hangs_up_on_what_it_does_not_know_is_tried_in_the_older_version():
    with ScriptedBroker(lambda _visit: None, serve) as broker:
        async with publishing(broker.url) as (publisher, _):
            publisher.put(final(1))
            await until(lambda: len(broker.visits) == 2 and not publisher._outbox.pending)
    assert [visit.version for visit in broker.visits] == [5, 4]


@story
async def test_a_broker_of_the_new_version_alone_is_found_after_a_hang_up():
    with ScriptedBroker(lambda _visit: None, lambda _visit: None, serve) as broker:
        async with publishing(broker.url) as (_, reports):
            await reports.connected()
    assert [visit.version for visit in broker.visits] == [5, 4, 5]


@story
async def test_listening_works_in_the_older_version_too():
    shown = []

    def serve_one(visit):
        visit.accept()
        kind, _, body, _ = visit.packet()
        assert kind == 8, kind
        visit.send(9, body[:2] + b"\x01")
        visit.send(3, b"\x00\x08edgetx/xhello")
        visit.serve()

    with ScriptedBroker(refuses(1), serve_one) as broker:
        listener = Listener(MqttSettings(url=broker.url), None, show=shown.append, sleep=Naps(), random=lambda: 0.0)
        listening = asyncio.create_task(listener.run())
        await until(lambda: "x  hello" in shown)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert [visit.version for visit in broker.visits] == [5, 4]


@story
async def test_a_listener_that_may_not_listen_is_told():
    shown = []

    def refuse(visit):
        visit.accept()
        visit.send(9, visit.packet()[2][:2] + b"\x00\x87")
        visit.serve()

    with ScriptedBroker(refuse) as broker:
        listener = Listener(MqttSettings(url=broker.url), None, show=shown.append, sleep=Naps(), random=lambda: 0.0)
        listening = asyncio.create_task(listener.run())
        await until(lambda: any("refuses us: Not authorized" in text for text in shown))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


# --- what a broker takes ----------------------------------------------------------------------------------------


@story
async def test_a_broker_never_has_more_to_acknowledge_than_it_wants():
    waiting, most = [], 0

    def slow(visit):
        nonlocal most
        visit.accept(p33=3)
        visit.connection.settimeout(0.1)
        while True:
            try:
                waiting.append(visit.next())
            except TimeoutError:
                if waiting:
                    visit.acknowledge(waiting.pop(0))
            most = max(most, len(waiting))
            assert len(waiting) <= 3

    with ScriptedBroker(slow) as broker:
        async with publishing(broker.url) as (publisher, reports):
            for number in range(10):
                publisher.put(final(number))
            await until(lambda: "connected" in statuses(reports) and publisher._outbox.flushed)
    assert most == 3
    assert texts(broker.visits[0]) == [final(number).payload for number in range(10)]


@story
async def test_a_broker_of_quality_0_gets_everything_and_is_called_limited():
    with ScriptedBroker(serves(p36=0)) as broker:
        async with publishing(broker.url) as (publisher, reports):
            for number in range(50):
                publisher.put(final(number))
            await until(lambda: len(broker.visits) == 1 and len(texts(broker.visits[0])) == 50)
            await until(lambda: publisher._outbox.flushed)
    assert {message.qos for message in broker.visits[0].published} == {0}
    assert "QoS 0 only" in details(reports, "limited")[0]


@story
async def test_a_broker_that_refuses_our_will_gets_another():
    with ScriptedBroker(refuses(155), refuses(154), serves(p36=0, p37=0)) as broker:
        async with publishing(broker.url) as (publisher, reports):
            publisher.put(state("ready"))
            await until(lambda: "limited" in statuses(reports) and publisher._outbox.flushed)
            await until(lambda: len(broker.visits[-1].published) == 2)
    assert [(visit.will_qos, visit.will_retain) for visit in broker.visits] == [(1, True), (0, True), (0, False)]
    assert {message.retain for message in broker.visits[-1].published} == {False}


@story
async def test_what_is_too_large_is_given_up_and_told_and_the_rest_goes_on():
    large = TOPICS.info({"x": "y" * 5000})
    with ScriptedBroker(serves(p39=packet_bytes(final(1)))) as broker:
        async with publishing(broker.url) as (publisher, reports):
            publisher.put(large)
            publisher.put(final(1))
            await until(lambda: len(broker.visits) == 1 and texts(broker.visits[0]))
            await until(lambda: publisher._outbox.flushed)
            assert publisher._outbox.dropped == {Kind.INFO: 1}
    assert broker.visits[0].published[-1].size == packet_bytes(final(1))
    said = f"is published on edgetx/kitchen/info: Packet too large ({len(large.payload)} bytes); it is given up."
    assert details(reports, "limited") == [f"The broker does not take what {said}"]


@story
async def test_a_message_that_ends_every_connection_is_not_sent_for_ever():
    def strict(visit):
        visit.accept()
        while True:
            message = visit.next()
            if message.size > 1000:
                visit.disconnect(149)
                return read_to_the_end(visit)  # What is not read would have the client's kernel forget the rest.
            visit.acknowledge(message)

    with ScriptedBroker(strict) as broker:
        async with publishing(broker.url, sleep=Naps()) as (publisher, _):
            publisher.put(TOPICS.info({"x": "y" * 5000}))
            publisher.put(final(1))
            await until(lambda: publisher._outbox.dropped[Kind.INFO] == 1 and not publisher._outbox.pending)
    assert len(broker.visits) <= 3


class Gate(Naps):
    """A `sleep` of a quarter of an hour ends when somebody says so."""

    def __init__(self):
        super().__init__()
        self.quarter_of_an_hour = asyncio.Event()

    async def __call__(self, seconds):
        if seconds < 900:
            return await super().__call__(seconds)
        self.seconds.append(seconds)
        await self.quarter_of_an_hour.wait()
        self.quarter_of_an_hour.clear()
        return None


@story
async def test_what_the_access_control_of_a_broker_denies_is_kept_until_it_is_mended():
    allowed = ("edgetx/kitchen/availability", "edgetx/kitchen/+/state")
    with Broker(writable=allowed) as broker, Subscriber(broker) as subscriber:
        gate = Gate()
        async with publishing(broker.url, sleep=gate) as (publisher, reports):
            for number in range(50):
                publisher.put(final(number))
            publisher.put(state("ready"))
            await until_received(subscriber, has("state", state("ready").payload))
            await until(lambda: gate.seconds.count(900.0) >= 1)
            assert publisher._outbox.pending == 50
            assert "Not authorized; allow it in the broker's access control (ACL)" in details(reports, "limited")[0]
            broker.allow("#")
            gate.quarter_of_an_hour.set()
            await until(lambda: not publisher._outbox.pending)
            assert not publisher._outbox.dropped
            await until(lambda: statuses(reports)[-1] == "connected")
        await until_received(subscriber, has("final", final(49).payload))
    assert [message.payload for message in subscriber.on("final")] == [final(number).payload for number in range(50)]


@story
async def test_of_what_is_not_allowed_one_is_tried_every_quarter_of_an_hour_and_the_others_go_on():
    def forbid_finals(visit):
        visit.accept()
        while True:
            message = visit.next()
            visit.acknowledge(message, 135 if message.topic.endswith("final") else 0)

    with ScriptedBroker(forbid_finals) as broker:
        gate = Gate()
        async with publishing(broker.url, sleep=gate) as (publisher, reports):
            await until(lambda: "connected" in statuses(reports))
            for number in range(100):
                publisher.put(final(number))
            publisher.put(state("ready"))
            await until(lambda: publisher._outbox.flushed)
            tried = len(texts(broker.visits[0]))
            gate.quarter_of_an_hour.set()
            await until(lambda: len(texts(broker.visits[0])) == tried + 1 and publisher._outbox.flushed)
            assert (publisher._outbox.pending, publisher._outbox.dropped) == (100, {})
    assert tried <= IN_FLIGHT
    assert len(texts(broker.visits[0], "state")) == 1
    assert len(broker.visits) == 1
    (said,) = set(details(reports, "limited"))
    assert said.startswith(
        "The broker does not take what is published on edgetx/kitchen/desk/transcript/final: Not auth"
    )
    assert said.endswith("; allow it in the broker's access control (ACL). It is kept, and tried again.")


@pytest.mark.parametrize("code", [128, 131, 135, 144, 151, 153])
@story
async def test_a_refused_answer_to_somebodys_request_is_no_trouble_of_ours(code):
    def refuse_answers(visit):
        visit.accept()
        while True:
            message = visit.next()
            visit.acknowledge(message, code if message.topic.startswith("elsewhere/") else 0)

    gate = Gate()
    with ScriptedBroker(refuse_answers) as broker:
        async with publishing(broker.url, sleep=gate) as (publisher, reports):
            await reports.connected()
            publisher.put(Asker("elsewhere/me").told({"desk": {"muted": True}}))
            publisher.put(final(1))  # Answered after it, so by then the refusal has come.
            await until(lambda: texts(broker.visits[0]) and not publisher._outbox.pending)
            assert texts(broker.visits[0], "me") != []
            assert (publisher._outbox.dropped, publisher._outbox.flushed) == ({}, True)
    assert len(broker.visits) == 1
    assert statuses(reports) == ["connecting", "connected"]
    assert gate.seconds == []


@story
async def test_a_message_that_is_not_taken_now_comes_again_in_its_order():
    refusals = []

    def full(visit):
        visit.accept()
        while True:
            message = visit.next()
            refused = message.topic.endswith("final") and len(refusals) < 5
            refusals.extend([message.payload] * refused)
            visit.acknowledge(message, 151 if refused else 0)

    naps = Naps()
    with ScriptedBroker(full) as broker:
        async with publishing(broker.url, sleep=naps) as (publisher, reports):
            for number in range(5):
                publisher.put(final(number))
            await until(lambda: broker.visits and publisher._outbox.flushed and not publisher._outbox.pending)
            assert not publisher._outbox.dropped
    assert len(broker.visits) == 1
    assert texts(broker.visits[0])[-5:] == [final(number).payload for number in range(5)]
    assert "Quota exceeded. It is kept, and tried again." in details(reports, "limited")[0]
    assert set(naps.seconds) == {10.0}


@story
async def test_one_message_that_is_refused_for_ever_holds_up_nothing_else():
    def poisoned(visit):
        visit.accept()
        while True:
            message = visit.next()
            visit.acknowledge(message, 128 if message.payload == final(0).payload else 0)

    gate = Gate()
    with ScriptedBroker(poisoned) as broker:
        async with publishing(broker.url, sleep=gate) as (publisher, reports):
            for number in range(200):
                publisher.put(final(number))
            await until(lambda: publisher._outbox.pending == 1 and publisher._outbox.flushed)
            await until(lambda: 900.0 in gate.seconds)
            tried = texts(broker.visits[0]).count(final(0).payload)
            gate.quarter_of_an_hour.set()
            await until(lambda: texts(broker.visits[0]).count(final(0).payload) == tried + 1)
            await until(lambda: gate.seconds.count(900.0) == 2)
            assert not publisher._outbox.dropped
    assert tried == TRIES
    assert len(broker.visits) == 1
    assert "Unspecified error" in details(reports, "limited")[-1]


@story
async def test_a_broker_that_answers_pings_and_acknowledges_nothing_is_given_up_and_called_so():
    def mute(visit):
        visit.accept()
        visit.acknowledge(visit.next())
        while True:
            visit.next()

    with ScriptedBroker(mute, mute, serve) as broker:
        async with publishing(broker.url, sleep=Naps(), keepalive_seconds=1, answer_seconds=1.5) as (
            publisher,
            reports,
        ):
            for number in range(30):
                publisher.put(final(number))
            await until(lambda: not publisher._outbox.pending)
            await until(lambda: statuses(reports)[-1] == "connected")
    assert len(broker.visits) == 3
    assert broker.visits[0].pings
    assert "has acknowledged nothing for 1.5 s, though it is there" in details(reports, "waiting")[0]
    assert "has acknowledged nothing for 1.5 s" in details(reports, "limited")[0]


@story
async def test_a_broker_that_takes_its_time_for_each_acknowledgement_is_waited_for():
    def slow(visit):
        visit.accept(p33=1)
        while True:
            message = visit.next()
            threading.Event().wait(0.3)
            visit.acknowledge(message)

    with ScriptedBroker(slow) as broker:
        async with publishing(broker.url, answer_seconds=0.9) as (publisher, reports):
            for number in range(6):
                publisher.put(final(number))
            await until(lambda: broker.visits and not publisher._outbox.pending)
        assert "waiting" not in statuses(reports)


# --- who is let in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (134, "refuses us: Bad user name or password (no such user); check mqtt.username"),
        (135, "refuses us: Not authorized (no such user); check mqtt.username"),
        (138, "refuses us: Banned (no such user); ask who runs it"),
    ],
)
@story
async def test_who_is_not_let_in_asks_some_times_and_then_every_quarter_of_an_hour(code, said):
    naps = Naps()
    with ScriptedBroker(refuses(code, p31="no such user")) as broker:
        async with publishing(broker.url, sleep=naps) as (_, reports):
            await until(lambda: 900.0 in naps.seconds)
    assert said in details(reports, "waiting")[0]
    assert said in details(reports, "refused")[0]
    assert naps.seconds.index(900.0) == 10


@story
async def test_a_busy_broker_is_asked_again_for_ever():
    naps = Naps()
    with ScriptedBroker(refuses(137)) as broker:
        async with publishing(broker.url, sleep=naps) as (_, reports):
            await until(lambda: len(naps.seconds) > 12)
    assert "refuses us: Server busy." in details(reports, "waiting")[0]
    assert "refused" not in statuses(reports)
    assert all(10 <= seconds < 100 for seconds in naps.seconds)


@story
async def test_a_takeover_that_the_broker_tells_of_is_told_and_slows_us_down():
    def put_out(visit):
        visit.accept()
        visit.acknowledge(visit.next())
        visit.disconnect(142)

    naps = Naps()
    with ScriptedBroker(put_out, serve) as broker:
        async with publishing(broker.url, sleep=naps) as (_, reports):
            await reports.connected(times=2)
    assert "Another client uses the device id 'kitchen'" in details(reports, "waiting")[0]
    assert naps.seconds[0] >= TAKEN_OVER_SECONDS


@story
async def test_two_daemons_with_one_device_id_do_not_fight_for_ever():
    naps = []

    async def as_told(seconds):
        naps.append(seconds)
        await asyncio.sleep(seconds / 20)

    with Broker() as broker:
        async with publishing(broker.url, sleep=as_told) as (_, one), publishing(broker.url, sleep=as_told) as (_, two):
            await until(lambda: any(seconds >= TAKEN_OVER_SECONDS for seconds in naps))
            fights = broker.log.count("closing old connection")
            told = [detail for reports in (one, two) for detail in details(reports, "waiting")]
    assert any("another client uses the device id 'kitchen'" in detail for detail in told)
    assert fights <= 12


@story
async def test_a_broker_that_wants_another_keepalive_gets_it():
    with ScriptedBroker(serves(p19=1)) as broker:
        async with publishing(broker.url, keepalive_seconds=1000) as (publisher, reports):
            await reports.connected()
            assert publisher._connection._client.keepalive == 1
            await until(lambda: broker.visits[0].pings == 2)
        assert "waiting" not in statuses(reports)


@pytest.mark.parametrize("seed", range(40))
@story
async def test_whatever_a_broker_says_is_no_error_of_ours(seed):
    dice = random.Random(seed)
    wrong = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: wrong.append(context))

    def babble(visit: Visit):
        if dice.random() < 0.7:
            visit.accept()
        for _ in range(dice.randint(1, 5)):
            visit.send(dice.choice([2, 4, 9, 11, 13, 14, 3, 5, 7]), dice.randbytes(dice.choice([0, 1, 2, 3, 4, 9, 40])))
        with suppress(TimeoutError):
            visit.connection.settimeout(0.05)
            visit.serve()

    with ScriptedBroker(babble) as broker:
        async with publishing(broker.url, sleep=Naps()) as (publisher, _):
            for number in range(5):
                publisher.put(final(number))
                publisher.put(partial(number))
            await until(lambda: len(broker.visits) >= 4)
    assert not wrong


# --- the clock --------------------------------------------------------------------------------------------------


@story
async def test_what_waits_when_the_clock_is_set_leaves_with_its_true_times():
    reads = [clock(synced=False, ahead=1000.0)]
    may_connect = asyncio.Event()

    async def until_allowed(_seconds):
        await may_connect.wait()

    with Broker() as broker, Subscriber(broker) as subscriber:
        broker.kill()
        async with publishing(broker.url, sleep=until_allowed, now=lambda: reads[-1]) as (publisher, reports):
            publisher.put(unsynced_final())
            await reports.waiting()
            reads.append(clock(ahead=4600.0))
            publisher.put(final(2))
            broker.start()
            assert await asyncio.to_thread(subscriber.wait_until_subscribed, 2)
            may_connect.set()
            await until_received(subscriber, has("final", final(2).payload))
        first, second = (message.payload for message in subscriber.on("final"))
    assert first == final(1).payload.replace(b"T12:", b"T13:")
    assert second == final(2).payload


def unsynced_final():
    publication = final(1)
    payload = publication.payload.replace(b'"clock_synced":true', b'"clock_synced":false')
    return dataclasses.replace(publication, payload=payload)


@story
async def test_what_leaves_before_the_clock_is_set_leaves_as_it_is():
    with Broker() as broker, Subscriber(broker) as subscriber:
        async with publishing(broker.url, now=lambda: clock(synced=False)) as (publisher, reports):
            await reports.connected()
            publisher.put(unsynced_final())
            await until_received(subscriber, has("final", unsynced_final().payload))
