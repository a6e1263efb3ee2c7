"""A virtual environment of its own for each vendor's official client, under ``.cache``, made once and kept."""

import asyncio
import fcntl
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CACHE = Path(__file__).parents[2] / ".cache"


def python_with(requirement: str, say: Callable[[str], None] = print) -> Path:
    """Return the interpreter of the environment that holds ``requirement`` ("name==version"); make it if need be.

    Only one process makes it; the others wait for the lock. Raise RuntimeError with pip's words when that fails.
    """
    home = CACHE / f"oracle-{requirement.replace('==', '-')}"
    python, done = home / "bin" / "python", home / "complete"
    CACHE.mkdir(exist_ok=True)
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            say(f"Installing the official client {requirement} into {home} (once, about half a minute) ...")
            _run(sys.executable, "-m", "venv", "--clear", str(home))
            _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement)
            done.touch()
    return python


async def told_by(requirement: str, driver: str, *arguments: str) -> list[Any]:
    """Have the official client do what ``driver`` (a file beside this one) says; return what it told, in JSON lines."""
    python = await asyncio.to_thread(python_with, requirement)
    client = await asyncio.create_subprocess_exec(
        *(str(python), str(Path(__file__).with_name(driver)), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await client.communicate()
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    return [json.loads(line) for line in output.splitlines() if line.startswith(b"{")]


def _run(*command: str) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} failed; is there a way to the package index? {run.stderr.strip()}")
