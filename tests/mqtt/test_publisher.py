"""The publisher against a real Mosquitto, and against doors that are not one."""

import asyncio
import random
import socket
import threading
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import wraps

import pytest

from edgetx.clock import Moment
from edgetx.config import MqttSettings
from edgetx.mqtt.outbox import Outbox
from edgetx.mqtt.publisher import Publisher
from edgetx.mqtt.topics import Kind, Topics
from edgetx.speech.events import MicrophoneEvent, Transcript
from tests.rigs.broker import Broker, Subscriber, free_port

TOPICS = Topics("edgetx", "kitchen")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEADLINE_SECONDS = 15.0
AWAY = ("waiting", "refused")


def on_loop(scenario):
    @wraps(scenario)
    def run(*args, **kwargs):
        asyncio.run(asyncio.wait_for(scenario(*args, **kwargs), 60))

    return run


def final(number):
    end = NOON + timedelta(seconds=1)
    return TOPICS.transcript("desk", Transcript(f"s-{number}", "hello", True, NOON, end, (0, 16_000), "p", "s", True))


def partial(number):
    return TOPICS.transcript("desk", Transcript(f"s-{number}", "hel", False, NOON, NOON, (0, 1), "p", "s", True))


def state(provider):
    fields = {"capture": "running", "provider": provider, "muted": False, "backlog_seconds": 0}
    return TOPICS.state("desk", fields)


class Reports:
    """What the publisher says of itself."""

    def __init__(self):
        self.said = []
        self._changed = asyncio.Event()

    def __call__(self, status, detail):
        self.said.append((status, detail))
        self._changed.set()

    async def wait_for(self, predicate):
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not predicate(self.said):
                self._changed.clear()
                await self._changed.wait()

    async def connected(self, times=1):
        await self.wait_for(lambda said: [status for status, _ in said].count("connected") >= times)

    async def waiting(self):
        await self.wait_for(lambda said: any(status in AWAY for status, _ in said))
        return next(detail for status, detail in self.said if status in AWAY)


def clock(*, synced=True, ahead=0.0, boot="boot"):
    return Moment(wall=ahead + 500.0, synced=synced, monotonic=0.0, boottime=500.0, boot_id=boot)


async def soon(_seconds):
    await asyncio.sleep(0.02)


@asynccontextmanager
async def publishing(url, *, password=None, sleep=soon, outbox=None, keepalive_seconds=30, connect_seconds=10, **more):
    reports = Reports()
    answer_seconds = more.pop("answer_seconds", 60.0)
    now = more.pop("now", clock)
    publisher = Publisher(
        settings=MqttSettings(url=url, **more),
        password=password,
        topics=TOPICS,
        outbox=outbox or Outbox(),
        report=reports,
        sleep=sleep,
        random=random.random,
        keepalive_seconds=keepalive_seconds,
        connect_seconds=connect_seconds,
        answer_seconds=answer_seconds,
        now=now,
    )
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher, reports
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def cut(publisher):
    """Break the connection under the publisher's hands, as a network does."""
    opened = publisher._connection._client.socket()
    opened.shutdown(socket.SHUT_RDWR)


async def until(subscriber, predicate):
    assert await asyncio.to_thread(subscriber.wait_for, predicate, DEADLINE_SECONDS), subscriber.received


def has(ending, payload):
    return lambda received: any(m.topic.endswith(ending) and m.payload == payload for m in received)


def count(ending, number):
    return lambda received: len({m.payload for m in received if m.topic.endswith(ending)}) >= number


@pytest.fixture(scope="module")
def broker():
    with Broker() as running:
        yield running


@pytest.fixture
def fresh_broker():
    with Broker() as running:
        yield running


# --- a broker that is there -------------------------------------------------------------------------------------


@on_loop
async def test_everything_arrives_as_it_should_be_delivered(fresh_broker):
    event = TOPICS.event("desk", MicrophoneEvent("e1", "speech_started", NOON))
    with Subscriber(fresh_broker) as subscriber:
        async with publishing(fresh_broker.url) as (publisher, reports):
            await reports.connected()
            for publication in (state("ready"), partial(1), final(1), event):
                publisher.put(publication)
            await until(subscriber, lambda received: len(received) >= 5)
        got = [(message.topic, message.payload, message.qos) for message in subscriber.received[:5]]
    expected = [TOPICS.availability("online"), state("ready"), partial(1), final(1), event]
    assert got == [(publication.topic, publication.payload, publication.qos) for publication in expected]


@on_loop
async def test_what_is_retained_is_there_for_those_who_come_later(fresh_broker):
    async with publishing(fresh_broker.url) as (publisher, reports):
        await reports.connected()
        publisher.put(state("connecting"))
        publisher.put(state("ready"))
        publisher.put(final(1))
        await publisher._wait_for(lambda: publisher._outbox.flushed, DEADLINE_SECONDS)
        with Subscriber(fresh_broker) as late:
            await until(late, count("", 2))
    assert {(m.topic, m.payload) for m in late.received if m.retained} == {
        ("edgetx/kitchen/availability", b"online"),
        ("edgetx/kitchen/desk/state", state("ready").payload),
    }


@on_loop
async def test_a_put_is_on_its_way_before_it_returns(fresh_broker):
    with Subscriber(fresh_broker) as subscriber:
        async with publishing(fresh_broker.url) as (publisher, reports):
            await reports.connected()
            publisher.put(final(1))
            assert subscriber.wait_for(count("final", 1), DEADLINE_SECONDS)  # the loop stands still meanwhile


@on_loop
async def test_small_messages_are_not_held_back(broker):
    async with publishing(broker.url) as (publisher, reports):
        await reports.connected()
        assert publisher._connection._client.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@on_loop
async def test_more_than_may_be_in_flight_arrives_in_order(fresh_broker):
    with Subscriber(fresh_broker) as subscriber:
        async with publishing(fresh_broker.url) as (publisher, reports):
            await reports.connected()
            for number in range(500):
                publisher.put(final(number))
            await until(subscriber, count("final", 500))
        assert [m.payload for m in subscriber.on("final")] == [final(number).payload for number in range(500)]


@on_loop
async def test_a_large_publication_arrives_in_pieces(fresh_broker):
    text = "word " * 400_000
    large = TOPICS.transcript("desk", Transcript("s", text, True, NOON, NOON, (0, 1), "p", "s", True))
    with Subscriber(fresh_broker) as subscriber:
        async with publishing(fresh_broker.url) as (publisher, reports):
            await reports.connected()
            publisher.put(large)
            publisher.put(final(2))
            await until(subscriber, count("final", 2))
        assert [m.payload for m in subscriber.on("final")] == [large.payload, final(2).payload]


@on_loop
async def test_a_quiet_connection_is_kept_alive(broker):
    async with publishing(broker.url, keepalive_seconds=1) as (_, reports):
        await reports.connected()
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                await reports.waiting()
        assert reports.said == [("connecting", ""), ("connected", "")]


@pytest.mark.parametrize("protocol", ["mqtts", "ws", "wss"])
@on_loop
async def test_it_goes_over_tls_and_websockets_too(protocol):
    with Broker(protocol=protocol) as broker, Subscriber(broker) as subscriber:
        ca_file = broker.ca_file if protocol in ("mqtts", "wss") else None
        async with publishing(broker.url, ca_file=ca_file) as (publisher, reports):
            await reports.connected()
            for number in range(50):
                publisher.put(final(number))
            await until(subscriber, count("final", 50))
            await publisher.stop(DEADLINE_SECONDS)
            await until(subscriber, has("availability", b"stopped"))
        assert [m.payload for m in subscriber.on("final")] == [final(number).payload for number in range(50)]


@on_loop
async def test_it_logs_in():
    with Broker(login=("edgetx", "open sesame")) as broker, Subscriber(broker) as subscriber:
        async with publishing(broker.url, username="edgetx", password="open sesame"):
            await until(subscriber, has("availability", b"online"))


# --- a broker that comes and goes -------------------------------------------------------------------------------


@on_loop
async def test_what_was_said_before_the_broker_came_is_delivered():
    port = free_port()
    async with publishing(f"mqtt://localhost:{port}") as (publisher, reports):
        publisher.put(partial(0))
        publisher.put(final(1))
        assert (await reports.waiting()).startswith("Nobody listens at localhost")
        with Broker(port=port) as broker, Subscriber(broker) as subscriber:
            publisher.put(final(2))
            await until(subscriber, count("final", 1))
            await publisher._wait_for(lambda: publisher._outbox.flushed, DEADLINE_SECONDS)
            assert not subscriber.on("partial")


@on_loop
async def test_a_restart_mid_stream_loses_nothing_and_brings_the_retained_back(fresh_broker):
    may_connect = asyncio.Event()

    async def until_allowed(_seconds):
        await may_connect.wait()

    with Subscriber(fresh_broker) as subscriber:
        async with publishing(fresh_broker.url, sleep=until_allowed) as (publisher, reports):
            await reports.connected()
            publisher.put(state("ready"))
            for number in range(100):
                publisher.put(final(number))
            fresh_broker.kill()
            for number in range(100, 200):
                publisher.put(final(number))
            await reports.waiting()
            fresh_broker.start()
            assert await asyncio.to_thread(subscriber.wait_until_subscribed, 2, DEADLINE_SECONDS)
            before = len(subscriber.received)
            may_connect.set()
            await publisher._wait_for(lambda: publisher._outbox.flushed and publisher._connection, DEADLINE_SECONDS)
            await until(subscriber, has("final", final(199).payload))
        after = [message.payload for message in subscriber.received[before:]]
        expected = [final(number).payload for number in range(200)]
        again = [payload for payload in after if payload in expected]
        assert after[:2] == [b"online", state("ready").payload]
        assert again == expected[-len(again) :]  # from some number on, all, in order
        assert len(again) >= 100


@on_loop
async def test_a_cut_connection_shows_offline_and_then_online(fresh_broker):
    may_connect = asyncio.Event()

    async def until_allowed(_seconds):
        await may_connect.wait()

    with Subscriber(fresh_broker) as subscriber:
        async with publishing(fresh_broker.url, sleep=until_allowed) as (publisher, reports):
            await reports.connected()
            await until(subscriber, has("availability", b"online"))
            cut(publisher)
            await until(subscriber, has("availability", b"offline"))
            assert (await reports.waiting()).endswith("was lost.")
            may_connect.set()
            await until(subscriber, lambda received: [m.payload for m in received][-1:] == [b"online"])
        assert [m.payload for m in subscriber.on("availability")][:3] == [b"online", b"offline", b"online"]


@on_loop
async def test_a_frozen_broker_is_noticed_and_found_again(fresh_broker):
    with Subscriber(fresh_broker) as subscriber:
        async with publishing(fresh_broker.url, keepalive_seconds=1, connect_seconds=1) as (publisher, reports):
            await reports.connected()
            fresh_broker.freeze()
            publisher.put(final(1))
            assert "has not answered for 1 s" in await reports.waiting()
            fresh_broker.thaw()
            await reports.connected(times=2)
            await until(subscriber, count("final", 1))


@on_loop
async def test_memory_is_bounded_while_the_broker_is_away():
    outbox = Outbox(limit=50)
    async with publishing(f"mqtt://localhost:{free_port()}", outbox=outbox) as (publisher, reports):
        await reports.waiting()
        for number in range(1000):
            publisher.put(final(number))
            publisher.put(partial(number))
    assert outbox.pending == 50
    assert outbox.dropped == {Kind.FINAL: 950, Kind.PARTIAL: 1000}


@on_loop
async def test_memory_is_bounded_while_the_broker_is_frozen(fresh_broker):
    outbox = Outbox(limit=50)
    async with publishing(fresh_broker.url, outbox=outbox) as (publisher, reports):
        await reports.connected()
        fresh_broker.freeze()
        large = TOPICS.transcript("desk", Transcript("s", "x" * 100_000, False, NOON, NOON, (0, 1), "p", "s", True))
        for number in range(1000):
            publisher.put(final(number))
            publisher.put(large)
        assert len(publisher._connection._client._out_packet) <= 40
        assert outbox.dropped[Kind.PARTIAL] > 500
        fresh_broker.thaw()


# --- the end ----------------------------------------------------------------------------------------------------


@on_loop
async def test_a_clean_stop_delivers_all_and_says_stopped(fresh_broker):
    with Subscriber(fresh_broker) as subscriber:
        async with publishing(fresh_broker.url) as (publisher, reports):
            await reports.connected()
            for number in range(100):
                publisher.put(final(number))
            await publisher.stop(DEADLINE_SECONDS)
            await until(subscriber, has("availability", b"stopped"))
        assert len(subscriber.on("final")) == 100
        assert [m.payload for m in subscriber.on("availability")] == [b"online", b"stopped"]


@on_loop
async def test_run_returns_after_a_clean_stop(broker):
    reports = Reports()
    publisher = Publisher(
        settings=MqttSettings(url=broker.url),
        password=None,
        topics=TOPICS,
        outbox=Outbox(),
        report=reports,
        sleep=soon,
        random=random.random,
    )
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(publisher.run())
        await reports.connected()
        await publisher.stop(DEADLINE_SECONDS)


@on_loop
async def test_a_stop_waits_for_nobody_when_nothing_is_owed():
    async with publishing(f"mqtt://localhost:{free_port()}") as (publisher, reports):
        publisher.put(state("ready"))
        await reports.waiting()
        await publisher.stop(3600)


@on_loop
async def test_a_stop_with_a_frozen_broker_keeps_its_deadline(fresh_broker):
    async with publishing(fresh_broker.url) as (publisher, reports):
        await reports.connected()
        fresh_broker.freeze()
        publisher.put(final(1))
        await publisher.stop(1.5)
        assert publisher._outbox.pending == 1
        fresh_broker.thaw()


# --- doors that are not a broker, or not open to us -------------------------------------------------------------


class Door:
    """A port where ``answer(connection)`` serves each caller; ``called`` when there was one."""

    def __init__(self, answer):
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0))
        self._inside = socket.socket()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.called = threading.Event()
        self.where = f"localhost:{self._server.getsockname()[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._inside.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE_SECONDS)
        self._inside.close()
        self._server.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                self._inside.close()
                self._inside, _ = self._server.accept()
                self.called.set()
                with suppress(OSError):
                    self._answer(self._inside)
                    self._inside.close()


def hang_up(_connection):
    pass


def speak_http(connection):
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" + b"x" * 200)


def speak_nonsense(connection):
    connection.recv(1000)
    connection.sendall(b"\xff" * 1000)


def take_then_hang_up(connection):
    connection.recv(1000)


def say_nothing(connection):
    while connection.recv(1000):
        pass


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (hang_up, "closes the connection at once"),
        (take_then_hang_up, "closes the connection at once"),
        (speak_http, "MQTT"),
        (speak_nonsense, "does not speak MQTT"),
        (say_nothing, "accepts the connection but does not speak MQTT"),
    ],
)
@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws"])
@on_loop
async def test_who_is_no_broker_is_told_so(answer, said, scheme):
    with Door(answer) as door:
        async with publishing(f"{scheme}://{door.where}", connect_seconds=0.5) as (_, reports):
            detail = await reports.waiting()
    assert door.where in detail
    assert scheme != "mqtt" or said in detail


@on_loop
async def test_a_wrong_password_is_told_and_tried_again():
    with Broker(login=("edgetx", "right")) as broker:
        async with publishing(broker.url, username="edgetx", password="wrong") as (_, reports):
            assert "check mqtt.username and mqtt.password" in await reports.waiting()
            assert "wrong" not in str(reports.said)
            broker.kill()
            broker.login = ("edgetx", "wrong")
            broker.start()
            await reports.connected()


@on_loop
async def test_a_certificate_that_nobody_signed_is_told():
    with Broker(protocol="mqtts") as broker:
        async with publishing(broker.url) as (_, reports):
            assert "is not to be trusted (self-signed certificate)" in await reports.waiting()


@on_loop
async def test_a_ca_file_that_is_not_there_is_told(broker, tmp_path):
    async with publishing(broker.url.replace("mqtt", "mqtts"), ca_file=tmp_path / "none.pem") as (_, reports):
        assert "mqtt.ca_file" in await reports.waiting()


@on_loop
async def test_a_broker_without_tls_is_told_when_asked_for_it(broker):
    async with publishing(broker.url.replace("mqtt", "mqtts")) as (_, reports):
        assert f"localhost:{broker.port}" in await reports.waiting()


@on_loop
async def test_a_host_that_nobody_knows_is_told():
    async with publishing("mqtt://broker.invalid") as (_, reports):
        assert "broker.invalid is not known" in await reports.waiting()


@on_loop
async def test_an_address_that_is_none_is_told():
    async with publishing("http://localhost") as (_, reports):
        assert "mqtt.url is not a broker's address" in await reports.waiting()


@on_loop
async def test_the_loop_lives_while_a_connection_hangs():
    beats = 0
    with Door(say_nothing) as door:
        async with publishing(f"mqtts://{door.where}", connect_seconds=0.5) as (publisher, reports):
            waiting = asyncio.create_task(reports.waiting())
            while not waiting.done():
                publisher.put(final(beats))
                await asyncio.sleep(0.001)
                beats += 1
            assert "does not answer" in waiting.result()
    assert beats > 20


@on_loop
async def test_a_stop_while_a_connection_hangs_leaves_nothing_behind():
    with Door(say_nothing) as door:
        async with publishing(f"mqtts://{door.where}", connect_seconds=3600) as (publisher, _):
            assert await asyncio.to_thread(door.called.wait, DEADLINE_SECONDS)
            await publisher.stop(3600)
