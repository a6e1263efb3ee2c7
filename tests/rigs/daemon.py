"""The real daemon in a process of its own, as systemd would start it: command, environment, notify socket, signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

STOP_SECONDS = 20
"""More than the ten in which the daemon promises to stop: a busy machine is no fault of it."""


class Daemon:
    """``with Daemon(folder, settings, environment) as daemon``: started; killed at the end if it still runs.

    ``told`` is what it told systemd's notify socket. ``launcher``: a command that becomes the daemon.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any] | str,
        environment: Mapping[str, str],
        *,
        stdin: int = subprocess.DEVNULL,
        launcher: Sequence[str] = (),
    ) -> None:
        self._stdin = stdin
        self._launcher = launcher
        self.config = folder / "edgetx.yaml"
        self.config.write_text(settings if isinstance(settings, str) else yaml.safe_dump(settings))
        self.config.chmod(0o600)
        self._log = folder / "edgetx.log"
        own = {"NOTIFY_SOCKET": str(folder / "notify"), "STATE_DIRECTORY": str(folder / "state")}
        self._environment = {**os.environ, **own, **environment}
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(self._environment["NOTIFY_SOCKET"])
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = threading.Condition()
        self.told: list[str] = []

    def __enter__(self) -> Self:
        command = [*self._launcher, sys.executable, "-m", "edgetx.cli", "run", "--config", str(self.config)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdin=self._stdin, stderr=log)
        threading.Thread(target=self._hear, daemon=True).start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._notify.shutdown(socket.SHUT_RD)
        self._notify.close()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process
        return self._process

    @property
    def log(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text()

    def wait_until_told(self, line: str, *, times: int = 1, seconds: float = 30.0) -> bool:
        """Wait until systemd was told ``line`` (its beginning) so many times; False: it was not."""
        with self._changed:
            return self._changed.wait_for(
                lambda: sum(told.startswith(line) for told in self.told) >= times, timeout=seconds
            )

    def stop(self) -> int:
        """Stop it as systemd does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def children(self) -> list[int]:
        """The process ids of its children: the recognisers."""
        task = Path(f"/proc/{self.process.pid}/task")
        lists = [(thread / "children").read_text().split() for thread in task.iterdir()]
        return [int(pid) for pids in lists for pid in pids]

    def _hear(self) -> None:
        while data := self._notify.recv(4096):
            with self._changed:
                self.told += data.decode().splitlines()
                self._changed.notify_all()


def payload(data: bytes) -> dict[str, Any]:
    """A message's JSON object."""
    fields: dict[str, Any] = json.loads(data)
    return fields
