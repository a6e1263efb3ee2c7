"""The daemon as the unit runs it: `edgetx reload`, a credential that is missing, and the journal's fields."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.feed import assemblyai_in_a_thread, fed_microphones
from tests.rigs.journal import JournalSocket
from tests.rigs.microphones import SPEECH, wait_until

SECONDS = 40
IN_THE_SERVICE = """
import functools, os, pathlib, sys
from edgetx import cli, log
status = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
log.set_up = functools.partial(log.set_up, journal=pathlib.Path(sys.argv[1]))
sys.exit(cli.main(["run", "--config", sys.argv[2]]))
"""


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


def edgetx_reload(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgetx.cli", "reload"],
        env=os.environ | {"RUNTIME_DIRECTORY": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_a_reload_waits_for_the_daemon_and_says_what_it_made_of_the_file(tmp_path):
    settings = {"mqtt": {"url": "mqtt://127.0.0.1:1"}, "microphones": [{"name": "desk", "source": {"alsa": "desk"}}]}
    (tmp_path / "run").mkdir()
    assert edgetx_reload(tmp_path / "run").returncode == 1
    with (
        fed_microphones(tmp_path, "desk") as (_, environment),
        Daemon(tmp_path, settings, {**environment, "RUNTIME_DIRECTORY": str(tmp_path / "run")}) as daemon,
    ):
        assert daemon.wait_until_told("READY=1"), daemon.log
        settings["microphones"][0]["catch_up_seconds"] = 20
        daemon.config.write_text(yaml.safe_dump(settings))
        done = edgetx_reload(tmp_path / "run")
        assert (done.returncode, done.stdout) == (0, "The settings are applied.\n")
        assert "settings: applied" in daemon.log
        assert daemon.wait_until_told("READY=1", times=2)

        # What 'edgetx check' finds nothing wrong with, the daemon may refuse: a secret that is not there.
        key = tmp_path / "nowhere"
        settings["providers"] = {"aai": {"type": "assemblyai", "api_key": {"file": str(key)}}}
        settings["microphones"][0]["provider"] = "aai"
        daemon.config.write_text(yaml.safe_dump(settings))
        refused = edgetx_reload(tmp_path / "run")
        assert refused.returncode == 78
        first, last = refused.stdout.splitlines()
        assert first.startswith(f"providers.aai.api_key: cannot read {key}")
        assert last == "Not applied: the daemon goes on with the settings that it has."
        assert daemon.process.poll() is None
        assert daemon.stop() == 0, daemon.log


def status_has(daemon: Daemon, *parts: str) -> bool:
    return any(all(part in line for part in parts) for line in daemon.told if line.startswith("STATUS=Degraded: "))


def test_a_provider_whose_credential_is_missing_is_refused_and_the_rest_goes_on(tmp_path, broker):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "desk_key").write_text("\n")
    (credentials / "hall_key").write_text(f"{KEY}\n")
    with (
        Subscriber(broker) as subscriber,
        assemblyai_in_a_thread() as server,
        fed_microphones(tmp_path, "desk", "hall") as (_, environment),
    ):
        settings = {
            "device": "lab",
            "mqtt": {"url": broker.url},
            "providers": {
                name: {"type": "assemblyai", "url": server.url, "api_key": {"credential": f"{name}_key"}}
                for name in ("desk", "hall")
            },
            "microphones": [{"name": name, "source": {"alsa": name}, "provider": name} for name in ("desk", "hall")],
        }
        environment |= {"CREDENTIALS_DIRECTORY": str(credentials)}

        def state(name: str) -> dict[str, object]:
            return payload((subscriber.on(f"/{name}/state") or [None])[-1].payload)

        def settled(_: object) -> bool:
            topics = [subscriber.on(f"/{name}/state") for name in ("desk", "hall")]
            told = [payload(messages[-1].payload) for messages in topics if messages]
            return [(each["capture"], each["provider"]) for each in told] == [
                ("running", "refused"),
                ("running", "ready"),
            ]

        with Daemon(tmp_path, settings, environment) as daemon:
            assert subscriber.wait_for(settled, SECONDS), daemon.log
            assert "put the secret into /etc/edgetx/credentials/desk_key" in state("desk")["detail"]
            wait_until(lambda: status_has(daemon, "speech refused", "'desk_key' is empty"), seconds=SECONDS)
            assert daemon.stop() == 0, daemon.log
        assert len(server.connections) == 1
        assert state("desk")["ledger"]["lost_seconds"] == 0
        assert list((tmp_path / "state").rglob("audio/desk/*")), "its sound waits for the key"


def test_a_broker_whose_password_is_missing_is_not_tried_and_the_rest_goes_on(tmp_path, broker):
    settings = {
        "mqtt": {"url": broker.url, "username": "me", "password": {"credential": "mqtt_password"}},
        "microphones": [{"name": "desk", "source": {"alsa": "desk"}}],
    }
    (tmp_path / "mqtt_password").write_text("\n")
    with Subscriber(broker) as subscriber, fed_microphones(tmp_path, "desk") as (_, environment):
        environment |= {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        with Daemon(tmp_path, settings, environment) as daemon:
            wait_until(
                lambda: status_has(daemon, "audio running, speech ready, mqtt refused", "'mqtt_password' is empty"),
                seconds=SECONDS,
                what=daemon.log,
            )
            assert daemon.stop() == 0, daemon.log
        assert subscriber.received == []


def test_every_line_on_a_microphone_a_provider_or_a_session_has_its_fields(tmp_path, broker):
    recording = SPEECH / "austen-0880.wav"
    config = tmp_path / "edgetx.yaml"
    with JournalSocket(tmp_path / "journal") as journald, Subscriber(broker) as subscriber:
        settings = {
            "mqtt": {"url": broker.url},
            "providers": {"here": {"type": "local"}},
            "microphones": [{"name": "desk", "source": {"wav": str(recording), "pace": "fast"}, "provider": "here"}],
        }
        config.write_text(yaml.safe_dump(settings))
        run = subprocess.run(
            [sys.executable, "-c", IN_THE_SERVICE, tmp_path / "journal", config],
            env=os.environ | {"STATE_DIRECTORY": str(tmp_path / "state")},
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert (run.returncode, run.stderr) == (0, "")
        wait_until(lambda: bool(subscriber.on("/transcript/final")), seconds=SECONDS)
        (final,) = [payload(message.payload) for message in subscriber.on("/transcript/final")]
        entries = journald.all()
    of_desk = [entry for entry in entries if entry.get("EDGETX_MICROPHONE") == "desk"]
    assert {entry["MESSAGE"] for entry in entries if "desk" in entry["MESSAGE"]} <= {e["MESSAGE"] for e in of_desk}
    assert {entry["EDGETX_PROVIDER"] for entry in of_desk if "EDGETX_PROVIDER" in entry} == {"here"}
    sessions = [entry for entry in of_desk if entry.get("EDGETX_SESSION") == final["session"]]
    opened, closed = [entry["MESSAGE"] for entry in sessions]
    assert opened == f"desk: session {final['session']} opened with here (pocketsphinx)"
    assert closed.startswith(f"desk: session {final['session']} with here closed after ")
    assert any(entry["MESSAGE"].startswith("mqtt broker: connected") for entry in entries if entry not in of_desk)
    assert final["text"] not in str(entries)
