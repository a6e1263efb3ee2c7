"""The two clients under measurement, the daemon and the official one, with all that they need around them.

    bench process ─ starts ─> broker, provider, pacer ─ 100 ms ─> FIFO ─> daemon ────────> provider, broker
                              (one of each)           ─ 100 ms ─> FIFO ─> official client ─> provider

Both clients run at the same moment, so that what the machine does meanwhile happens to both.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml
from measure import Memory, NotifySocket, Span, memory, span, usage
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from programs import Program, deaf_to_ctrl_c

from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.broker import Broker
from tests.rigs.microphones import FifoMicrophone, fifo_microphone

SCRIPTS = Path(__file__).parents[1]
EDGETX = SCRIPTS.parent / ".venv/bin/edgetx"
START_SECONDS = 30.0
SETTLE_SECONDS = 1.0
WARM_SECONDS = 5.0
PERIODS_A_SECOND = 10
READY_PERIODS = 3
"""Sound that waits already when a client is started: what is measured is the client, not the wait for a period."""


class BenchError(Exception):
    """The measurement itself failed; the text says why."""


@dataclass(slots=True)
class Talker(Program):
    """A program whose lines are read as they come."""

    lines: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)

    def __enter__(self) -> Self:
        Program.__enter__(self)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def line(self, seconds: float = START_SECONDS) -> str:
        try:
            return self.lines.get(timeout=seconds)
        except queue.Empty:
            raise BenchError(f"Nothing came from {Path(self.command[1]).name} within {seconds:.0f} s.") from None

    def _read(self) -> None:
        assert self.process
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(line)


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the start of a process; the official client has no READY."""

    first_chunk_seconds: float
    ready_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """What a client used while both ran."""

    span: Span
    memory: Memory


@dataclass(slots=True)
class Listener:
    """A subscriber in this process that notes when a final came: {text: monotonic seconds}."""

    port: int
    topic: str
    heard: dict[str, float] = field(default_factory=dict)
    _client: Client = field(default_factory=lambda: Client(CallbackAPIVersion.VERSION2))

    def __enter__(self) -> Self:
        self._client.on_connect = lambda client, *_: client.subscribe(self.topic, qos=1)
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _note(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        now = time.monotonic()
        self.heard[json.loads(message.payload)["text"]] = now


@dataclass(frozen=True, slots=True)
class Trial:
    """The surroundings: ``folder`` for files and logs, ``python`` of the official client, its and our servers."""

    folder: Path
    python: Path
    broker: Broker
    provider: Talker
    provider_url: str

    def starts(self, count: int) -> dict[str, list[Start]]:
        """Start each client ``count`` times, by turns, after one time that does not count: it fills the caches."""
        measured: dict[str, list[Start]] = {"edgetx": [], "official": []}
        for number in range(count + 1):
            for name, run in (("edgetx", self.daemon), ("official", self.official)):
                start = self._start(run, f"start-{number}-{name}")
                if number:
                    measured[name].append(start)
        return measured

    def together(self, seconds: float) -> tuple[dict[str, Used], list[list[float]], tuple[float, float]]:
        """Run both on a microphone each; return what each used, the times of all periods, and the window measured."""
        with (
            self._microphone("run-edgetx") as ours,
            self._microphone("run-official") as theirs,
            self.daemon(ours) as (daemon, notify),
            self.official(theirs) as (official, _),
        ):
            if notify is None or not notify.wait_until_ready(START_SECONDS):
                raise self._failure(daemon, "The daemon does not become ready")
            time.sleep(SETTLE_SECONDS)
            count = int((WARM_SECONDS + seconds + SETTLE_SECONDS) * PERIODS_A_SECOND)
            record = self.folder / "periods.json"
            command = [sys.executable, str(SCRIPTS / "bench_pacer.py"), str(count), str(record)]
            with Talker([*command, str(ours.fifo), str(theirs.fifo)], self.folder / "pacer.log") as pacer:
                time.sleep(WARM_SECONDS)
                pids = {"edgetx": _pid(daemon), "official": _pid(official)}
                began = time.monotonic()
                before = {name: usage(pid) for name, pid in pids.items()}
                time.sleep(seconds)
                for client in (daemon, official, pacer):
                    if not client.running:
                        raise self._failure(client, "A client ended by itself, or does not read its microphone")
                used = {name: Used(span(p, before[name], usage(p)), memory(p)) for name, p in pids.items()}
                ended = time.monotonic()
                self._wait(pacer)
            if official.log.read_text():
                raise self._failure(official, "The official client complained")
        return used, json.loads(record.read_text()), (began, ended)

    def stage(self, name: str, seconds: float, address: str) -> Talker:
        command = [sys.executable, str(SCRIPTS / "bench_stages.py"), name, f"{seconds:g}", address]
        return Talker(command, self.folder / f"stage-{name}.log", {"OPENBLAS_NUM_THREADS": "1"})

    @contextmanager
    def daemon(self, microphone: FifoMicrophone) -> Iterator[tuple[Program, NotifySocket | None]]:
        """The daemon as systemd runs it."""
        home = microphone.fifo.parent
        settings = home / "edgetx.yaml"
        settings.write_text(yaml.safe_dump(settings_for(self.broker.url, self.provider_url), sort_keys=False))
        with NotifySocket() as notify:
            environment = {
                **microphone.environment,
                "OPENBLAS_NUM_THREADS": "1",
                "STATE_DIRECTORY": str(home),
                "NOTIFY_SOCKET": notify.address,
                "WATCHDOG_USEC": "30000000",
                "BENCH_KEY": KEY,
            }
            command = [str(EDGETX), "run", "--config", str(settings)]
            with Program(command, home / "log", environment) as program:
                yield program, notify

    @property
    def provider_host(self) -> str:
        """What the official client calls its host; it adds the path."""
        return self.provider_url.removesuffix("/v3/ws")

    @contextmanager
    def official(self, microphone: FifoMicrophone) -> Iterator[tuple[Program, NotifySocket | None]]:
        command = [str(self.python), str(SCRIPTS / "bench_client.py"), self.provider_host, KEY, str(microphone.fifo)]
        with Program(command, microphone.fifo.parent / "log") as program:
            yield program, None

    def _start(self, run: Callable[[FifoMicrophone], Any], name: str) -> Start:
        with self._microphone(name) as microphone:
            microphone.silence(READY_PERIODS / PERIODS_A_SECOND)
            began = time.monotonic()
            with run(microphone) as (program, notify):
                try:
                    told = json.loads(self.provider.line())
                except BenchError:
                    raise self._failure(program, "No sound came from the client") from None
                if notify is not None and not notify.wait_until_ready(START_SECONDS):
                    raise self._failure(program, "The daemon does not become ready")
                program.process.kill()
            ready = None if notify is None or notify.ready_at is None else notify.ready_at - began
            return Start(told["first"] - began, ready)

    @contextmanager
    def _microphone(self, name: str) -> Iterator[FifoMicrophone]:
        home = self.folder / name
        home.mkdir()
        with fifo_microphone(home) as microphone:
            yield microphone

    def _wait(self, pacer: Talker) -> None:
        if _process(pacer).wait(START_SECONDS):
            raise self._failure(pacer, "The pacing of the microphones failed")

    def _failure(self, program: Program, what: str) -> BenchError:
        return BenchError(
            f"{what} ({' '.join(program.command)}). The end of its log:\n{program.log.read_text()[-2000:]}"
        )


@contextmanager
def surroundings(folder: Path, python: Path, *, starts: int) -> Iterator[Trial]:
    """Start the broker and the provider; ``starts``: how many connections the provider is to tell of."""
    record = folder / "provider.json"
    command = [sys.executable, str(SCRIPTS / "bench_provider.py"), str(starts), str(record)]
    with deaf_to_ctrl_c():
        broker = Broker().__enter__()
    try:
        with Talker(command, folder / "provider.log") as provider:
            yield Trial(folder, python, broker, provider, provider.line().strip())
    finally:
        broker.close()


def settings_for(broker_url: str, provider_url: str) -> dict[str, Any]:
    return {
        "device": "bench",
        "mqtt": {"url": broker_url},
        "providers": {"aai": {"type": "assemblyai", "api_key": {"env": "BENCH_KEY"}, "url": provider_url}},
        "microphones": [{"name": "desk", "source": {"alsa": FifoMicrophone.name}, "provider": "aai"}],
    }


def as_in_production() -> None:
    """Byte code is written and read, as installed programs do, whoever calls."""
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH"):
        os.environ.pop(name, None)


def _process(program: Program) -> Any:
    if program.process is None:
        raise RuntimeError("The program was not started.")
    return program.process


def _pid(program: Program) -> int:
    return int(_process(program).pid)
