"""Asking a daemon for something by a broker, where the broker or the daemon is not what one would wish."""

import asyncio
import json

import pytest

from edgetx.config import MqttSettings
from edgetx.errors import Refused, TryAgain
from edgetx.mqtt.asking import Asking
from edgetx.mqtt.topics import Topics
from tests.mqtt.test_hearing import DATA, TOPICS, hears, house
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.scripted_broker import SUBSCRIBE, ScriptedBroker
from tests.rigs.story import story


def asking(url, *, topics=TOPICS, seconds=10.0):
    return Asking(MqttSettings(url=url), None, topics, "t1", answer_seconds=seconds)


@story
async def test_the_daemon_is_asked_and_its_answer_returned():
    with Broker() as broker:
        async with house(broker.url) as there:
            await hears(there)
            assert await asking(broker.url).ask("mute", "desk") == DATA
            assert await asking(broker.url).ask("mute", None) == DATA
            assert there.asked == [("mute", "desk"), ("mute", None)]
            with pytest.raises(Refused, match="The daemon 'kitchen' does not do it: There is no such microphone"):
                await asking(broker.url).ask("mute", "nope")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (b"", "the broker knows nothing of it"),
        (b"offline", "to the broker it is offline"),
        (b"\x1b[2J", "knows nothing"),
    ],
)
@story
async def test_a_daemon_that_is_not_there_is_said_with_what_the_broker_knows(left, said):
    with Broker() as broker, Subscriber(broker, "none") as peer:
        await asyncio.to_thread(peer.publish, "edgetx/kitchen/availability", left, retain=True)
        with pytest.raises(TryAgain, match=rf"'kitchen' does not answer by the broker at localhost:\d+: .*{said}"):
            await asking(broker.url, seconds=0.3).ask("mute", None)


@story
async def test_the_answer_to_another_is_not_ours_nor_is_one_that_was_there_before():
    with Broker() as broker, Subscriber(broker, "none") as peer:
        late = json.dumps({"status": "ok", "data": {}, "transaction": "t1"}).encode()
        await asyncio.to_thread(peer.publish, "edgetx/kitchen/response/mute", late, retain=True)
        waiting = asyncio.ensure_future(asking(broker.url, seconds=0.5).ask("mute", None))
        other = json.dumps({"status": "ok", "data": {}, "transaction": "t2"}).encode()
        while not waiting.done():
            await asyncio.to_thread(peer.publish, "edgetx/kitchen/response/mute", other, retain=False)
        with pytest.raises(TryAgain, match="does not answer"):
            await waiting


@story
async def test_a_broker_that_is_not_there_is_said():
    with pytest.raises(TryAgain, match=r"127\.0\.0\.1:1"):
        await asking("mqtt://127.0.0.1:1").ask("mute", None)


def deny(visit):
    visit.accept()
    kind, _, body, _ = visit.packet()
    assert kind == SUBSCRIBE
    visit.send(9, body[:2] + bytes([0, 135]))
    visit.serve()


@story
async def test_a_broker_that_does_not_let_us_hear_the_answer_is_said():
    with ScriptedBroker(deny) as broker, pytest.raises(TryAgain, match="Not authorized"):
        await asking(broker.url).ask("mute", None)


def deny_request(visit):
    visit.accept()
    for _ in range(2):
        _, _, body, _ = visit.packet()
        visit.send(9, body[:2] + bytes([0, 1]))
    visit.acknowledge(visit.next(), 135)
    visit.serve()


@story
async def test_a_broker_that_does_not_take_our_request_is_said():
    with ScriptedBroker(deny_request) as broker, pytest.raises(TryAgain, match="Not authorized"):
        await asking(broker.url).ask("mute", None)


def hang_up(visit):
    visit.accept()
    visit.packet()


@story
async def test_a_broker_that_hangs_up_is_said():
    with ScriptedBroker(hang_up) as broker, pytest.raises(TryAgain, match="was lost"):
        await asking(broker.url).ask("mute", None)


@story
async def test_a_broker_of_the_older_version_is_asked_again_in_that():
    topics = Topics("edgetx", "kitchen")

    def old_only(visit):
        visit.accept(132 if visit.version == 5 else 5)

    with ScriptedBroker(old_only) as broker:
        with pytest.raises(TryAgain):
            await asking(broker.url, topics=topics).ask("mute", None)
        assert [visit.version for visit in broker.visits] == [5, 4]
