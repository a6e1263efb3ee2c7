"""What a running process uses, read from outside without disturbing it; and what a list of times says.

CPU is the kernel's own account of the process in nanoseconds (its CPU clock, as clock_getcpuclockid(3) makes it), for
the ticks of /proc/PID/stat are a hundredth of a second: a minute of edgetx is five of them.
"""

import os
import platform
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

HOUR_SECONDS = 3600
_CPU_CLOCK_OF_PROCESS = 2


@dataclass(frozen=True, slots=True)
class Usage:
    """A process at one moment: seconds of CPU, by thread too; how often it has been woken; its threads."""

    at: float
    cpu_seconds: float
    thread_seconds: dict[int, float]
    wakeups: int

    @property
    def threads(self) -> int:
        return len(self.thread_seconds)


@dataclass(frozen=True, slots=True)
class Span:
    """What a process used between two moments."""

    seconds: float
    cpu_seconds_per_hour: float
    main_thread_per_hour: float
    other_threads_per_hour: float
    wakeups_per_second: float
    threads: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident, and the part of it that is this process's share (PSS), in MiB."""

    rss: float
    pss: float


def written(pid: int) -> int:
    """Return how many bytes a process has given the kernel to bring to disk so far. See proc_pid_io(5).

    They are whole pages, each once however often it is written before it leaves. What the file system writes for itself
    (its journal, its directories) is not in it; nor is what was removed before it left.
    """
    path = Path(f"/proc/{pid}/io")
    return _status(path, "write_bytes") - _status(path, "cancelled_write_bytes")


def file_system(folder: Path) -> str:
    """Return what kind of file system ``folder`` is on, as stat(1) calls it."""
    command = ("stat", "--file-system", "--format=%T", str(folder))
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def usage(pid: int) -> Usage:
    at = time.monotonic()
    tasks = [task for task in Path(f"/proc/{pid}/task").iterdir() if task.is_dir()]
    return Usage(
        at=at,
        cpu_seconds=time.clock_gettime(~pid << 3 | _CPU_CLOCK_OF_PROCESS),
        thread_seconds={int(task.name): int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks},
        wakeups=sum(_status(task / "status", "voluntary_ctxt_switches") for task in tasks),
    )


def span(pid: int, before: Usage, after: Usage) -> Span:
    seconds = after.at - before.at
    per_hour = HOUR_SECONDS / seconds
    used = {thread: cpu - before.thread_seconds.get(thread, 0.0) for thread, cpu in after.thread_seconds.items()}
    return Span(
        seconds=seconds,
        cpu_seconds_per_hour=(after.cpu_seconds - before.cpu_seconds) * per_hour,
        main_thread_per_hour=used[pid] * per_hour,
        other_threads_per_hour=sum(cpu for thread, cpu in used.items() if thread != pid) * per_hour,
        wakeups_per_second=(after.wakeups - before.wakeups) / seconds,
        threads=after.threads,
    )


def memory(pid: int) -> Memory:
    process = Path(f"/proc/{pid}")
    return Memory(_status(process / "status", "VmRSS") / 1024, _status(process / "smaps_rollup", "Pss") / 1024)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of ``values`` that is not below ``share`` (0 to 1) of them."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, Any]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in _lines("/proc/cpuinfo")
            if line.startswith(("model name", "Model"))
        ),
        platform.machine(),
    )
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}


@dataclass(slots=True)
class NotifySocket:
    """Stands in for systemd: ``address`` goes into NOTIFY_SOCKET, and it notes when READY=1 comes.

    The address is an abstract one that the kernel chooses (see unix(7)): a path could be too long.
    """

    address: str = ""
    ready_at: float | None = None
    _ready: threading.Event = field(default_factory=threading.Event)
    _socket: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))

    def __enter__(self) -> Self:
        self._socket.bind("")
        self.address = "@" + self._socket.getsockname()[1:].decode()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as goodbye:
            goodbye.sendto(b"", self._socket.getsockname())

    def wait_until_ready(self, seconds: float) -> bool:
        return self._ready.wait(seconds)

    def _listen(self) -> None:
        with self._socket:
            while told := self._socket.recv(4096):
                if b"READY=1" in told.split(b"\n"):
                    self.ready_at = time.monotonic()
                    self._ready.set()


def _status(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in _lines(path) if line.startswith(f"{name}:"))


def _lines(path: Path | str) -> list[str]:
    return Path(path).read_text().splitlines()
