"""The daemon with a gate and a budget, with real parts: what is sent, what is told, and what a kill leaves of it."""

import json
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np

from edgetx.audio.format import RATE
from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.chaos.judge import judge
from tests.rigs.chaos.theatre import Theatre
from tests.rigs.daemon import Daemon
from tests.rigs.feed import assemblyai_in_a_thread
from tests.rigs.microphones import readings, wav_bytes

SPOKEN_SECONDS = 3
NOISE = 30
HOP = RATE // 100
LOUD = 400
"""More than what the stand-in calls loud."""
FEW = 2
"""At the edges of what it hears, a hop may be cut otherwise."""


def recording(folder: Path) -> tuple[Path, list[tuple[float, float]]]:
    """Two people read for a while, and between them nobody speaks in a quiet room; also return where they do."""
    chance = np.random.default_rng(5)
    parts, spans, at = [], [], 0.0
    for quiet_seconds, reading in zip((3.0, 12.0), readings()[:2], strict=True):
        voice = np.frombuffer(wav_bytes(reading)[RATE * 2 : RATE * 2 * (1 + SPOKEN_SECONDS)], "<i2")
        parts += [np.zeros(round(quiet_seconds * RATE)), voice]
        spans.append((at + quiet_seconds, at + quiet_seconds + len(voice) / RATE))
        at = spans[-1][1]
    samples = np.concatenate([*parts, np.zeros(4 * RATE)])
    samples += chance.normal(0, NOISE, len(samples))
    path = folder / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())
    return path, spans


def test_only_speech_of_a_recording_is_sent_and_every_frame_of_it_is_accounted_for(tmp_path):
    path, spans = recording(tmp_path)
    with Broker() as broker, Subscriber(broker) as subscriber, assemblyai_in_a_thread() as server:
        settings = {
            "device": "kitchen",
            "mqtt": {"url": broker.url},
            "providers": {"aai": {"type": "assemblyai", "api_key": {"env": "KEY"}, "url": server.url}},
            "microphones": [
                {
                    "name": "desk",
                    "source": {"wav": str(path), "pace": "fast"},
                    "provider": "aai",
                    "gate": "close-when-silent",
                }
            ],
        }
        with Daemon(tmp_path, settings, {"KEY": KEY}) as daemon:
            assert daemon.process.wait(60) == 0, daemon.log
        received = [(message.topic, message.payload) for message in subscriber.received]
    told = [json.loads(payload) for topic, payload in received if topic.endswith("/event")]
    ledger = [json.loads(payload) for topic, payload in received if topic.endswith("/desk/state")][-1]["ledger"]
    assert ledger["lost_seconds"] == 0
    assert abs(ledger["captured_seconds"] - ledger["transcribed_seconds"] - ledger["silent_seconds"]) < 0.002
    assert abs(ledger["captured_seconds"] - spans[-1][1] - 4) < 0.002
    sent = sum(event["audio_seconds"] for event in told if event["event"] == "session_closed")
    assert 2 * SPOKEN_SECONDS < sent < 0.6 * ledger["captured_seconds"]
    finals = [json.loads(payload)["frames"] for topic, payload in received if topic.endswith("/final")]
    assert unheard(path, finals) <= FEW
    heard = [event["frames"] for event in told if event["event"] == "speech_stopped"]
    assert len(heard) == len([event for event in told if event["event"] == "speech_started"])
    for start, end in spans:
        assert any(first <= start * RATE and end * RATE <= last for first, last in heard), (heard, spans)


def unheard(path: Path, finals: list[list[int]]) -> int:
    """Return how many hundredths of a second are loud in a recording and in no final."""
    samples = np.frombuffer(wav_bytes(path), "<i2").astype(float)
    hops = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    loud = np.sqrt((hops**2).mean(axis=1)) > LOUD
    assert loud.sum() > 100
    for first, last in finals:
        loud[first // HOP : -(-last // HOP)] = False
    return int(loud.sum())


def test_a_session_of_which_nothing_was_heard_is_used_of_the_budget_after_a_kill(tmp_path):
    settings = {"max_session_minutes_per_day": 100, "gate": "send-speech"}
    with Theatre(tmp_path, seed=1, microphone_settings=settings) as theatre:
        theatre.speaker.be_quiet()
        started = time.monotonic()
        theatre.raise_curtain()
        theatre.until(lambda: theatre.events("session_opened"), what="a session")
        opened = time.monotonic()
        theatre.speak(5)
        open_seconds = time.monotonic() - opened
        theatre.kill_daemon()
        runs = len(states(theatre))
        theatre.restart_daemon()
        theatre.until(lambda: states(theatre)[runs:], what="a state")
        used_seconds = states(theatre)[runs]["session_minutes_today"] * 60
    assert open_seconds - 1 < used_seconds < time.monotonic() - started


def states(theatre: Theatre) -> list[dict[str, Any]]:
    return [value for topic, value in theatre.messages if topic.endswith("/desk/state")]


def test_what_was_used_of_the_budget_is_used_after_a_kill(tmp_path):
    with Theatre(tmp_path, seed=1, microphone_settings={"max_session_minutes_per_day": 100}) as theatre:
        theatre.raise_curtain()
        theatre.heard(2)
        theatre.kill_daemon()
        runs = len(states(theatre))
        theatre.restart_daemon()
        theatre.until(lambda: states(theatre)[runs:], what="a state")
        assert states(theatre)[runs]["session_minutes_today"] > 1 / 60
        assert theatre.state["session_minutes_left"] < 100 - 1 / 60
        theatre.heard(1)
        verdict = judge(theatre.end(may_lose=True, may_repeat=True, place_seconds=0.5))
    assert not verdict.faults
