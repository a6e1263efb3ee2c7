"""The demonstration behind scripts/demo: the real daemon between a real ALSA microphone and a real broker.

It uses edgetx as its users do: by its settings file, its command, its MQTT topics. What is started is stopped again
whatever happens; the order is that of the stack: daemon, subscriber, microphone, broker.
"""

import argparse
import os
import queue
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "scripts/lib")]

from ending import end_in_order  # noqa: E402
from programs import Program, Subscriber, deaf_to_ctrl_c  # noqa: E402
from show import EVER, Reading, Screen, Show, summarise  # noqa: E402

from edgetx.config import MqttSettings, load  # noqa: E402
from edgetx.errors import SettingsError  # noqa: E402
from edgetx.mqtt.address import parse_address  # noqa: E402
from edgetx.secret import reveal  # noqa: E402
from tests.rigs.broker import Broker  # noqa: E402
from tests.rigs.microphones import PulseMicrophone, pulse_microphone, readings  # noqa: E402

EDGETX = CHECKOUT / ".venv/bin/edgetx"
START_SECONDS = 60.0
LAST_WORDS_SECONDS = 30.0
DEFAULT_PORT = 1883
PAUSE_SECONDS = 1.0


class DemoError(Exception):
    """The demonstration did not show what it should; the text says why."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs: the daemon, somebody who subscribes, and what is shown of it."""

    daemon: Program
    subscriber: Subscriber
    show: Show

    def watch(self, until: Callable[[], bool], *, seconds: float) -> bool:
        """Show messages until that is so (True), or the time is over (False)."""
        deadline = time.monotonic() + seconds
        while not until():
            if not self.daemon.running:
                raise DemoError("The daemon ended by itself.")
            if not self.subscriber.running:
                raise DemoError(f"The subscriber ended by itself: {self.subscriber.log.read_text().strip()}")
            if time.monotonic() > deadline:
                return False
            self._take(0.1)
        return True

    def stop(self) -> None:
        """Stop the daemon, and show what it still had to say."""
        self.daemon.stop()
        while self.show.online and self._take(2.0):
            pass

    def _take(self, seconds: float) -> bool:
        try:
            self.show.take(*self.subscriber.messages.get(timeout=seconds))
        except queue.Empty:
            return False
        return True


@dataclass(slots=True)
class Demo:
    """One run; its files lie in ``folder`` and its children end with ``stack``."""

    folder: Path
    stack: ExitStack
    screen: Screen = field(default_factory=Screen)

    def broker(self, port: int | None = None) -> Broker:
        """A private one, on a free port unless ``port`` says which."""
        with deaf_to_ctrl_c():
            broker = self.stack.enter_context(Broker(port=port))
        self.screen.line(f"broker        {address_of(broker)}")
        return broker

    def microphone(self) -> PulseMicrophone:
        home = self.folder / "microphone"
        home.mkdir()
        microphone = self.stack.enter_context(pulse_microphone(home))
        self.screen.line("microphone    ALSA's 'testmic' (a PulseAudio of our own behind it)")
        return microphone

    def settings(self, settings: dict[str, Any]) -> Path:
        path = self.folder / "edgetx.yaml"
        path.write_text(yaml.safe_dump(settings, sort_keys=False))
        return path

    def stage(
        self, settings: Path, listen: list[str], *, environment: dict[str, str], readings: Sequence[Reading] = ()
    ) -> Stage:
        """Subscribe, then start the daemon on ``settings``; both get ``environment`` besides their own."""
        self.screen.line(f"subscriber    {' '.join(listen)}")
        subscriber = self.stack.enter_context(Subscriber(listen, self.folder / "listen.log", environment))
        command = [str(EDGETX), "run", "--config", str(settings)]
        self.screen.line(f"daemon        {' '.join(command)}\n")
        environment = {"STATE_DIRECTORY": str(self.folder), "OPENBLAS_NUM_THREADS": "1", **environment}
        daemon = self.stack.enter_context(Program(command, self.folder / "edgetx.log", environment))
        return Stage(daemon, subscriber, Show(self.screen, list(readings)))

    def explain(self, error: DemoError) -> None:
        """Say what went wrong, and how the daemon saw it, if it ran."""
        print(f"\n{error}", file=sys.stderr)
        log = self.folder / "edgetx.log"
        if log.exists():
            print(f"The end of the daemon's log:\n{log.read_text()[-3000:]}", file=sys.stderr)


def play_readings(demo: Demo) -> None:
    """Play the five readings to the daemon. Raise DemoError unless each came out, and every second is accounted for."""
    broker, microphone = demo.broker(), demo.microphone()
    recordings = [Reading(wav, wav.with_suffix(".txt").read_text().strip()) for wav in readings()]
    settings = demo.settings(settings_for(broker, microphone.name))
    stage = demo.stage(settings, subscription(broker), environment=microphone.environment, readings=recordings)
    if not stage.watch(lambda: stage.show.listening, seconds=START_SECONDS):
        raise DemoError(f"The daemon does not listen after {START_SECONDS:.0f} s.")
    player = threading.Thread(target=play, args=(microphone, recordings), daemon=True)
    player.start()
    stage.watch(lambda: not player.is_alive(), seconds=EVER)
    stage.watch(lambda: stage.show.all_heard, seconds=LAST_WORDS_SECONDS)
    stage.stop()
    adds_up = summarise(stage.show)
    if not stage.show.all_heard or stage.show.finals < len(recordings):
        raise DemoError(f"{len(stage.show.heard)} of {len(recordings)} readings were transcribed.")
    if not adds_up:
        raise DemoError("The account does not add up: captured is not transcribed + silent + lost.")


def play(microphone: PulseMicrophone, recordings: list[Reading]) -> None:
    for recording in recordings:
        recording.began = time.time()
        microphone.play(recording.wav)
        recording.ended = time.time()
        time.sleep(PAUSE_SECONDS)


def listen_to_device(demo: Demo, device: str) -> None:
    """Transcribe a real microphone until Ctrl-C."""
    broker = demo.broker()
    stage = demo.stage(demo.settings(settings_for(broker, device)), subscription(broker), environment={})
    listen_until_interrupted(stage)


def use_settings(demo: Demo, file: Path) -> None:
    """Run somebody's own settings until Ctrl-C; with a broker of our own where they mean one that is not there."""
    try:
        mqtt = load(file, os.environ).mqtt
        password = reveal(mqtt.password, os.environ, where="mqtt.password") if mqtt.password else None
    except SettingsError as error:
        raise DemoError(str(error)) from error
    if mqtt.url == MqttSettings().url and not somebody_listens(DEFAULT_PORT):
        demo.broker(DEFAULT_PORT)
    environment = {"XDG_CONFIG_HOME": str(demo.folder)}
    options = demo.folder / "mosquitto_sub"
    options.touch(0o600)
    options.write_text(subscriber_options(mqtt, password))
    topics = f"{mqtt.base_topic}/#"
    stage = demo.stage(file, ["mosquitto_sub", "-q", "1", "-v", "-t", topics], environment=environment)
    listen_until_interrupted(stage)


def subscriber_options(mqtt: MqttSettings, password: str | None) -> str:
    """What mosquitto_sub reads from its own file: there, the password shows in no list of processes."""
    address = parse_address(mqtt.url)
    if address.websocket:
        raise DemoError("The demonstration subscribes by mosquitto_sub, which speaks mqtt and mqtts, no WebSocket.")
    options = {
        "-h": address.host,
        "-p": address.port,
        "-u": mqtt.username,
        "-P": password,
        "--cafile": mqtt.ca_file,
        "--capath": "/etc/ssl/certs" if address.tls and not mqtt.ca_file else None,
        "--cert": mqtt.cert_file,
        "--key": mqtt.key_file,
    }
    return "".join(f"{option} {value}\n" for option, value in options.items() if value is not None)


def somebody_listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listen_until_interrupted(stage: Stage) -> None:
    stage.show.screen.line("Speak; Ctrl-C ends it.")
    try:
        stage.watch(lambda: False, seconds=EVER)
    except KeyboardInterrupt:
        stage.stop()
        if not summarise(stage.show):
            raise DemoError("The account does not add up: captured is not transcribed + silent + lost.") from None


def settings_for(broker: Broker, device: str) -> dict[str, Any]:
    return {
        "device": "demo",
        "mqtt": {"url": address_of(broker)},
        "microphones": [{"name": "desk", "source": {"alsa": device}}],
    }


def address_of(broker: Broker) -> str:
    return f"mqtt://127.0.0.1:{broker.port}"  # By number: a bare container does not know the name localhost.


def subscription(broker: Broker) -> list[str]:
    return ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-v", "-t", "edgetx/#"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="See scripts/demo --help.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--device", metavar="hw:CARD=…")
    choice.add_argument("--config", metavar="FILE", type=Path)
    return parser.parse_args()


def main() -> int:
    given = arguments()
    end_in_order()
    with tempfile.TemporaryDirectory(prefix="edgetx-demo-") as name, ExitStack() as stack:
        demo = Demo(Path(name), stack)
        try:
            if given.config:
                use_settings(demo, given.config.resolve())
            elif given.device:
                listen_to_device(demo, given.device)
            else:
                play_readings(demo)
        except DemoError as error:
            stack.close()
            demo.explain(error)
            return 1
        except KeyboardInterrupt:
            demo.screen.line("Interrupted.")
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
