"""What the scenes have in common: the machine, what its subscriber hears, and the few things that all of them do."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.rigs.vm.heard import FORMAT, Heard, Message
from tests.rigs.vm.machine import Machine, MachineError, until
from tests.rigs.vm.report import Report

CARD = "hw:CARD=Loopback,DEV=1"
USER = "rig"
SETTINGS = """\
device: vm
mqtt:
  username: rig
  password: {credential: mqtt_password}
microphones:
  - name: desk
    source: {alsa: "%s", sample_rate: 16000, channels: 6, format: S16_LE}
    listen: {channel: 0}
"""
BROKER = """\
per_listener_settings false
listener 1883 127.0.0.1
allow_anonymous false
password_file /etc/mosquitto/rig-passwords
"""
CREDENTIAL = "/etc/edgetx/credentials/mqtt_password"
HERE = {"running", "silent"}
"""The states of a microphone that delivers sound: zeros are sound too."""


@dataclass(slots=True)
class Stage:
    machine: Machine
    report: Report
    heard: Heard = field(default_factory=Heard)
    secret: str = field(default_factory=lambda: secrets.token_hex(16))

    def furnish(self) -> None:
        """The broker, its password, the daemon's settings, and recordings for the card."""
        machine = self.machine
        machine.write("/etc/mosquitto/conf.d/rig.conf", BROKER)
        machine.run(f"mkdir -p -m 700 {Path(CREDENTIAL).parent}; mkdir -p /etc/systemd/system/edgetx.service.d")
        machine.write(CREDENTIAL, self.secret)
        machine.run(f"chmod 600 {CREDENTIAL}")
        machine.run(
            f"mosquitto_passwd -b -c /etc/mosquitto/rig-passwords {USER} {self.secret};"
            " chown mosquitto: /etc/mosquitto/rig-passwords; systemctl restart mosquitto"
        )
        machine.write("/etc/edgetx/edgetx.yaml", SETTINGS % CARD)
        machine.run(
            "systemctl daemon-reload; cd /opt/rig; for each in 0880 0890; do"
            " python3 six_channels.py speech/austen-$each.wav $each.wav; done;"
            " python3 six_channels.py hush hush.wav && systemctl enable --now rig-room"
        )
        self.subscribe()

    def subscribe(self) -> None:
        """The broker keeps what comes while nobody listens: the subscriber has a session of its own."""
        self.machine.follow(
            f"until mosquitto_sub -u {USER} -P {self.secret} -i rig -c -q 1 -t 'edgetx/#' -F '{FORMAT}' 2>/dev/null;"
            " do sleep 0.5; done",
            self._take,
        )

    def _take(self, line: str) -> None:
        if line[:1].isdigit():
            self.heard.take(line)

    def now(self) -> float:
        """Return the machine's UTC."""
        return float(self.machine.run("date +%s.%N"))

    def shown(self, name: str) -> str:
        """Return a property of the service."""
        return self.machine.run(f"systemctl show edgetx -p {name} --value").strip()

    def pid(self) -> int:
        return int(self.shown("MainPID"))

    def play(self, recording: str) -> None:
        """Have it said in the room, from at most two seconds on."""
        self.machine.write("/run/say", f"/opt/rig/{recording}.wav")

    def wait_until_here(self, after: float, seconds: float = 60.0) -> Message:
        """Wait for the first state in which the microphone delivers."""
        return self.heard.wait_for("/desk/state", lambda state: state["capture"] in HERE, after=after, seconds=seconds)

    def wait_until_ready(self, after: float) -> Message:
        return self.heard.wait_for(
            "/desk/state",
            lambda state: state["capture"] in HERE and state["provider"] == "ready",
            after=after,
            seconds=90,
        )

    def wait_in(self, command: str, wanted: Callable[[str], object], seconds: float) -> str:
        """Repeat a command until what it writes is ``wanted``; return that."""
        end = time.monotonic() + seconds
        while not wanted(out := self.machine.result(command).out.strip()):
            if time.monotonic() > end:
                raise MachineError(f"{command} still says {out!r} after {seconds:g} s.")
            time.sleep(0.3)
        return out

    def is_alive(self) -> bool:
        return self.shown("ActiveState") == "active"


__all__ = ["CARD", "HERE", "SETTINGS", "Stage", "until"]
