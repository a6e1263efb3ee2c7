"""Daemons for ``scripts/bench --durable`` and ``--gate``, each with microphones and a state of its own."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from calls import CLIENT, SESSIONS_A_MINUTE, Pace
from measure import NotifySocket, Usage, usage, written
from programs import Program
from trial import EDGETX, SCRIPTS, START_SECONDS, BenchError, Talker

from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.microphones import FifoMicrophone

LONGER_THAN_ANY_RUN = 36_000
"""Periods."""


@dataclass(frozen=True, slots=True)
class House:
    """What a daemon is to do. ``providers``: the provider's address for each microphone, by name."""

    name: str
    providers: dict[str, str]
    broker_url: str
    memory_seconds: float
    durability: str = "crash"
    gate: str = "off"
    close_after_seconds: float = 30

    def settings(self) -> dict[str, Any]:
        each = {
            "keep": {"memory_seconds": self.memory_seconds},
            "gate": self.gate,
            "close_after_seconds": self.close_after_seconds,
        }
        return {
            "device": self.name,
            "mqtt": {"url": self.broker_url},
            "state": {"durability": self.durability},
            "providers": {name: _provider(name, url) for name, url in self.providers.items()},
            "microphones": [
                {"name": name, "source": {"alsa": name}, "provider": name, **each} for name in self.providers
            ],
        }


def _provider(microphone: str, url: str) -> dict[str, Any]:
    return {
        "type": "assemblyai",
        "api_key": {"env": "BENCH_KEY"},
        "url": url,
        "sessions_per_minute": SESSIONS_A_MINUTE,
        "extra": {CLIENT: microphone},
    }


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a process has used, and written to disk (bytes), so far."""

    usage: Usage
    written: int


@dataclass(slots=True)
class Inhabited:
    """A daemon that runs, and where its microphones' sound goes in."""

    program: Program
    fifos: dict[str, Path] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        if self.program.process is None or not self.program.running:
            log = self.program.log.read_text()[-2000:]
            raise BenchError(f"The daemon ended by itself ({self.program.log}). The end of its log:\n{log}")
        return self.program.process.pid

    def snapshot(self) -> Snapshot:
        return Snapshot(usage(self.pid), written(self.pid))


@contextmanager
def inhabited(folder: Path, house: House) -> Iterator[Inhabited]:
    """Start the daemon as systemd does, and wait until it is ready."""
    home = folder / house.name
    home.mkdir()
    with ExitStack() as stack:
        fifos = {name: stack.enter_context(_fifo(home / name)) for name in house.providers}
        devices = home / "asound.conf"
        devices.write_text("".join(_device(name, fifo) for name, fifo in fifos.items()))
        config = home / "edgetx.yaml"
        config.write_text(yaml.safe_dump(house.settings()))
        notify = stack.enter_context(NotifySocket())
        environment = {
            "ALSA_CONFIG_PATH": str(devices),
            "OPENBLAS_NUM_THREADS": "1",
            "STATE_DIRECTORY": str(home),
            "NOTIFY_SOCKET": notify.address,
            "WATCHDOG_USEC": "30000000",
            "BENCH_KEY": KEY,
        }
        command = [str(EDGETX), "run", "--config", str(config)]
        daemon = Inhabited(stack.enter_context(Program(command, home / "log", environment)), fifos)
        if not notify.wait_until_ready(START_SECONDS):
            raise BenchError(f"The daemon does not become ready:\n{(home / 'log').read_text()[-2000:]}")
        yield daemon
        daemon.program.process.kill()  # Its farewell is not what is measured, and takes time.


@contextmanager
def official_client(folder: Path, python: Path, provider_url: str) -> Iterator[Inhabited]:
    """The vendor's own, sending; it gets no pace: nobody asks how old its sound is."""
    with _fifo(folder / "official") as fifo:
        host = provider_url.removesuffix("/v3/ws")
        command = [str(python), str(SCRIPTS / "bench_client.py"), host, KEY, str(fifo)]
        with Program(command, fifo.parent / "log") as program:
            yield Inhabited(program, {"official": fifo})


@contextmanager
def fed(folder: Path, name: str, daemons: Sequence[Inhabited]) -> Iterator[dict[str, Pace]]:
    """Let all of them hear, from now until the end; yield when each microphone's periods are made."""
    fifos = {microphone: fifo for daemon in daemons for microphone, fifo in daemon.fifos.items()}
    command = [sys.executable, str(SCRIPTS / "bench_pacer.py"), str(LONGER_THAN_ANY_RUN), str(folder / f"{name}.json")]
    with Talker([*command, *map(str, fifos.values())], folder / f"{name}.log") as pacer:
        first = float(pacer.line())
        yield {microphone: Pace(first, index, len(fifos)) for index, microphone in enumerate(fifos)}
        if not pacer.running:
            raise BenchError(f"A microphone is not read:\n{pacer.log.read_text()[-2000:]}")


@contextmanager
def _fifo(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    microphone = FifoMicrophone(folder)
    microphone.open()
    try:
        yield microphone.fifo
    finally:
        microphone.close()


def _device(name: str, fifo: Path) -> str:
    reading = f'file /dev/null infile "{fifo}" format raw'
    return f"pcm.{name} {{ type file slave.pcm {{ type null }} {reading} }}\n"
