"""Mute as a person and other programs ask for it: the whole daemon, a device of ALSA's on PulseAudio, a real broker.

What the device is told of is asked of PulseAudio: whether anybody reads it.
"""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from edgetx.mqtt.schemas import schema
from tests.rigs.broker import Broker, Received, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.microphones import PulseMicrophone, fifo_microphone, pulse_microphone
from tests.test_daemon import assert_all_as_the_schemas_say, settings, state_is, verdict_is

SECONDS = 40


class House:
    """What outlives a daemon; ``run`` starts one."""

    def __init__(self, folder: Path, broker: Broker, pulse: PulseMicrophone) -> None:
        self._folder = folder
        self._broker = broker
        self._environment = {**pulse.environment, "STATE_DIRECTORY": str(folder / "state")}
        self.settings = settings(broker, {"alsa": pulse.name})
        self._runs = 0

    @contextmanager
    def run(self) -> Iterator[tuple[Daemon, Subscriber]]:
        """Start it anew; who listens has heard nothing of the runs before but what is retained."""
        self._runs += 1
        own = self._folder / f"run{self._runs}"
        own.mkdir()
        with Subscriber(self._broker) as subscriber, Daemon(own, self.settings, self._environment) as daemon:
            assert daemon.wait_until_told("READY=1"), daemon.log
            assert subscriber.wait_for(is_online, SECONDS), daemon.log
            yield daemon, subscriber


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[PulseMicrophone]:
    (home := tmp_path / "pulse").mkdir()
    with pulse_microphone(home) as pulse:
        yield pulse


@pytest.fixture
def lab(tmp_path: Path, pulse: PulseMicrophone) -> Iterator[House]:
    with Broker() as broker:
        yield House(tmp_path, broker, pulse)


def edgetx(daemon: Daemon, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edgetx.cli", *arguments, "--config", str(daemon.config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def ask(subscriber: Subscriber, name: str, **fields: Any) -> dict[str, Any]:
    transaction = uuid.uuid4().hex
    request = json.dumps({**fields, "transaction": transaction}).encode()

    def found(_: object) -> list[dict[str, Any]]:
        told = [payload(message.payload) for message in subscriber.on(f"/response/{name}")]
        return [answer for answer in told if answer.get("transaction") == transaction]

    subscriber.publish(f"edgetx/lab/request/{name}", request, retain=False)
    assert subscriber.wait_for(found, SECONDS)
    (answer,) = found(None)
    jsonschema.validate(answer, schema("response"))
    return answer


def is_online(messages: list[Received]) -> bool:
    told = [message.payload for message in messages if message.topic.endswith("/availability")]
    return told[-1:] == [b"online"]


@pytest.mark.slow
def test_a_muted_microphone_that_is_renamed_listens_and_the_log_says_how_to_mute_it_again(lab):
    warning = "hall is new in the settings and not muted; desk, no longer in them, was muted"
    with lab.run() as (daemon, _):
        assert edgetx(daemon, "mute", "desk").returncode == 0
        assert "is new in the settings" not in daemon.log
        assert daemon.stop() == 0
    lab.settings["microphones"][0]["name"] = "hall"
    with lab.run() as (daemon, _):
        assert daemon.log.count(warning) == 1
        assert "edgetx mute hall" in daemon.log
        daemon.config.write_text(
            yaml.safe_dump(lab.settings | {"microphones": [{**lab.settings["microphones"][0], "name": "lobby"}]})
        )
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.wait_until_told("READY=1", times=2), daemon.log
        assert daemon.log.count("lobby is new in the settings and not muted; desk") == 1
        assert daemon.stop() == 0
    with lab.run() as (daemon, _):
        assert "is new in the settings" not in daemon.log, "it is told once, for then it is known"


def opened_by(daemon: Daemon) -> set[Path]:
    links = Path(f"/proc/{daemon.process.pid}/fd").iterdir()
    return {link.readlink() for link in links if link.is_symlink()}


def captures(subscriber: Subscriber) -> list[str]:
    told = [payload(message.payload) for message in subscriber.on("/desk/state") if not message.retained]
    return [state["capture"] for state in told]


def events(subscriber: Subscriber, name: str) -> list[dict[str, Any]]:
    told = [payload(message.payload) for message in subscriber.on("/desk/event")]
    return [event for event in told if event["event"] == name]


def hears(subscriber: Subscriber) -> bool:
    heard = ("running", "silent")
    return subscriber.wait_for(lambda messages: any(state_is("capture", state)(messages) for state in heard), SECONDS)


@pytest.mark.slow
def test_muted_the_device_is_closed_and_stays_so_over_a_crash_until_it_is_unmuted(lab, pulse):
    with lab.run() as (daemon, subscriber):
        assert hears(subscriber), daemon.log
        assert pulse.readers() == 1
        muted = edgetx(daemon, "mute", "desk")
        assert (muted.returncode, muted.stdout, muted.stderr) == (0, "desk: muted, its device is closed.\n", "")
        assert pulse.readers() == 0
        daemon.process.kill()
        daemon.process.wait()
    pulse.vanish()  # Whoever tried to open it would find it absent, and say so.
    with lab.run() as (daemon, subscriber):
        assert subscriber.wait_for(lambda _: captures(subscriber)[-1:] == ["muted"], SECONDS), daemon.log
        assert ask(subscriber, "state")["data"]["desk"].items() >= {"muted": True, "capture": "muted"}.items()
        assert set(captures(subscriber)) <= {"opening", "muted"}
        pulse.return_()
        assert daemon.wait_until_told("STATUS=Running: audio muted"), daemon.told
        assert subscriber.wait_for(verdict_is("running"), SECONDS)
        assert pulse.readers() == 0
        heard = edgetx(daemon, "unmute")
        assert (heard.returncode, heard.stderr) == (0, "")
        assert heard.stdout.startswith("desk: not muted, capture is ")
        assert hears(subscriber), daemon.log
        assert pulse.readers() == 1
        assert subscriber.wait_for(lambda _: events(subscriber, "gap"), SECONDS)
        assert {gap["cause"] for gap in events(subscriber, "gap")} <= {"muted", "restart"}
        assert events(subscriber, "gap")[-1]["cause"] == "muted"
        assert "absent" not in [event["state"] for event in events(subscriber, "capture")]
        assert daemon.stop() == 0, daemon.log
        assert_all_as_the_schemas_say(subscriber.received)
        assert "Traceback" not in daemon.log
    with lab.run() as (daemon, subscriber):
        assert hears(subscriber), daemon.log


@pytest.mark.slow
def test_a_mute_outlasts_a_reload_and_a_state_file_that_is_lost(lab, pulse, tmp_path):
    with lab.run() as (daemon, subscriber):
        assert hears(subscriber), daemon.log
        assert ask(subscriber, "mute")["data"] == {"desk": {"muted": True, "capture": "muted", "durable": True}}
        seen = len(subscriber.on("/desk/state"))
        changed = {**lab.settings, "microphones": [{**lab.settings["microphones"][0], "catch_up_seconds": 3}]}
        daemon.config.write_text(yaml.safe_dump(changed))
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.wait_until_told("READY=1", times=2), daemon.log
        assert subscriber.wait_for(lambda _: captures(subscriber)[-1] == "muted", SECONDS)
        after = captures(subscriber)[seen:]
        assert set(after) <= {"stopped", "opening", "muted"}, after
        assert pulse.readers() == 0
        daemon.process.kill()
        daemon.process.wait()
    for path in (tmp_path / "state").glob("state.db*"):
        path.write_bytes(os.urandom(5000))
    with lab.run() as (daemon, subscriber):
        assert subscriber.wait_for(lambda _: captures(subscriber)[-1:] == ["muted"], SECONDS), daemon.log
        assert set(captures(subscriber)) <= {"opening", "muted"}
        assert pulse.readers() == 0


def test_a_device_whose_driver_does_not_let_go_is_said_to_be_open(tmp_path):
    with Broker() as broker, fifo_microphone(tmp_path) as fifo, Subscriber(broker) as subscriber:
        daemon = Daemon(tmp_path, settings(broker, {"alsa": "fifo"}), fifo.environment)
        with daemon:
            fifo.silence(0.3)  # No more: the reader waits inside ALSA's library, which knows no way out.
            assert subscriber.wait_for(state_is("capture", "stalled"), SECONDS), daemon.log
            assert fifo.fifo in opened_by(daemon)
            muted = edgetx(daemon, "mute")
            assert muted.returncode == 1
            assert muted.stdout == "desk: to be muted, but its device is not closed yet: capture is stalled.\n"
            fifo.silence(0.3)
            assert subscriber.wait_for(state_is("capture", "muted"), SECONDS), daemon.log
            assert fifo.fifo not in opened_by(daemon)


@pytest.mark.slow
def test_a_mute_that_cannot_be_written_holds_and_says_that_it_would_be_forgotten(lab, pulse, tmp_path):
    (tmp_path / "state").mkdir(exist_ok=True)
    with lab.run() as (daemon, subscriber):
        assert hears(subscriber), daemon.log
        (tmp_path / "state" / "muted").write_text("in the way")
        muted = edgetx(daemon, "mute")
        assert muted.returncode == 1
        assert muted.stdout.startswith("desk: muted, its device is closed. A restart may forget that: ")
        assert muted.stdout.endswith("/state/muted cannot be written: File exists.\n")
        assert pulse.readers() == 0
        assert daemon.wait_until_told("STATUS=Degraded: audio muted"), daemon.told
        desk = ask(subscriber, "mute", microphone="desk")["data"]["desk"]
        assert (desk["muted"], desk["capture"], desk["durable"]) == (True, "muted", False)
        answer = ask(subscriber, "mute", microphone="hall")
        assert answer["error"] == "There is no microphone 'hall'; there is 'desk'."
        refused = edgetx(daemon, "mute", "hall")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "There is no microphone 'hall'; there is 'desk'." in refused.stderr
