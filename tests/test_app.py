"""What the microphones of one daemon share: settings in, topics out."""

import threading
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgetx.app import DRAIN_SECONDS, _microphone_left
from edgetx.audio.log import AudioLog
from edgetx.config import Secret
from edgetx.microphone import STOP_CAPTURE_SECONDS, Microphone
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


def test_a_reload_that_would_leave_a_stuck_reader_with_the_device_ends_the_daemon():
    driver, entered = threading.Event(), threading.Event()

    def read() -> None:
        entered.set()
        driver.wait(30)

    parts: Any = SimpleNamespace(run=read)
    desk = Microphone("desk", parts, AudioLog(keep_seconds=1), transcriber=parts, state=parts, keeper=parts)
    daemon: Any = SimpleNamespace(microphones={"desk": desk})
    plan: Any = SimpleNamespace(settings=SimpleNamespace(name="desk"))
    assert not desk.is_stuck
    reader = threading.Thread(target=desk._capture_to_the_end)
    reader.start()
    try:
        assert entered.wait(10)
        with pytest.raises(RuntimeError, match="does not let go of its device"):
            _microphone_left(daemon, plan)
    finally:
        driver.set()
        reader.join()
    assert not desk.is_stuck
