"""What the microphones of one daemon share: settings in, topics out."""

import wave
from pathlib import Path

from edgetx.app import DRAIN_SECONDS
from edgetx.config import Secret
from edgetx.microphone import STOP_CAPTURE_SECONDS
from edgetx.provider_settings import AiolaSettings
from edgetx.speech.providers.aiola import Aiola
from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.broker import Broker, Received, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.hearing import bursts
from tests.test_daemon import assemblyai

SECONDS = 40


def recording(folder: Path) -> str:
    path = folder / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bursts(0.3, 0.4, 0.5))
    return str(path)


def is_held_back(messages: list[Received]) -> bool:
    states = [payload(message.payload) for message in messages if message.topic.endswith("/state")]
    return any("no more than 1 new sessions a minute are allowed" in state.get("detail", "") for state in states)


def test_two_microphones_of_one_provider_share_its_sessions_per_minute(tmp_path):
    microphones = [
        {"name": name, "provider": "aai", "source": {"wav": recording(tmp_path), "pace": "fast"}}
        for name in ("desk", "hall")
    ]
    with Broker() as broker, Subscriber(broker) as subscriber, assemblyai(tmp_path) as url:
        aai = {"type": "assemblyai", "api_key": {"env": "AAI_KEY"}, "url": url, "sessions_per_minute": 1}
        config = {
            "device": "lab",
            "mqtt": {"url": broker.url},
            "providers": {"aai": aai},
            "microphones": microphones,
        }
        with Daemon(tmp_path, config, {"AAI_KEY": KEY}) as daemon:
            assert subscriber.wait_for(is_held_back, SECONDS), daemon.log
            assert subscriber.wait_for(lambda _: bool(subscriber.on("/transcript/final")), SECONDS), daemon.log
            daemon.stop()
        assert len(subscriber.on("/transcript/final")) == 1


def test_a_stop_has_time_for_the_last_words_of_a_provider_that_never_confirms_its_end():
    limits = Aiola("aiola", AiolaSettings(Secret("text", "k3y")), "k3y").limits
    assert limits.ends_by_silence
    assert limits.drain_seconds + STOP_CAPTURE_SECONDS < DRAIN_SECONDS
