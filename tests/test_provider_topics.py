"""What each provider in the network tells reaches a subscriber of a real broker, through the whole daemon.

Connected, partial, final, event, error, disconnected; then a stop, which takes leave of each as agreed.
"""

import asyncio
import json
import wave
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edgetx.audio.format import RATE
from edgetx.mqtt.schemas import schema
from tests.rigs import aiola_scenario, assemblyai_scenario, assemblyai_v2_messages
from tests.rigs.aiola_server import AiolaServer
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.assemblyai_v2_server import AssemblyAIV2Server
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.hearing import bursts
from tests.rigs.story import story

SECONDS = 50
KEYS = {"AAI_KEY": assemblyai_scenario.KEY, "AIOLA_KEY": aiola_scenario.KEY}
SPEAKS = bursts(0.6, 0.6, 1.2)
MILLISECONDS = 2600  # After the first word, and in the middle of the second.

V3 = assemblyai_scenario.Scenario(
    fault=assemblyai_scenario.Fault.ERROR,
    fault_at_ms=MILLISECONDS,
    error=(3005, "Session Cancelled: An error occurred"),
)
V2 = assemblyai_v2_messages.Scenario(fails=(1013, "Temporary server condition"), fails_at_ms=MILLISECONDS)
AIOLA = aiola_scenario.Scenario(
    fault=aiola_scenario.Fault.DISCONNECT,
    fault_at_ms=MILLISECONDS,
    says=(("structured", {"results": {"pump": "off"}}), ("error", {"message": "An odd error"})),
)
SAID = {
    "v3": {"error": "Session Cancelled: An error occurred", "code": 3005},
    "v2": {"error": "Temporary server condition"},
    "aiola": {"error": "An odd error"},
}


def settings(broker: Broker, wav: Path, **urls: str) -> dict[str, Any]:
    key, url = {"env": "AAI_KEY"}, urls["aiola"]
    providers = {
        "v3": {"type": "assemblyai", "api_key": key, "url": urls["v3"], "tokens": True},
        "v2": {"type": "assemblyai-v2", "api_key": key, "url": urls["v2"], "end_utterance_silence_threshold": 400},
        "aiola": {"type": "aiola", "api_key": {"env": "AIOLA_KEY"}, "endpoint": url, "auth_endpoint": url},
    }
    source = {"wav": str(wav), "repeat": True}
    microphones = [{"name": name, "provider": name, "source": source} for name in providers]
    return {"device": "lab", "mqtt": {"url": broker.url}, "providers": providers, "microphones": microphones}


def events(subscriber: Subscriber, microphone: str, name: str) -> list[dict[str, Any]]:
    told = [payload(message.payload) for message in subscriber.on(f"/{microphone}/event")]
    return [event for event in told if event["event"] == name]


def has_told_all(subscriber: Subscriber) -> Callable[[object], bool]:
    """Whether each had a session that broke, another, and a word in that one."""

    def found(_: object) -> bool:
        for microphone in SAID:
            opened = events(subscriber, microphone, "session_opened")
            said = [payload(message.payload) for message in subscriber.on(f"/{microphone}/transcript/final")]
            if len(opened) < 2 or opened[1]["session"] not in {final["session"] for final in said}:
                return False
        return True

    return found


def assert_all_is_told(subscriber: Subscriber, microphone: str) -> None:
    broken, *_, ended = events(subscriber, microphone, "session_closed")
    assert (broken["clean"], ended["clean"]) == (False, True), json.dumps(ended)
    assert broken["reason"]
    assert 0 < broken["acknowledged_seconds"] <= broken["audio_seconds"] <= broken["seconds"] + 2.5
    assert ended["audio_seconds"] > 0
    told = events(subscriber, microphone, "provider")
    assert any(event.items() >= SAID[microphone].items() for event in told)
    assert all(event["provider"] == microphone for event in told)
    finals = [payload(message.payload) for message in subscriber.on(f"/{microphone}/transcript/final")]
    assert len({final["id"] for final in finals}) == len(finals)
    assert all((final.get("timing") == "estimated") is (microphone == "aiola") for final in finals)
    partials = subscriber.on(f"/{microphone}/transcript/partial")
    assert bool(partials) is (microphone != "aiola")


def assert_as_the_schemas_say(subscriber: Subscriber) -> None:
    for message in subscriber.received:
        kind = message.topic.rpartition("/")[2]
        if kind != "availability":
            kind = "transcript" if kind in {"final", "partial"} else kind
            jsonschema.validate(json.loads(message.payload), schema(kind), format_checker=jsonschema.FormatChecker())


@pytest.mark.slow
@story
async def test_all_that_each_provider_tells_reaches_a_subscriber_and_a_stop_takes_leave_of_each(tmp_path):
    wav = tmp_path / "speech.wav"
    with wave.open(str(wav), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(SPEAKS)
    async with AsyncExitStack() as stack:
        v3 = await stack.enter_async_context(AssemblyAIServer(V3, assemblyai_scenario.Scenario()))
        v2 = await stack.enter_async_context(AssemblyAIV2Server(V2, assemblyai_v2_messages.Scenario()))
        aiola = await stack.enter_async_context(AiolaServer(AIOLA, aiola_scenario.Scenario()))
        broker = stack.enter_context(Broker())
        subscriber = stack.enter_context(Subscriber(broker))
        urls = {"v3": v3.url, "v2": v2.url, "aiola": aiola.url}
        daemon = stack.enter_context(Daemon(tmp_path, settings(broker, wav, **urls), KEYS))
        assert await asyncio.to_thread(subscriber.wait_for, has_told_all(subscriber), SECONDS), daemon.log
        assert await asyncio.to_thread(daemon.stop) == 0, daemon.log
        assert await asyncio.to_thread(subscriber.wait_for, lambda all_: all_[-1].payload == b"stopped", SECONDS)
        for microphone in SAID:
            assert_all_is_told(subscriber, microphone)
        assert {"results": {"pump": "off"}} in [event.get("data") for event in events(subscriber, "aiola", "provider")]
        assert v3.connections[-1].texts == ['{"type":"Terminate"}']
        assert '{"terminate_session": true}' in v2.connections[-1].messages
        assert aiola.sessions == set()
        assert_as_the_schemas_say(subscriber)
        written = daemon.log + "".join(str(message) for message in subscriber.received)
        secrets = [*KEYS.values(), *(c.query["token"] for c in v3.connections)]
        secrets += [connection.query["x-aiola-api-token"] for connection in aiola.connections]
        assert [secret for secret in secrets if secret in written] == []
        assert "Traceback" not in daemon.log
