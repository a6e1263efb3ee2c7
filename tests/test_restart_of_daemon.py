"""The whole daemon killed in the middle of its work, and started again on what it had kept."""

import json
import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from edgetx import clock
from edgetx.audio.format import RATE
from edgetx.audio.spool import Spool
from edgetx.mqtt.topics import Kind
from edgetx.store import Contents, Store
from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.hearing import bursts
from tests.rigs.microphones import fifo_microphone, wait_until
from tests.rigs.passage import Passage
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


def test_a_state_that_another_program_has_ends_the_daemon_which_touches_no_sound(tmp_path):
    spool = Spool(tmp_path / "state" / "audio" / "desk")
    for start in (0, RATE):
        spool.write(start, bytes(2 * RATE))
    other = Store(tmp_path / "state", "crash")
    other.open()
    before = sorted(path.name for path in (tmp_path / "state").rglob("*"))
    with (
        fifo_microphone(tmp_path) as microphone,
        House(tmp_path, microphone, "ws://127.0.0.1:1", "mqtt://127.0.0.1:1").run() as daemon,
    ):
        assert daemon.process.wait(SECONDS) == 1, daemon.log
        assert "state.db cannot be written: another program uses it" in daemon.log
        assert "Traceback" not in daemon.log
    other.close()
    assert {*before} - {"state.db-wal"} <= {path.name for path in (tmp_path / "state").rglob("*")}


def test_what_is_owed_when_a_stop_begins_is_on_disk_though_the_provider_says_nothing_more(tmp_path):
    with fifo_microphone(tmp_path) as microphone, assemblyai(tmp_path) as url:
        place = urlsplit(url)
        with (
            Passage(place.port) as passage,
            House(
                tmp_path, microphone, f"ws://127.0.0.1:{passage.port}{place.path}", "mqtt://127.0.0.1:1"
            ).run() as daemon,
        ):
            speak(daemon, microphone, bursts(0.5, 0.6, 1.5))
            passage.stall()
            microphone.play(bytes(2 * RATE * 8), pace=4.0)
            daemon.process.terminate()
            microphone.silence(0.2)

            def kept_seconds() -> float:
                files = (tmp_path / "state" / "audio" / "desk").glob("*.pcm")
                return sum(path.stat().st_size for path in files) / 2 / RATE

            wait_until(lambda: kept_seconds() > 7, seconds=3, what=f"the sound on disk\n{daemon.log}")
            daemon.process.kill()


def test_the_trouble_of_a_microphone_that_is_renamed_goes_with_it(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "audio").write_text("in the way")
    with Broker() as broker, fifo_microphone(tmp_path) as microphone, Subscriber(broker) as subscriber:
        house = House(tmp_path, microphone, "ws://127.0.0.1:1", broker.url)
        house.settings["microphones"][0]["keep"] = {"memory_seconds": 10}
        with house.run() as daemon:
            assert subscriber.wait_for(state_is("provider", "waiting"), SECONDS), daemon.log

            def stage() -> dict[str, Any]:
                return payload(subscriber.on("/health")[-1].payload)["stages"]["state"]

            microphone.play(bytes(2 * RATE * 12), pace=8.0)
            assert subscriber.wait_for(lambda _: "Not a directory" in stage().get("detail", ""), SECONDS), daemon.log
            (tmp_path / "state" / "audio").unlink()
            house.settings["microphones"][0]["name"] = "hall"
            daemon.config.write_text(yaml.safe_dump(house.settings))
            daemon.process.send_signal(signal.SIGHUP)
            microphone.silence(0.5)
            assert subscriber.wait_for(lambda _: stage() == {"status": "ready"}, SECONDS), daemon.log


def test_sound_whose_state_was_lost_is_transcribed_all_the_same_with_its_own_times(tmp_path):
    with (
        Broker() as broker,
        fifo_microphone(tmp_path) as microphone,
        assemblyai(tmp_path) as url,
        Subscriber(broker) as subscriber,
    ):
        house = House(tmp_path, microphone, "ws://127.0.0.1:1/v3/ws", broker.url)
        with house.run() as daemon:
            assert subscriber.wait_for(state_is("provider", "waiting"), SECONDS), daemon.log
            microphone.play(bursts(0.5, 0.6, 1.5))
            captured = datetime.now(UTC)
            daemon.process.terminate()
            microphone.silence(0.2)
            assert daemon.process.wait(SECONDS) == 0, daemon.log
        assert list((tmp_path / "state" / "audio" / "desk").iterdir())
        for path in (tmp_path / "state").glob("state.db*"):
            path.unlink()
        house.settings["providers"]["aai"]["url"] = url
        with house.run() as daemon:
            microphone.silence(0.5)
            assert subscriber.wait_for(lambda _: bool(finals(subscriber)), SECONDS), daemon.log
            assert subscriber.wait_for(lambda _: bool(gaps(subscriber, "restart")), SECONDS), daemon.log
            assert "desk: what was known of the sound on disk is lost" in daemon.log
            daemon.process.terminate()
            microphone.silence(0.2)
            assert daemon.process.wait(SECONDS) == 0, daemon.log
        (final,) = finals(subscriber)
        assert abs(datetime.fromisoformat(final["end"]) - (captured - timedelta(seconds=1.5))) < timedelta(seconds=0.5)
        (gap,) = gaps(subscriber, "restart")
        assert abs(datetime.fromisoformat(gap["start"]) - captured) < timedelta(seconds=0.7)
        assert gap["start"] < gap["end"]
        assert_all_as_the_schemas_say(subscriber.received)


def test_sound_of_a_microphone_that_is_no_more_is_told_lost_after_a_week(tmp_path):
    folder = tmp_path / "state" / "audio" / "attic"
    last_week = clock.now().earlier(8 * 86_400)
    Spool(folder, captured=lambda _: last_week).write(RATE, bytes(2 * RATE))
    with (
        Broker() as broker,
        fifo_microphone(tmp_path) as microphone,
        Subscriber(broker) as subscriber,
        assemblyai(tmp_path) as url,
        House(tmp_path, microphone, url, broker.url).run() as daemon,
    ):
        assert subscriber.wait_for(lambda _: bool(subscriber.on("/attic/event")), SECONDS), daemon.log
        wait_until(lambda: not folder.exists(), seconds=SECONDS, what="the removal")
        gap = payload(subscriber.on("/attic/event")[0].payload)
        assert (gap["event"], gap["cause"], gap["frames"]) == ("gap", "overflow", [RATE, 2 * RATE])
        assert datetime.fromisoformat(gap["start"]).timestamp() == pytest.approx(last_week.wall, abs=1)
        assert_all_as_the_schemas_say(subscriber.received)


def test_what_a_final_settles_is_known_to_a_restart_before_the_broker_has_it(tmp_path):
    with (
        Broker() as broker,
        fifo_microphone(tmp_path) as microphone,
        assemblyai(tmp_path) as url,
        Subscriber(broker) as subscriber,
    ):
        house = House(tmp_path, microphone, url, broker.url)
        with house.run() as daemon:
            for count in range(1, 4):
                speak(daemon, microphone, bursts(0.5, 0.6, 1.5))
                assert subscriber.wait_for(lambda _, count=count: len(finals(subscriber)) == count, SECONDS), daemon.log
                last = finals(subscriber)[-1]["frames"][1]
                assert house.known().microphones["desk"].balance.frontier >= last
            daemon.process.kill()
            daemon.process.wait()
