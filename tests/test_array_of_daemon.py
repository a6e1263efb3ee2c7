"""The whole daemon with a microphone array: from all of a board's channels to one text and where its talker was."""

import json
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edgetx import boards
from tests.rigs.broker import Broker, Received, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.microphones import SPEECH, fifo_microphone, wav_bytes
from tests.rigs.plane_wave import delivered, hiss
from tests.rigs.plane_wave import wave as plane_wave
from tests.test_daemon import assert_all_as_the_schemas_say

SECONDS = 40
RATE = 16_000
USB = boards.named("respeaker-usb-4mic")
SIX = boards.named("respeaker-6mic")
AZIMUTH_DEG = 130


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


def spoken(array: boards.Board) -> np.ndarray:
    """Two seconds of hiss, somebody reads, and a second and a half of hiss."""
    reading = np.frombuffer(wav_bytes(SPEECH / "austen-0930.wav"), "<i2").astype(float)
    sound = np.concatenate([np.zeros(2 * RATE), reading, np.zeros(RATE * 3 // 2)])
    return delivered(plane_wave(sound, array, AZIMUTH_DEG) + hiss(len(sound), len(array.microphones)), array)


def settings(broker: Broker, source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "device": "lab",
        "mqtt": {"url": broker.url},
        "microphones": [{"name": "desk", "source": source, "array": USB.name, **more}],
    }


def finals(subscriber: Subscriber) -> list[dict[str, Any]]:
    return [payload(message.payload) for message in subscriber.on("/transcript/final")]


def events(subscriber: Subscriber, name: str) -> list[dict[str, Any]]:
    told = (json.loads(message.payload) for message in subscriber.on("/desk/event"))
    return [event for event in told if event["event"] == name]


def assert_heard(final: dict[str, Any]) -> None:
    assert "might even have been" in final["text"]
    assert final["direction"]["azimuth_deg"] == pytest.approx(AZIMUTH_DEG, abs=10)
    first, last = final["frames"]
    assert first < 3 * RATE < 4 * RATE < last


def test_a_recording_of_an_array_comes_out_as_text_with_the_direction_of_its_talker(tmp_path, broker):
    recording = tmp_path / "array.wav"
    with wave.open(str(recording), "wb") as file:
        file.setnchannels(6)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(spoken(USB).tobytes())
    source = {"wav": str(recording), "pace": "fast"}
    with Subscriber(broker) as subscriber, Daemon(tmp_path, settings(broker, source), {}) as daemon:
        assert daemon.process.wait(SECONDS) == 0, daemon.log
        assert subscriber.wait_for(lambda messages: messages[-1].payload == b"stopped", SECONDS), daemon.log
        (final,) = finals(subscriber)
        assert_heard(final)
        ledger = payload(subscriber.on("/desk/state")[-1].payload)["ledger"]
        assert ledger["captured_seconds"] == round(len(spoken(USB)) / RATE, 3)
        assert ledger["lost_seconds"] == 0
        assert_all_as_the_schemas_say(subscriber.received)
        assert "Traceback" not in daemon.log


def test_a_real_device_with_a_dead_microphone_is_heard_by_the_others_and_that_is_told(tmp_path, broker):
    samples = spoken(USB)
    samples[3 * RATE :, 2] = 0
    with (
        fifo_microphone(tmp_path, frame_bytes=12) as microphone,
        Subscriber(broker) as subscriber,
        Daemon(tmp_path, settings(broker, {"alsa": "fifo"}, level_seconds=0.2), microphone.environment) as daemon,
    ):
        assert subscriber.wait_for(provider_is_ready, SECONDS), daemon.log
        microphone.play(samples.tobytes(), pace=2.0)
        assert subscriber.wait_for(lambda _: bool(finals(subscriber)), SECONDS), daemon.log
        assert_heard(finals(subscriber)[0])
        ran = [state["detail"] for state in states(subscriber.received) if state["capture"] == "running"]
        assert set(ran) == {"16000:S16_LE:6"}
        assert subscriber.wait_for(lambda _: bool(events(subscriber, "channel")), SECONDS), daemon.log
        (told,) = events(subscriber, "channel")
        assert (told["channel"], told["fault"]) == (2, "dead")
        assert f"desk: {told['detail']}" in daemon.log
        levels = [payload(message.payload) for message in subscriber.on("/desk/level")]
        directions = [level["direction"]["azimuth_deg"] for level in levels if "direction" in level]
        assert len(directions) < len(levels)
        assert sorted(directions)[len(directions) // 2] == pytest.approx(AZIMUTH_DEG, abs=10)
        assert_all_as_the_schemas_say(subscriber.received)


def test_a_device_that_has_not_the_array_s_channels_is_refused_with_what_to_do(tmp_path, broker):
    with (
        fifo_microphone(tmp_path) as microphone,
        Subscriber(broker) as subscriber,
        Daemon(tmp_path, settings(broker, {"alsa": "fifo6"}, array=SIX.name), microphone.environment) as daemon,
    ):
        assert subscriber.wait_for(capture_is_in_error, SECONDS), daemon.log
        detail = payload(subscriber.on("/desk/state")[-1].payload)["detail"]
        assert "respeaker-6mic has 8 channels, but the source delivers 6. Write the card itself as 'alsa'" in detail


def test_what_auto_does_not_recognise_is_heard_as_without_an_array_and_its_state_says_why(tmp_path, broker):
    with (
        fifo_microphone(tmp_path) as microphone,
        Subscriber(broker) as subscriber,
        Daemon(tmp_path, settings(broker, {"alsa": "fifo"}, array="auto"), microphone.environment) as daemon,
    ):
        assert subscriber.wait_for(provider_is_ready, SECONDS), daemon.log
        microphone.silence(1.0)
        assert subscriber.wait_for(lambda messages: any(runs(messages)), SECONDS), daemon.log
        (detail,) = set(runs(subscriber.received))
        assert detail.startswith("16000:S16_LE:1; The device is no sound card, so it cannot be told which array it is")
        assert detail.endswith("write the board's name as 'array'. Until then it is listened to as without an array.")


def runs(messages: list[Received]) -> list[str]:
    return [state["detail"] for state in states(messages) if state["capture"] == "running"]


def states(messages: list[Received]) -> list[dict[str, Any]]:
    return [payload(message.payload) for message in messages if message.topic.endswith("/desk/state")]


def provider_is_ready(messages: list[Received]) -> bool:
    return any(state["provider"] == "ready" for state in states(messages)[-1:])


def capture_is_in_error(messages: list[Received]) -> bool:
    return any(state["capture"] == "error" for state in states(messages)[-1:])
