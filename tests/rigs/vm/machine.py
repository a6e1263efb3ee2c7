"""The machine: QEMU, started on entering and ended on leaving, and a hand inside it (inside/agent.py)."""

import itertools
import json
import queue
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

BOOT_SECONDS = 180.0
COMMAND_SECONDS = 90.0
STEP_SECONDS = 0.05
KERNEL_COMMAND_LINE = "console=ttyS0 loglevel=4 mitigations=off tsc=reliable random.trust_cpu=on panic=5"


class MachineError(Exception):
    """The machine does not do what it is told, or not in time."""


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    out: str


@dataclass(slots=True)
class Machine:
    """``kernel`` is a folder with vmlinuz and initrd; ``folder`` takes the console's log and the sockets."""

    kernel: Path
    disk: Path
    folder: Path
    megabytes: int = 512
    boots: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)
    _results: dict[int, "queue.SimpleQueue[Result]"] = field(default_factory=dict)
    _followers: dict[int, Callable[[str], None]] = field(default_factory=dict)
    _port: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_UNIX))
    _qemu: "subprocess.Popen[bytes] | None" = None

    def __enter__(self) -> Self:
        address = self.folder / "rig.sock"
        with (self.folder / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self._command(address)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            until(address.exists, 20, "QEMU does not start", alive=self._alive)
            self._port.connect(str(address))
            threading.Thread(target=self._listen, daemon=True).start()
            self.wait_for_boot(1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._qemu:
            self._qemu.kill()
            self._qemu.wait()
        self._port.close()

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    def wait_for_boot(self, count: int) -> None:
        """Wait until it has booted ``count`` times."""
        until(lambda: len(self.boots) >= count, BOOT_SECONDS, "The machine does not boot", alive=self._alive)

    def result(self, command: str, seconds: float = COMMAND_SECONDS) -> Result:
        """Run a shell's command to its end."""
        number = next(self._numbers)
        self._results[number] = queue.SimpleQueue()
        self._send({"id": number, "run": command})
        try:
            return self._results[number].get(timeout=seconds)
        except queue.Empty:
            raise MachineError(f"Not done within {seconds:g} s: {command}") from None

    def run(self, command: str, seconds: float = COMMAND_SECONDS) -> str:
        """Run a command that must succeed; return what it wrote."""
        result = self.result(command, seconds)
        if result.code:
            raise MachineError(f"{command} ended with {result.code}: {result.out[-1500:]}")
        return result.out

    def start(self, command: str) -> None:
        """Run a command without waiting for its end."""
        self._send({"id": next(self._numbers), "run": command})

    def follow(self, command: str, take: Callable[[str], None]) -> None:
        """Have each line that a command writes taken as it comes."""
        number = next(self._numbers)
        self._followers[number] = take
        self._send({"id": number, "follow": command})

    def write(self, path: str, text: str) -> None:
        self.run(f"printf %s {shlex.quote(text)} > {shlex.quote(path)}")

    def _command(self, address: Path) -> list[str]:
        return [
            "qemu-system-x86_64",
            *("-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(self.megabytes)),
            *("-nodefaults", "-no-user-config", "-nic", "none", "-display", "none"),
            *("-kernel", str(self.kernel / "vmlinuz"), "-initrd", str(self.kernel / "initrd")),
            *("-append", KERNEL_COMMAND_LINE),
            *("-drive", f"file={self.disk},if=virtio,format=raw,cache=unsafe"),
            *("-device", "virtio-serial-pci", "-device", "virtserialport,chardev=rig,name=rig"),
            *("-chardev", f"socket,id=rig,path={address},server=on,wait=off"),
            *("-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console"),
        ]

    def _alive(self) -> bool:
        return self._qemu is not None and self._qemu.poll() is None

    def _send(self, message: dict[str, Any]) -> None:
        self._port.sendall(json.dumps(message).encode() + b"\n")

    def _listen(self) -> None:
        with self._port.makefile("rb") as lines:
            for line in lines:
                self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:
        if "booted" in message:
            self.boots.append(message["booted"])
        elif "line" in message:
            self._followers[message["id"]](message["line"])
        elif message["id"] in self._results:
            self._results.pop(message["id"]).put(Result(message["code"], message["out"]))


def until(
    happened: Callable[[], Any], seconds: float, otherwise: str, *, alive: Callable[[], bool] = lambda: True
) -> Any:
    """Wait for ``happened()`` to be true and return it; raise MachineError, saying ``otherwise``."""
    end = time.monotonic() + seconds
    while not (what := happened()):
        if time.monotonic() > end:
            raise MachineError(f"{otherwise} (waited {seconds:g} s).")
        if not alive():
            raise MachineError(f"{otherwise}: it has ended.")
        time.sleep(STEP_SECONDS)
    return what
