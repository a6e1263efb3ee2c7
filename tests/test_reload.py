"""SIGHUP: the real daemon reads its settings again; real ALSA devices, real brokers, stand-ins for the provider."""

import os
import pty
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from edgetx.mqtt.schemas import schema
from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.broker import Broker, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.feed import Feed, assemblyai_in_a_thread, fed_microphones
from tests.rigs.microphones import wait_until

SECONDS = 40
NAMES = ("desk", "hall")


class House:
    """A daemon with two microphones that are always spoken into, each with a provider and a stand-in of its own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.broker = stack.enter_context(Broker())
        self.subscriber = stack.enter_context(Subscriber(self.broker))
        self.servers: dict[str, AssemblyAIServer] = {
            name: stack.enter_context(assemblyai_in_a_thread()) for name in NAMES
        }
        self.key = folder / "key"
        self.key.write_text(KEY)
        self.feeds: dict[str, Feed]
        self.feeds, environment = stack.enter_context(fed_microphones(folder, *NAMES))
        self.environment = {**environment, "AAI_KEY": KEY}
        self.settings: dict[str, Any] = {
            "device": "lab",
            "mqtt": {"url": self.broker.url},
            "providers": {
                name: {"type": "assemblyai", "api_key": {"env": "AAI_KEY"}, "url": self.servers[name].url}
                for name in NAMES
            },
            "microphones": [self.microphone(name) for name in NAMES],
        }
        self._times = 1

    def microphone(self, name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "source": {"alsa": name, "channels": 1}, "provider": name, **more}

    def start(self) -> Daemon:
        daemon = self.daemon = self._stack.enter_context(Daemon(self.folder, self.settings, self.environment))
        assert daemon.wait_until_told("READY=1"), daemon.log
        return daemon

    def wait_for_sound(self, name: str, *, sessions: int = 1, seconds: float = 1.0) -> None:
        """Wait until the last of so many sessions of ``name`` has got some sound."""

        def heard() -> bool:
            connections = self.servers[name].connections
            return len(connections) >= sessions and len(connections[-1].audio) > seconds * 32_000

        wait_until(heard, seconds=SECONDS, what=f"sound of {name}: {self.daemon.log}")

    def write(self, text: str | None = None) -> None:
        self.daemon.config.write_text(yaml.safe_dump(self.settings) if text is None else text)

    def reload(self, text: str | None = None) -> None:
        """Write the settings (or ``text``), send SIGHUP, and wait until systemd hears that it is done."""
        self.write(text)
        self._times += 1
        self.daemon.process.send_signal(signal.SIGHUP)
        assert self.daemon.wait_until_told("READY=1", times=self._times, seconds=SECONDS), self.daemon.log

    def stop(self) -> None:
        assert self.daemon.stop() == 0, self.daemon.log
        assert "Traceback" not in self.daemon.log

    def messages(self, ending: str) -> list[dict[str, Any]]:
        return [payload(message.payload) for message in self.subscriber.on(ending)]

    def wait_for_message(self, ending: str, **fields: Any) -> dict[str, Any]:
        """Wait until the last message there has these fields; return it."""

        def last() -> dict[str, Any]:
            return (self.messages(ending) or [{}])[-1]

        assert self.subscriber.wait_for(lambda _: fields.items() <= last().items(), SECONDS), self.daemon.log
        return last()

    def assert_untouched(self, name: str) -> None:
        """Check that ``name`` still has its first session, which got every sample so far."""
        (connection,) = self.servers[name].connections
        sound = bytes(connection.audio)
        assert sound == self.feeds[name].played[: len(sound)]
        self.wait_for_sound(name, seconds=len(sound) / 32_000 + 0.5)
        assert [event["event"] for event in self.messages(f"/{name}/event")].count("session_opened") == 1
        assert connection.closed is None


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(tmp_path, stack)


def test_a_changed_microphone_begins_anew_and_the_other_does_not_lose_a_sample(house):
    daemon = house.start()
    for name in NAMES:
        house.wait_for_sound(name)
    house.settings["microphones"][1]["catch_up_seconds"] = 20
    house.reload()
    house.wait_for_sound("hall", sessions=2)
    house.assert_untouched("desk")
    first, second = house.servers["hall"].connections
    assert first.texts == ['{"type":"Terminate"}']
    assert bytes(first.audio) in bytes(house.feeds["hall"].played)
    assert bytes(second.audio) in bytes(house.feeds["hall"].played)
    finals = [message["session"] for message in house.messages("/hall/transcript/final")]
    assert len(finals) == 1, "the last words of the first session"
    begun = daemon.told.index("RELOADING=1")
    assert daemon.told[begun + 1].startswith("MONOTONIC_USEC=")
    assert 0 < time.monotonic() - int(daemon.told[begun + 1].partition("=")[2]) / 1e6 < SECONDS
    info = house.messages("/info")[-1]
    assert info["microphones"][1]["catch_up_seconds"] == 20
    house.stop()


def test_a_file_with_faults_changes_nothing_and_says_why_until_it_is_mended(house):
    daemon = house.start()
    house.wait_for_sound("desk")
    broken = "device: lab\nmicrophones:\n  - name: desk\n    sauce: {}\n    pace: fast\n"
    house.reload(broken)
    fault = f"{daemon.config}:4: microphones[0].sauce: unknown setting; did you mean 'source'?"
    assert fault in daemon.log
    assert f"{daemon.config}:5: " in daemon.log
    assert any(fault in line for line in daemon.told if line.startswith("STATUS=Degraded: ")), daemon.told
    house.wait_for_message("/health", verdict="degraded")
    health = house.messages("/health")[-1]
    jsonschema.validate(health, schema("health"))
    assert health["stages"]["settings"] == {
        "status": "refused",
        "detail": f"The changed settings are not applied: {fault} (1 more; the journal has all)",
    }
    for name in NAMES:
        house.wait_for_sound(name)
        house.assert_untouched(name)
    house.reload()
    assert "settings" not in house.wait_for_message("/health", verdict="running")["stages"]
    for name in NAMES:
        house.assert_untouched(name)
    house.stop()


def test_a_setting_that_cannot_change_now_is_told_everywhere_and_all_else_is_applied(house):
    daemon = house.start()
    house.wait_for_sound("hall")
    house.settings["state"] = {"durability": "power"}
    house.settings["microphones"][1]["catch_up_seconds"] = 20
    house.reload()
    told = "state.durability: the change takes effect at the next start, all else is applied."
    assert f"settings: {told}" in daemon.log
    assert any(told in line for line in daemon.told if line.startswith("STATUS=")), daemon.told
    house.wait_for_message("/health", verdict="degraded")
    health = house.messages("/health")[-1]
    jsonschema.validate(health, schema("health"))
    assert health["stages"]["settings"] == {"status": "waiting", "detail": told}
    house.wait_for_sound("hall", sessions=2)
    info = house.messages("/info")[-1]
    assert info["settings"]["state"]["durability"] == "crash"
    assert info["microphones"][1]["catch_up_seconds"] == 20
    del house.settings["state"]
    house.reload()
    assert "settings" not in house.wait_for_message("/health", verdict="running")["stages"]
    house.assert_untouched("desk")
    house.stop()


def test_a_secret_that_is_not_there_changes_nothing_either(house):
    house.settings["providers"]["hall"]["api_key"] = {"file": str(house.key)}
    daemon = house.start()
    house.wait_for_sound("hall")
    house.key.unlink()
    house.reload()
    assert "providers.hall.api_key: cannot read" in daemon.log
    house.assert_untouched("hall")
    house.stop()


def test_what_was_used_of_a_budget_stays_used_while_there_is_none(house):
    settings = house.settings["microphones"][1]
    settings["max_session_minutes_per_day"] = 100
    house.start()
    house.wait_for_sound("hall", seconds=2)
    del settings["max_session_minutes_per_day"]
    house.reload()
    house.wait_for_sound("hall", sessions=2, seconds=2)
    assert "session_minutes_today" not in house.messages("/hall/state")[-1]
    settings["max_session_minutes_per_day"] = 100
    house.reload()
    house.wait_for_sound("hall", sessions=3)
    minutes = house.messages("/hall/state")[-1]["session_minutes_today"]
    closed = [event["seconds"] for event in house.messages("/hall/event") if event["event"] == "session_closed"]
    assert len(closed) == 2
    assert minutes * 60 > sum(closed) - 0.5, "hundredths of minutes are told"
    house.stop()


def test_a_removed_microphone_speaks_its_last_words_and_an_added_one_begins(house):
    desk, hall = house.settings["microphones"]
    house.settings["microphones"] = [desk]
    house.start()
    house.wait_for_sound("desk")
    house.settings["microphones"] = [hall, desk]
    house.reload()
    house.wait_for_sound("hall")
    house.assert_untouched("desk")
    house.settings["microphones"] = [hall]
    house.reload()
    state = house.wait_for_message("/desk/state", capture="stopped", provider="stopped")
    ledger = state["ledger"]
    assert ledger["captured_seconds"] == pytest.approx(
        ledger["transcribed_seconds"] + ledger["silent_seconds"], abs=0.1
    )
    house.wait_for_message("/health", verdict="running")
    house.assert_untouched("hall")
    assert house.servers["desk"].connections[0].texts == ['{"type":"Terminate"}']
    assert len(house.messages("/desk/transcript/final")) == 1
    house.stop()


def test_another_broker_and_another_device_id_get_everything_and_the_old_device_is_stopped(house):
    house.start()
    for name in NAMES:
        house.wait_for_sound(name)
    with Broker() as other, Subscriber(other) as there:
        house.settings["mqtt"]["url"] = other.url
        house.settings["device"] = "attic"
        house.reload()
        assert house.subscriber.wait_for(lambda messages: messages[-1].payload == b"stopped", SECONDS)
        assert house.subscriber.received[-1].topic == "edgetx/lab/availability"
        kept = {f"edgetx/attic/{topic}" for topic in ("availability", "info", "health", "desk/state", "hall/state")}
        assert there.wait_for(lambda messages: kept <= {message.topic for message in messages}, SECONDS)
        assert not [message for message in there.received if "/lab/" in message.topic and "/event" not in message.topic]
        for name in NAMES:
            house.assert_untouched(name)
        house.stop()
        assert there.wait_for(lambda _: bool(there.on("/desk/transcript/final")), SECONDS)
        final = payload(there.on("/desk/transcript/final")[0].payload)
        assert final["device"] == "attic"
        assert there.wait_for(lambda messages: messages[-1].payload == b"stopped", SECONDS)
        assert there.received[-1].topic == "edgetx/attic/availability"


def test_what_waited_for_a_broker_that_was_never_there_goes_to_the_right_one(house):
    url = house.settings["mqtt"]["url"]
    house.settings["mqtt"]["url"] = "mqtt://127.0.0.1:1"
    house.start()
    for name in NAMES:
        house.wait_for_sound(name)
    assert house.subscriber.received == []
    house.settings["mqtt"]["url"] = url
    house.reload()
    for name in NAMES:
        opened = house.wait_for_message(f"/{name}/event", event="session_opened")
        assert opened["device"] == "lab"
        house.assert_untouched(name)
    house.stop()


def test_a_key_that_is_put_right_makes_a_refused_provider_ready(house):
    house.settings["providers"]["hall"]["api_key"] = {"file": str(house.key)}
    house.key.write_text("wrong")
    house.start()
    house.wait_for_message("/hall/state", provider="refused")
    house.wait_for_sound("desk")
    house.key.write_text(KEY)
    house.reload()
    house.wait_for_message("/hall/state", provider="ready")
    house.assert_untouched("desk")
    house.wait_for_message("/health", verdict="running")
    house.stop()
    assert "wrong" not in "".join(str(message.payload) for message in house.subscriber.received)


def test_of_two_requests_at_once_the_last_file_counts(house):
    daemon = house.start()
    for name in NAMES:
        house.wait_for_sound(name)
    for seconds in (20, 30):
        house.settings["microphones"][1]["catch_up_seconds"] = seconds
        house.write()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.process.send_signal(signal.SIGHUP)
    house.wait_for_sound("hall", sessions=2)

    def is_applied(_: object) -> bool:
        return house.messages("/info")[-1]["microphones"][1]["catch_up_seconds"] == 30

    assert house.subscriber.wait_for(is_applied, SECONDS), daemon.log
    house.assert_untouched("desk")
    wait_until(lambda: daemon.told.count("RELOADING=1") == daemon.told.count("READY=1") - 1, seconds=SECONDS)
    house.stop()
    assert len(house.servers["hall"].connections) <= 3


def test_a_request_while_the_daemon_stops_is_not_heard(house):
    daemon = house.start()
    house.wait_for_sound("hall")
    house.settings["microphones"][1]["catch_up_seconds"] = 20
    house.write()
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.wait_until_told("STOPPING=1")
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.process.wait(SECONDS) == 0, daemon.log
    assert "RELOADING=1" not in daemon.told
    assert "Traceback" not in daemon.log


def test_a_stop_in_the_midst_of_a_reload_begins_nothing_anew(house):
    daemon = house.start()
    for name in NAMES:
        house.wait_for_sound(name)
    house.settings["microphones"][1]["catch_up_seconds"] = 20
    house.settings["mqtt"]["base_topic"] = "elsewhere"
    house.write()
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.wait_until_told("RELOADING=1")
    daemon.process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert daemon.process.wait(SECONDS) == 0, daemon.log
    assert time.monotonic() - asked < 10
    assert daemon.told.count("READY=1") <= 2
    assert daemon.told.index("STOPPING=1") > len(daemon.told) - daemon.told[::-1].index("READY=1") - 1
    assert "Traceback" not in daemon.log
    for name in NAMES:
        assert all(connection.texts == ['{"type":"Terminate"}'] for connection in house.servers[name].connections)


def test_a_daemon_in_a_terminal_stops_when_the_terminal_goes(tmp_path):
    terminal, stdin = pty.openpty()
    try:
        with fed_microphones(tmp_path, "desk") as (_, environment):
            settings = {
                "mqtt": {"url": "mqtt://127.0.0.1:1"},
                "microphones": [{"name": "desk", "source": {"alsa": "desk"}}],
            }
            with Daemon(tmp_path, settings, environment, stdin=stdin) as daemon:
                assert daemon.wait_until_told("READY=1"), daemon.log
                daemon.process.send_signal(signal.SIGHUP)
                assert daemon.process.wait(SECONDS) == 0, daemon.log
    finally:
        os.close(terminal)
        os.close(stdin)
