"""What a program inside the unit's sandbox can do that it must not, as one line of JSON.

Run by a drop-in's ``ExecStartPre=``, which has the sandbox of the daemon; with ``!`` before it as root, in the
same sandbox. Each attempt is really made: what it answers is what the kernel says, not what a setting claims.
"""

import ctypes
import json
import os
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

STATE = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/edgetx"))
NOT_WALKED = ("/proc", "/sys", "/dev", "/usr/lib/edgetx", "/usr/share", "/usr/lib/x86_64-linux-gnu", "/usr/lib/python3")
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER = 0x10000000
HARMLESS_DEVICES = {"null", "zero", "full", "random", "urandom", "tty", "ptmx"}


def main() -> None:
    told = {
        "uid": os.getuid(),
        "status": {key: value for key, value in status() if key in {"NoNewPrivs", "CapEff", "CapBnd", "Seccomp"}},
        "writable": sorted(writable()) if os.getuid() else [],  # Root owns /run and /dev, the daemon does not.
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "devices": sorted(openable()),
        "processes": sorted(seen_processes()),
        "could": sorted(name for name, attempt in attempts().items() if succeeds(attempt)),
    }
    print(json.dumps(told))  # noqa: T201  (the journal is where it is read)


def status() -> Iterator[tuple[str, str]]:
    for line in Path("/proc/self/status").read_text().splitlines():
        key, _, value = line.partition(":")
        yield key, value.strip()


def writable() -> Iterator[str]:
    """Every directory in which a file can really be made, outside the state."""
    for folder, inner, _ in os.walk("/"):
        inner[:] = [each for each in inner if not str(Path(folder, each)).startswith(NOT_WALKED)]
        if not folder.startswith(str(STATE)) and can_create(Path(folder)):
            yield folder
    yield from (folder for folder in ("/dev", "/dev/shm", "/dev/mqueue", "/dev/snd") if can_create(Path(folder)))


def can_create(folder: Path) -> bool:
    made = folder / "rig-was-here"
    try:
        made.touch()
    except OSError:
        return False
    return True


def openable() -> Iterator[str]:
    """Every device but the sound cards' and the harmless ones that opens."""
    for folder, _, files in os.walk("/dev"):
        for path in (Path(folder, name) for name in files):
            if "/dev/snd/" in str(path) or path.name in HARMLESS_DEVICES or str(path).startswith("/dev/pts/"):
                continue
            if is_device(path) and any(opens(path, mode) for mode in (os.O_RDONLY, os.O_WRONLY)):
                yield str(path)


def is_device(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def opens(path: Path, mode: int) -> bool:
    try:
        os.close(os.open(path, mode | os.O_NONBLOCK | os.O_NOCTTY))
    except OSError:
        return False
    return True


def seen_processes() -> Iterator[str]:
    """Other users' processes, by their command."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid != os.getuid():
                yield (process / "comm").read_text().strip()
        except OSError:
            continue


def succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def call(name: str, *arguments: object) -> None:
    if getattr(LIBC, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


def command(*words: str) -> None:
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)


def setuid_file() -> None:
    made = (STATE if os.getuid() else Path("/tmp")) / "rig-setuid"
    made.touch()
    try:
        made.chmod(0o4755)
        if not made.stat().st_mode & stat.S_ISUID:
            raise PermissionError(made)
    finally:
        made.unlink()


def packet_socket() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


def attempts() -> dict[str, Callable[[], object]]:
    """What root without privileges may do as well is asked of the daemon's user only."""
    return ANYBODY if os.getuid() == 0 else ANYBODY | USER


USER: dict[str, Callable[[], object]] = {
    "become root": lambda: os.setuid(0),
    "su": lambda: command("su", "-c", "id"),
    "read the password hashes": lambda: Path("/etc/shadow").read_bytes(),
}
ANYBODY: dict[str, Callable[[], object]] = {
    "make a setuid file": setuid_file,
    "make a user namespace": lambda: call("unshare", CLONE_NEWUSER),
    "mount": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "set the clock": lambda: call("settimeofday", ctypes.byref((ctypes.c_long * 2)(1, 0)), None),
    "set the host name": lambda: call("sethostname", b"rig", 3),
    "listen to raw packets": packet_socket,
    "change a kernel setting": lambda: Path("/proc/sys/kernel/printk").write_text("4"),
    "read the kernel's log": lambda: call("klogctl", 3, ctypes.create_string_buffer(64), 64),
    "read another's environment": lambda: Path("/proc/1/environ").read_bytes(),
    "change the settings": lambda: os.close(os.open("/etc/edgetx/edgetx.yaml", os.O_WRONLY)),
    "read another's home": lambda: list(Path("/root").iterdir()),
    "load a module": lambda: command("modprobe", "dummy_hcd"),
    "trace another process": lambda: call("ptrace", 16, 1, 0, 0),
}


if __name__ == "__main__":
    main()
