"""The whole examination, in the order in which one thing needs the other; each finding is told as soon as it is known.

The broker comes before the microphones: what the daemon has retained there says how those are that it holds.
"""

import asyncio
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetx import clock
from edgetx.config import Config, MicrophoneSettings, load
from edgetx.doctor import broker, device, disk, groups, hats, power, provider, service
from edgetx.doctor.reading import Machine
from edgetx.doctor.report import Finding, Report, Verdict, sentence
from edgetx.errors import EdgetxError, SettingsError
from edgetx.mutes import is_marked
from edgetx.secret import reveal
from edgetx.supervisor import DaemonThreads
from edgetx.systemd import state_folder

SETTINGS = "settings"
AS_ROOT = "If it is there, you may not read it: sudo edgetx doctor"
EXIT_OK, EXIT_TROUBLE, EXIT_SETTINGS = 0, 1, os.EX_CONFIG


@dataclass(slots=True)
class Examination:
    """All of it, once. ``listened``: which channels a microphone takes."""

    path: Path
    environment: Mapping[str, str]
    report: Report
    listened: Callable[[MicrophoneSettings], Collection[int]]
    machine: Machine
    synchronised: Callable[[], bool] = clock.synchronised

    async def run(self) -> int:
        """Go through all stages; return the exit code."""
        asyncio.get_running_loop().set_default_executor(DaemonThreads())  # A resolver that hangs must not keep us.
        config = self._settings()
        unit = await asyncio.to_thread(self.machine.unit)
        self._tell(service.judge(unit))
        self._machine(unit, config)
        self._sound(unit, config)
        if config is None:
            self._say(SETTINGS, "the rest", Verdict.SKIPPED, "Without settings no broker or provider can be tried.")
            return EXIT_SETTINGS
        told = await self._broker(config)
        for microphone in config.microphones:
            await asyncio.to_thread(self._microphone, microphone, unit, told)
        await self._providers(config)
        return EXIT_OK if self.report.well else EXIT_TROUBLE

    def _settings(self) -> Config | None:
        try:
            config = load(self.path, self.environment)
        except SettingsError as error:
            hidden = os.geteuid() != 0 and not os.access(self.path, os.R_OK)
            for fault in error.faults:
                self._say(SETTINGS, "file", Verdict.FAILED, sentence(fault), AS_ROOT if hidden else "")
            return None
        names = ", ".join(microphone.name for microphone in config.microphones)
        self._say(SETTINGS, "file", Verdict.OK, f"{self.path} is right: device {config.device}, microphones {names}.")
        return config

    def _machine(self, unit: service.Unit, config: Config | None) -> None:
        if self.synchronised():
            self._say("machine", "clock", Verdict.OK, "The clock is synchronised.")
        else:
            text = "The clock is not synchronised; certificates and times may be taken for wrong."
            self._say("machine", "clock", Verdict.WARNING, text, "See: timedatectl timesync-status")
        bits, celsius = self.machine.throttled(), self.machine.celsius()
        is_pi = self.machine.model.startswith("Raspberry Pi")
        self._tell(power.judge(bits, low_voltage=self.machine.low_voltage(), celsius=celsius, is_pi=is_pi))
        self._disk(unit, config)

    def _disk(self, unit: service.Unit, config: Config | None) -> None:
        accounts = self.machine.accounts()
        user = unit.user if unit.installed else accounts.name(os.geteuid())
        number = accounts.number(user)
        folder = self._state_folder(unit)
        keeps = [microphone.keep.disk_megabytes for microphone in config.microphones] if config else []
        writer = disk.Writer(user, os.geteuid() if number is None else number)
        try:
            place = self.machine.place(folder)
        except OSError as error:
            self._say("machine", "state", Verdict.SKIPPED, f"{folder} cannot be looked at: {error.strerror}.")
            return
        durability = config.state.durability if config else "crash"
        self._tell(disk.judge(place, writer, kept_megabytes=sum(keeps), durability=durability))

    def _state_folder(self, unit: service.Unit) -> str:
        return f"/var/lib/{service.USER}" if unit.installed else str(state_folder(self.environment))

    def _marked(self, microphone: str, unit: service.Unit) -> bool | None:
        try:
            return is_marked(self.machine.root / self._state_folder(unit).lstrip("/"), microphone)
        except OSError:
            return None

    def _sound(self, unit: service.Unit, config: Config | None) -> None:
        accounts = self.machine.accounts()
        self._tell([groups.judge_asker(accounts, os.geteuid(), {os.getegid(), *os.getgroups()})])
        if unit.installed:
            self._tell([groups.judge_service(accounts, unit.user, unit.groups)])
        cards = self.machine.sound_system.cards()
        self._tell(hats.judge(self.machine.boot(), [card.id for card in cards]))
        if config is None:
            there = ", ".join(card.id for card in cards if card.captures)
            self._say("sound", "cards", Verdict.OK, f"Cards that capture: {there or 'none'}.")

    async def _broker(self, config: Config) -> Mapping[str, Any]:
        password = None
        if config.mqtt.password:
            try:
                password = reveal(config.mqtt.password, self.environment, where="mqtt.password")
            except SettingsError as error:
                self._say(broker.STAGE, "login", Verdict.FAILED, sentence(error))
                return {}
        return await broker.Visit(config, password, self.report.tell).run()

    def _microphone(self, microphone: MicrophoneSettings, unit: service.Unit, told: Mapping[str, Any]) -> None:
        # A state of a daemon that is no more is retained too; then its last will says so.
        runs = unit.runs or told.get(broker.AVAILABILITY) == "online"
        state = told.get(f"{microphone.name}/state") if runs else None
        device.Visit(
            microphone,
            self.report.tell,
            self.machine.sound_system,
            unit=unit,
            told=state if isinstance(state, dict) else {},
            marked=self._marked(microphone.name, unit),
            listened=self.listened,
        ).run()

    async def _providers(self, config: Config) -> None:
        for name in sorted({microphone.provider for microphone in config.microphones}):
            stage = f"provider {name}"
            try:
                (found,) = provider.chosen(config, name, self.environment)
            except EdgetxError as error:
                self._say(stage, "key", Verdict.FAILED, sentence(error))
            else:
                await provider.Visit(found, self.report.tell, stage=stage).run()

    def _tell(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.report.tell(finding)

    def _say(self, stage: str, name: str, verdict: Verdict, text: str, remedy: str = "") -> None:
        self.report.tell(Finding(stage, name, verdict, text, remedy))
