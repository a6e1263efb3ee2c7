"""Whatever happens to a microphone shows within two seconds, and it is taken again: the whole daemon, a real device.

The device is ALSA's, on PulseAudio (it falls silent, freezes, vanishes, is muted) or on a FIFO (it does not do what is
set); the broker is real, and udev's word comes over the kernel's netlink.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edgetx import app
from edgetx.config import parse
from edgetx.keys import Secrets
from edgetx.mqtt.topics import Publication
from edgetx.supervisor import DaemonThreads, wind_up
from tests.audio.conftest import environment
from tests.audio.test_hotplug import needs_root
from tests.rigs.broker import Broker, Received, Subscriber
from tests.rigs.daemon import Daemon, payload
from tests.rigs.microphones import fifo_microphone, pulse_microphone, readings
from tests.rigs.story import story, until
from tests.rigs.udev import CARD, message, say
from tests.test_daemon import assert_all_as_the_schemas_say, settings, state_is

SECONDS = 40
TOLD_SECONDS = 2.0


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


def events(subscriber: Subscriber, name: str) -> list[dict[str, Any]]:
    told = [payload(message.payload) for message in subscriber.on("/desk/event")]
    return [event for event in told if event["event"] == name]


def changes(subscriber: Subscriber) -> list[str]:
    told = events(subscriber, "capture")
    assert [event["before"] for event in told[1:]] == [event["state"] for event in told[:-1]]
    return [told[0]["before"], *(event["state"] for event in told)] if told else []


def gave_up(device: str):
    """Whether capture itself has found the stall, not only who looks at it: it opens the device again."""

    def found(messages: list[Received]) -> bool:
        states = [payload(message.payload) for message in messages if message.topic.endswith("/desk/state")]
        return f"The capture device {device} is open but" in states[-1].get("detail", "")

    return found


@pytest.mark.slow
def test_what_happens_to_a_device_is_told_within_two_seconds_as_a_state_and_an_event(tmp_path, broker):
    (home := tmp_path / "pulse").mkdir()
    with pulse_microphone(home) as pulse, Subscriber(broker) as subscriber:
        pulse.vanish()
        config = settings(broker, {"alsa": pulse.name})
        with Daemon(tmp_path, config, pulse.environment) as daemon:

            def wait_for(state: str, *, seconds: float = SECONDS) -> None:
                assert subscriber.wait_for(state_is("capture", state), seconds), (state, daemon.log)

            wait_for("absent")
            assert daemon.wait_until_told("READY=1"), daemon.log
            pulse.return_()
            wait_for("running")
            wait_for("silent", seconds=TOLD_SECONDS)
            with pulse.playing(readings()[0]):
                wait_for("running")
            wait_for("silent")
            with pulse.frozen():
                wait_for("stalled", seconds=TOLD_SECONDS)
                assert subscriber.wait_for(gave_up(pulse.name), SECONDS), daemon.log
            wait_for("silent")
            pulse.vanish()
            wait_for("absent", seconds=TOLD_SECONDS)
            pulse.return_()
            wait_for("silent")
            assert daemon.stop() == 0, daemon.log
            assert subscriber.wait_for(lambda messages: messages[-1].payload == b"stopped", SECONDS)
            first, *told = changes(subscriber)
            assert (first, told[:2]) == ("opening", ["absent", "running"])
            assert told[2:6] == ["silent", "running", "silent", "stalled"]
            assert told[6:] == ["running", "silent", "absent", "running", "silent"], told
            assert [gap["cause"] for gap in events(subscriber, "gap")] == ["device", "device"]
            assert all(gap["seconds"] > 0 for gap in events(subscriber, "gap"))
            ledger = payload(subscriber.on("/desk/state")[-1].payload)["ledger"]
            lost = sum(gap["seconds"] for gap in events(subscriber, "gap"))
            assert ledger["lost_seconds"] == pytest.approx(lost, abs=0.01)
            assert_all_as_the_schemas_say(subscriber.received)
            assert "Traceback" not in daemon.log


@needs_root
def test_a_device_that_udev_announces_is_taken_at_once_although_the_next_try_is_far_away(tmp_path, broker):
    (home := tmp_path / "fifo").mkdir()
    with fifo_microphone(home) as fifo, Subscriber(broker) as subscriber:
        config = settings(broker, {"alsa": "fifo6", "channels": 2})
        with Daemon(tmp_path, config, fifo.environment) as daemon:
            assert subscriber.wait_for(state_is("capture", "error"), SECONDS), daemon.log
            refused = time.monotonic()
            file = f'type file slave.pcm {{ type null }} file /dev/null infile "{fifo.fifo}" format raw'
            changed = home / "changed.conf"
            changed.write_text(f"{fifo.configuration()}\npcm.!fifo6 {{ {file} }}\n")
            changed.replace(fifo.environment["ALSA_CONFIG_PATH"])  # Another file: the library looks no closer.
            say(message(CARD))
            fifo.silence(1.0)
            assert subscriber.wait_for(state_is("capture", "running"), SECONDS), daemon.log
            assert time.monotonic() - refused < 10
            assert subscriber.wait_for(lambda _: len(changes(subscriber)) > 2, SECONDS)
            assert changes(subscriber)[:3] == ["opening", "error", "running"]
            assert "udev cannot be heard" not in daemon.log


# --- mute, which is one call: nothing asks for it from outside here ---------------------------------------------


@asynccontextmanager
async def house(folder: Path, device: str):
    """The daemon's services but for the broker, on this loop; yields what they share, and all that is published."""
    text = f"microphones: [{{name: desk, source: {{alsa: {device}}}, provider: aai}}]\n"
    text += 'providers: {aai: {type: assemblyai, api_key: {env: KEY}, url: "ws://127.0.0.1:1"}}\n'
    config = parse(text, path="edgetx.yaml", environment={"KEY": "k"}, host_name="lab", world_readable=False)
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    daemon = await app._daemon(config, Secrets(None, {"aai": "k"}), {"STATE_DIRECTORY": str(folder / "state")})
    services, _ = app.build(daemon, lambda: (config, Secrets(None, {})), notify=lambda _: None, environment={})
    wanted = [service for service in services if service.name in {"microphones", "state", "monitor", "hot-plug"}]
    tasks = [(service, asyncio.ensure_future(service.run())) for service in wanted]
    put: list[Publication] = []
    keep = daemon.outbox.put
    daemon.outbox.put = lambda publication: (put.append(publication), keep(publication))
    try:
        yield daemon, put
    finally:
        for service, task in tasks:
            await wind_up(service, task)
            if not task.cancelled():
                task.result()


@story
async def test_muted_a_microphone_is_closed_and_unmuted_it_is_back_at_once(tmp_path):
    (home := tmp_path / "pulse").mkdir()
    with pulse_microphone(home) as pulse, environment(pulse.environment):
        async with house(tmp_path, pulse.name) as (daemon, put):
            desk = daemon.microphones["desk"]
            await until(lambda: desk.state._shown[0] in {"running", "silent"})
            assert await asyncio.to_thread(pulse.readers) == 1
            began = time.monotonic()
            desk.mute(True)
            assert time.monotonic() - began < 0.2
            assert desk.state.muted
            await until(lambda: desk.state._shown[0] == "muted")
            assert await asyncio.to_thread(pulse.readers) == 0
            end, muted = desk.log.end, time.monotonic()
            await until(lambda: time.monotonic() > muted + 1.5)
            assert desk.log.end == end
            assert daemon.health.progressed_since(time.monotonic())
            desk.mute(False)
            await until(lambda: desk.state._shown[0] == "running")
            assert await asyncio.to_thread(pulse.readers) == 1
        told = [payload(row.payload) for row in put if row.topic.endswith("/event")]
        gaps = [event for event in told if event["event"] == "gap"]
        assert [(gap["cause"], gap["frames"][0]) for gap in gaps] == [("muted", end)]
        assert gaps[0]["seconds"] > 1
        states = [event["state"] for event in told if event["event"] == "capture"]
        assert [state for state in states if state != "silent"] == ["muted", "running"]
