"""Child processes of the demonstration: started on entering, stopped on leaving, whatever happens between."""

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

STOP_SECONDS = 15.0
WITH_US = ("setpriv", "--pdeathsig", "TERM", "--")
"""The kernel ends the child when we end: an interrupt may come between its start and our taking note of it."""


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Ctrl-C reaches all processes of a terminal; one started in here does not hear it and is stopped in its turn."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(slots=True)
class Program:
    """A child process in a group of its own: started on entering, ended by SIGTERM (or harder) on leaving."""

    command: list[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*WITH_US, *self.command],
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                process_group=0,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        if self.process and self.running:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Subscriber(Program):
    """A program that prints ``topic payload`` a line, as mosquitto_sub does; its messages are queued."""

    def __enter__(self) -> Self:
        self.messages: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        super().__enter__()
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def _read(self) -> None:
        assert self.process
        assert self.process.stdout
        for line in self.process.stdout:
            topic, _, payload = line.rstrip("\n").partition(" ")
            self.messages.put((topic, json.loads(payload) if payload.startswith("{") else payload))
