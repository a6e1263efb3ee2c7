import asyncio
import json

import pytest

from edgetx.config import MqttSettings
from edgetx.mqtt.listener import Listener, line
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.story import until

DEADLINE_SECONDS = 20


def test_a_transcript_is_shown_by_its_time_and_text():
    payload = {"text": "hello", "start": "2026-11-20T10:15:03.120Z", "final": True}
    shown = line("kitchen/desk/transcript/final", json.dumps(payload).encode())
    assert shown == "kitchen/desk/transcript/final  2026-11-20T10:15:03.120Z  hello"


@pytest.mark.parametrize(
    ("topic", "payload", "shown"),
    [
        ("kitchen/availability", b"online", "online"),
        ("kitchen/health", b'{"verdict":"running"}', '{"verdict":"running"}'),
        ("kitchen/desk/transcript/final", b"[1]", "[1]"),
        ("kitchen/desk/transcript/final", b"\xff", "\ufffd"),
    ],
)
def test_everything_else_is_shown_as_it_is(topic, payload, shown):
    assert line(topic, payload) == f"{topic}  {shown}"


def test_it_listens_to_a_real_broker_and_again_after_its_restart():
    async def scene(broker: Broker) -> list[str]:
        shown: list[str] = []

        async def soon(_seconds: float) -> None:
            await asyncio.sleep(0.05)

        listener = Listener(MqttSettings(url=broker.url), None, show=shown.append, sleep=soon, random=lambda: 0.0)
        listening = asyncio.create_task(listener.run())
        async with asyncio.timeout(DEADLINE_SECONDS):
            await until(lambda: len(shown) == 1)
            await asyncio.to_thread(broker.stop)
            await until(lambda: any("The next try is in" in text for text in shown))
            await asyncio.to_thread(broker.start)
            await until(lambda: sum(text.startswith("Listening to edgetx/#") for text in shown) == 2)
            with Subscriber(broker) as peer:
                peer.publish("edgetx/kitchen/availability", b"online", retain=True)
                await until(lambda: "kitchen/availability  online" in shown)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        return shown

    with Broker() as broker:
        assert asyncio.run(scene(broker))[0] == f"Listening to edgetx/# at localhost:{broker.port}."
