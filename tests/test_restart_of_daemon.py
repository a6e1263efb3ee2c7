"""The whole daemon killed in the middle of its work, and started again on what it had kept."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgetx.mqtt.topics import Kind
from edgetx.store import Contents, Store
from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.hearing import bursts
from tests.rigs.microphones import fifo_microphone, wait_until
from tests.test_daemon import assemblyai, assert_all_as_the_schemas_say, finals, settings, state_is

SECONDS = 40


class House:
    """What outlives a daemon: its folder, microphone, provider and settings; ``run`` starts one."""

    def __init__(self, folder: Path, microphone: Any, url: str, mqtt_url: str) -> None:
        self._folder = folder
        self._environment = {**microphone.environment, "AAI_KEY": KEY, "STATE_DIRECTORY": str(folder / "state")}
        aai = {"type": "assemblyai", "api_key": {"env": "AAI_KEY"}, "url": url}
        self.settings = settings(None, {"alsa": "fifo"}, providers={"aai": aai}) | {"mqtt": {"url": mqtt_url}}
        self.settings["microphones"][0]["provider"] = "aai"
        self._runs = 0

    def run(self) -> Daemon:
        self._runs += 1
        own = self._folder / f"run{self._runs}"
        own.mkdir()
        return Daemon(own, self.settings, self._environment)

    def known(self) -> Contents:
        """What a copy of the state holds, as a restart would find it now."""
        copy = self._folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in sorted((self._folder / "state").glob("state.db*")):
            if path.name in ("state.db", "state.db-wal"):
                shutil.copyfile(path, copy / path.name)
        store = Store(copy, "crash")
        contents = store.open()
        store.close()
        return contents

    def known_finals(self) -> list[str]:
        return [publication.id for _, publication in self.known().rows if publication.kind is Kind.FINAL]


def speak(daemon: Daemon, microphone: Any, sound: bytes) -> None:
    wait_until(lambda: "aai for desk: ready" in daemon.log, seconds=SECONDS, what=f"readiness\n{daemon.log}")
    microphone.play(sound, pace=2.0)


def gaps(subscriber: Subscriber, cause: str) -> list[dict[str, Any]]:
    events = [payload(message.payload) for message in subscriber.on("/desk/event")]
    return [event for event in events if event["event"] == "gap" and event["cause"] == cause]


def test_a_killed_daemon_delivers_what_it_knew_tells_the_gap_once_and_counts_on(tmp_path):
    with (
        Broker() as broker,
        fifo_microphone(tmp_path) as microphone,
        assemblyai(tmp_path) as url,
        Subscriber(broker) as subscriber,
    ):
        house = House(tmp_path, microphone, url, "mqtt://127.0.0.1:1")
        with house.run() as daemon:
            speak(daemon, microphone, bursts(0.5, 0.6, 1.0, 0.4, 1.5))
            wait_until(lambda: len(house.known_finals()) == 2, seconds=SECONDS, what=f"the finals\n{daemon.log}")
            daemon.process.kill()
            daemon.process.wait()
        kept = house.known()
        before = kept.microphones["desk"].balance
        house.settings["mqtt"]["url"] = broker.url
        with house.run() as daemon:
            microphone.silence(0.5)
            assert subscriber.wait_for(lambda _: len(finals(subscriber)) == 2, SECONDS), daemon.log
            assert subscriber.wait_for(lambda _: bool(gaps(subscriber, "restart")), SECONDS), daemon.log
            speak(daemon, microphone, bursts(0.5, 0.6, 1.5))
            assert subscriber.wait_for(lambda _: len(finals(subscriber)) == 3, SECONDS), daemon.log
            daemon.process.terminate()
            microphone.silence(0.2)
            assert daemon.process.wait(SECONDS) == 0, daemon.log
            assert subscriber.wait_for(lambda messages: messages[-1].payload == b"stopped", SECONDS)
        durable = [m for m in subscriber.received if m.topic.endswith(("/final", "/event"))]
        assert [m.payload for m in durable[: len(kept.rows)]] == [row.payload for _, row in kept.rows]
        ids = [payload(message.payload)["id"] for message in durable]
        assert len(ids) == len(set(ids))
        (gap,) = gaps(subscriber, "restart")
        assert gap["frames"][0] == before.frontier
        assert kept.microphones["desk"].mark.frame < gap["frames"][1] <= finals(subscriber)[2]["frames"][0]
        starts = [final["start"] for final in finals(subscriber)]
        assert starts == sorted(starts)
        assert starts[1] < gap["end"] < starts[2]
        ledger = payload(subscriber.on("/desk/state")[-1].payload)["ledger"]
        parts = sum(ledger[f"{fate}_seconds"] for fate in ("transcribed", "silent", "lost"))
        assert ledger["captured_seconds"] == pytest.approx(parts, abs=0.002)
        assert_all_as_the_schemas_say(subscriber.received)
        assert house.known_finals() == []


def test_a_stop_does_not_need_the_broker_for_what_is_kept_on_disk(tmp_path):
    with fifo_microphone(tmp_path) as microphone, assemblyai(tmp_path) as url:
        house = House(tmp_path, microphone, url, "mqtt://127.0.0.1:1")
        with house.run() as daemon:
            speak(daemon, microphone, bursts(0.5, 0.6, 1.5))
            daemon.process.terminate()
            microphone.silence(0.2)
            assert daemon.process.wait(SECONDS) == 0, daemon.log
            assert "Traceback" not in daemon.log
        assert len(house.known_finals()) == 1
        assert not (tmp_path / "state" / "state.db-wal").exists()


def test_a_damaged_state_is_said_and_the_daemon_runs(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.db").write_bytes(b"no database" * 1000)
    with (
        Broker() as broker,
        fifo_microphone(tmp_path) as microphone,
        Subscriber(broker) as subscriber,
        assemblyai(tmp_path) as url,
        House(tmp_path, microphone, url, broker.url).run() as daemon,
    ):
        assert subscriber.wait_for(state_is("provider", "ready"), SECONDS), daemon.log
        assert subscriber.wait_for(lambda _: bool(subscriber.on("/health")), SECONDS)
        stage = json.loads(subscriber.on("/health")[-1].payload)["stages"]["state"]
        assert stage["status"] == "ready"
        assert "set aside as state.db.damaged-" in stage["detail"]
        assert "set aside as state.db.damaged-" in daemon.log
