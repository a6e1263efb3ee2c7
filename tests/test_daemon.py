"""The whole daemon: its own process, a real ALSA device, a real broker; nothing but settings and topics is used."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edgetx.mqtt.schemas import schema
from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.broker import Broker, Received, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.gate import Gate
from tests.rigs.hearing import bursts
from tests.rigs.microphones import SPEECH, FifoMicrophone, fifo_microphone, wait_until, wav_bytes

SECONDS = 40
READING = SPEECH / "austen-0930.wav"


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture
def microphone(tmp_path: Path) -> Iterator[FifoMicrophone]:
    with fifo_microphone(tmp_path) as microphone:
        yield microphone


def settings(broker: Broker | None, source: dict[str, Any], **more: Any) -> dict[str, Any]:
    url = broker.url if broker else "mqtt://127.0.0.1:1"
    desk = {"name": "desk", "source": source}
    return {"device": "lab", "mqtt": {"url": url}, "microphones": [desk], **more}


def finals(subscriber: Subscriber) -> list[dict[str, Any]]:
    return [payload(message.payload) for message in subscriber.on("/transcript/final")]


def state_is(part: str, status: str):
    def found(messages: list[Received]) -> bool:
        states = [payload(message.payload) for message in messages if message.topic.endswith("/desk/state")]
        return bool(states) and states[-1][part] == status

    return found


def has_heard(*, frames: int):
    def found(messages: list[Received]) -> bool:
        partials = [payload(message.payload) for message in messages if message.topic.endswith("/partial")]
        return any(partial["frames"][1] >= frames for partial in partials)

    return found


def verdict_is(verdict: str):
    def found(messages: list[Received]) -> bool:
        health = [payload(message.payload) for message in messages if message.topic.endswith("/health")]
        return bool(health) and health[-1]["verdict"] == verdict

    return found


def assert_all_as_the_schemas_say(messages: list[Received]) -> None:
    for message in messages:
        kind = message.topic.rpartition("/")[2]
        kind = next((asked for asked in ("request", "response") if f"/{asked}/" in message.topic), kind)
        kind = "transcript" if kind in {"final", "partial"} else kind
        value = message.payload.decode() if kind == "availability" else json.loads(message.payload)
        jsonschema.validate(value, schema(kind), format_checker=jsonschema.FormatChecker())


def test_speech_into_a_microphone_comes_out_as_messages_and_a_stop_delivers_the_last_words(
    tmp_path, broker, microphone
):
    with (
        Subscriber(broker) as subscriber,
        Daemon(tmp_path, settings(broker, {"alsa": "fifo"}), microphone.environment) as daemon,
    ):
        assert subscriber.wait_for(state_is("provider", "ready"), SECONDS), daemon.log
        began = time.time()
        microphone.play(wav_bytes(READING), pace=2.0)
        assert subscriber.wait_for(has_heard(frames=40_000), SECONDS), daemon.log
        assert finals(subscriber) == []
        daemon.process.send_signal(signal.SIGTERM)
        microphone.silence(0.2)
        assert daemon.process.wait(SECONDS) == 0, daemon.log
        assert subscriber.wait_for(lambda messages: messages[-1].payload == b"stopped", SECONDS)
        (final,) = finals(subscriber)
        assert "might even have been" in final["text"]
        assert began - 3 < datetime.fromisoformat(final["start"]).timestamp() < began + 1
        assert len(subscriber.on("/transcript/partial")) > 1
        ledger = payload(subscriber.on("/desk/state")[-1].payload)["ledger"]
        assert ledger["captured_seconds"] == pytest.approx(
            ledger["transcribed_seconds"] + ledger["silent_seconds"] + ledger["lost_seconds"], abs=0.002
        )
        assert ledger["lost_seconds"] == 0
        assert ledger["transcribed_seconds"] > 2.5
        assert_all_as_the_schemas_say(subscriber.received)
        assert "Traceback" not in daemon.log


def test_systemd_is_told_ready_status_watchdog_and_stopping(tmp_path, microphone):
    environment = {**microphone.environment, "WATCHDOG_USEC": "2000000"}
    with Daemon(tmp_path, settings(None, {"alsa": "fifo"}), environment) as daemon:
        assert daemon.wait_until_told("READY=1"), daemon.log
        for _ in range(40):
            microphone.play(bytes(3200))
        assert daemon.wait_until_told("WATCHDOG=1", times=2), daemon.told
        assert daemon.wait_until_told("STATUS=Degraded: audio running"), daemon.told
        daemon.process.send_signal(signal.SIGTERM)
        microphone.silence(0.2)
        assert daemon.process.wait(SECONDS) == 0, daemon.log
        assert "STOPPING=1" in daemon.told


def test_without_audio_the_watchdog_is_not_fed_and_the_microphone_is_called_stalled(tmp_path, broker, microphone):
    environment = {**microphone.environment, "WATCHDOG_USEC": "400000"}
    with (
        Subscriber(broker) as subscriber,
        Daemon(tmp_path, settings(broker, {"alsa": "fifo"}), environment) as daemon,
    ):
        microphone.silence(0.5)
        assert subscriber.wait_for(state_is("capture", "running"), SECONDS), daemon.log
        assert subscriber.wait_for(state_is("capture", "stalled"), SECONDS), daemon.log
        fed = daemon.told.count("WATCHDOG=1")
        assert subscriber.wait_for(verdict_is("stalled"), SECONDS)
        microphone.play(wav_bytes(READING)[: 2 * 32_000])
        assert subscriber.wait_for(state_is("capture", "running"), SECONDS), daemon.log
        assert daemon.wait_until_told("WATCHDOG=1", times=fed + 1)


def test_a_broker_that_comes_late_gets_what_was_said_before(tmp_path, broker, microphone):
    with Gate(broker.port) as gate, Subscriber(broker) as subscriber:
        config = settings(broker, {"alsa": "fifo"}) | {"mqtt": {"url": f"mqtt://127.0.0.1:{gate.port}"}}
        with Daemon(tmp_path, config, microphone.environment) as daemon:
            wait_until(lambda: "local for desk: ready" in daemon.log, seconds=SECONDS, what="the recogniser's start")
            microphone.play(wav_bytes(READING) + bytes(32_000), pace=2.0)
            assert subscriber.received == []
            opened = time.time()
            gate.open()
            assert subscriber.wait_for(lambda _: bool(subscriber.on("/transcript/final")), SECONDS), daemon.log
            assert datetime.fromisoformat(finals(subscriber)[0]["end"]).timestamp() < opened


def test_a_killed_recogniser_is_started_again_and_given_the_audio_again(tmp_path, broker, microphone):
    sound = wav_bytes(READING)
    half = len(sound) // 4 * 2
    with (
        Subscriber(broker) as subscriber,
        Daemon(tmp_path, settings(broker, {"alsa": "fifo"}), microphone.environment) as daemon,
    ):
        assert subscriber.wait_for(state_is("provider", "ready"), SECONDS), daemon.log
        microphone.play(sound[:half], pace=2.0)
        (child,) = daemon.children()
        os.kill(child, signal.SIGKILL)
        assert subscriber.wait_for(state_is("provider", "waiting"), SECONDS), daemon.log
        microphone.play(sound[half:] + bytes(64_000), pace=2.0)
        assert subscriber.wait_for(lambda _: bool(subscriber.on("/transcript/final")), SECONDS), daemon.log
        first, last = finals(subscriber)[0]["frames"]
        assert first < half // 2 < last
        assert "ended with status -9" in daemon.log


def test_a_daemon_that_is_killed_is_shown_offline(tmp_path, broker, microphone):
    with (
        Subscriber(broker) as subscriber,
        Daemon(tmp_path, settings(broker, {"alsa": "fifo"}), microphone.environment) as daemon,
    ):
        assert subscriber.wait_for(state_is("provider", "ready"), SECONDS), daemon.log
        daemon.process.kill()
        assert subscriber.wait_for(lambda messages: messages[-1].payload == b"offline", SECONDS)


def test_a_microphone_that_does_not_exist_is_shown_and_harms_nothing(tmp_path, broker, microphone):
    config = settings(broker, {"alsa": "nope"})
    config["microphones"].append({"name": "hall", "source": {"wav": str(READING), "pace": "fast"}})
    with Subscriber(broker) as subscriber, Daemon(tmp_path, config, microphone.environment) as daemon:
        assert subscriber.wait_for(state_is("capture", "absent"), SECONDS), daemon.log
        detail = payload(subscriber.on("/desk/state")[-1].payload)["detail"]
        assert "There is no capture device nope; there are: fifo" in detail
        assert subscriber.wait_for(lambda _: bool(subscriber.on("/hall/transcript/final")), SECONDS), daemon.log


def test_wrong_settings_end_it_at_once_with_every_fault_and_code_78(tmp_path):
    text = "microphones:\n  - name: desk\n    provider: aai\n    pace: fast\n"
    with Daemon(tmp_path, text, {}) as daemon:
        assert daemon.process.wait(SECONDS) == 78
        lines = daemon.log.splitlines()
        assert [line.split(":")[1] for line in lines] == ["3", "4"]
        assert all(line.startswith(f"{daemon.config}:") for line in lines)
        assert daemon.told == []


def test_a_secret_that_is_not_there_is_a_wrong_setting(tmp_path):
    config = settings(
        None, {"alsa": "default"}, providers={"aai": {"type": "assemblyai", "api_key": {"env": "NO_KEY"}}}
    )
    config["microphones"][0]["provider"] = "aai"
    with Daemon(tmp_path, config, {}) as daemon:
        assert daemon.process.wait(SECONDS) == 78
        assert "providers.aai.api_key" in daemon.log
        assert "NO_KEY" in daemon.log
        assert "Traceback" not in daemon.log


def test_the_words_of_a_streaming_provider_stand_where_their_sound_was(tmp_path, broker, microphone):
    with Subscriber(broker) as subscriber, assemblyai(tmp_path) as url:
        aai = {"type": "assemblyai", "api_key": {"env": "AAI_KEY"}, "url": url}
        config = settings(broker, {"alsa": "fifo"}, providers={"aai": aai})
        config["microphones"][0]["provider"] = "aai"
        with Daemon(tmp_path, config, {**microphone.environment, "AAI_KEY": KEY}) as daemon:
            assert subscriber.wait_for(state_is("provider", "ready"), SECONDS), daemon.log
            began = time.time()
            microphone.play(bursts(0.5, 0.6, 1.0, 0.4, 0.8))
            assert subscriber.wait_for(lambda _: len(subscriber.on("/transcript/final")) == 2, SECONDS), daemon.log
            spans = [(final["start"], final["end"]) for final in finals(subscriber)]
            daemon.process.send_signal(signal.SIGTERM)
            microphone.silence(0.2)
            assert daemon.process.wait(SECONDS) == 0, daemon.log
            assert subscriber.wait_for(lambda messages: messages[-1].payload == b"stopped", SECONDS)
        assert [seconds_after(began, times) for times in spans] == [
            pytest.approx((0.5, 1.1), abs=0.25),
            pytest.approx((2.1, 2.5), abs=0.25),
        ]
        assert_all_as_the_schemas_say(subscriber.received)
        assert KEY not in daemon.log + "".join(str(message.payload) for message in subscriber.received)
    (connection,) = json.loads((tmp_path / "provider.json").read_text())
    assert connection["texts"] == ['{"type":"Terminate"}']


def test_a_provider_that_refuses_is_said_and_a_stop_does_not_wait_for_it(tmp_path, broker, microphone):
    with Subscriber(broker) as subscriber, assemblyai(tmp_path) as url:
        aai = {"type": "assemblyai", "api_key": {"env": "AAI_KEY"}, "url": url}
        config = settings(broker, {"alsa": "fifo"}, providers={"aai": aai})
        config["microphones"][0]["provider"] = "aai"
        with Daemon(tmp_path, config, {**microphone.environment, "AAI_KEY": "wrong"}) as daemon:
            microphone.silence(0.3)
            assert subscriber.wait_for(state_is("provider", "refused"), SECONDS), daemon.log
            assert "Invalid API key" in payload(subscriber.on("/desk/state")[-1].payload)["detail"]
            daemon.process.send_signal(signal.SIGTERM)
            microphone.silence(0.2)
            assert daemon.process.wait(SECONDS) == 0, daemon.log
            assert "cut short" not in daemon.log
            assert subscriber.wait_for(lambda messages: messages[-1].payload == b"stopped", SECONDS)
            state = payload(subscriber.on("/desk/state")[-1].payload)
        # Nothing is given up: what nobody would transcribe is on disk, for the next run.
        assert state["ledger"]["lost_seconds"] == 0
        assert state["backlog_seconds"] == state["ledger"]["captured_seconds"] > 0
        assert list((tmp_path).rglob("audio/desk/*"))


def seconds_after(began: float, times: tuple[str, str]) -> tuple[float, ...]:
    return tuple(datetime.fromisoformat(when).timestamp() - began for when in times)


@contextmanager
def assemblyai(folder: Path) -> Iterator[str]:
    """The stand-in for AssemblyAI in a process of its own; yields its address. What came is recorded at its end."""
    command = [sys.executable, "-m", "tests.rigs.assemblyai_server", "--record", str(folder / "provider.json")]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip()
        server.communicate(timeout=SECONDS)
    finally:
        server.kill()
        server.communicate()
