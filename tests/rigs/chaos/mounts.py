"""File systems of a scenario's own. They are in a mount namespace of this process alone: none outlives it."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

CLONE_NEWNS = 0x20000


@cache
def may_mount() -> bool:
    """Whether this process has the right to: root has, but not in every container."""
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def tmpfs(folder: Path, *options: str) -> Iterator[None]:
    """Have ``folder`` on a file system in memory meanwhile, as this thread and the processes it starts see it."""
    _withdraw()
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "chaos", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(path: Path) -> None:
    """Write a file until its file system is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    os.sync()


@cache
def _withdraw() -> None:
    """Leave the machine's mount namespace, once for all."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "This process may not have mounts of its own.")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
