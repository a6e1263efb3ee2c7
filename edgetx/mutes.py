"""Which microphones somebody wants muted: remembered over crashes, restarts and the loss of power.

A mute is a promise of privacy, so it is not in the state file: that may be damaged, locked or late, and without it a
microphone would open its device. Here a muted microphone is an empty file of its name in the folder ``muted``, forced
to the card at once. What cannot be looked up counts as muted: it is shown, and one request mends it.

What is wanted holds at once, in memory; that it was written is known when `Mutes.keep` returns.
"""

import asyncio
import os
from collections.abc import Callable, Collection
from pathlib import Path

FOLDER = "muted"
"""Of the marks, in the folder of the state."""
DISK_SECONDS = 5.0
RETRY_SECONDS = 30.0
"""Between the attempts to write what could not be written."""


def is_marked(folder: Path, microphone: str) -> bool:
    """Return whether ``microphone`` is muted by what is on disk under ``folder``. Raise OSError if that is hidden."""
    try:
        (folder / FOLDER / microphone).stat()
    except FileNotFoundError:
        return False
    return True


class Mutes:
    """The marks in ``folder``. The methods belong to the event loop's thread.

    ``report(status, detail)``: ``ready``, or ``memory`` with the reason why something is not on disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        report: Callable[[str, str], None],
        disk_seconds: float = DISK_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._folder = folder / FOLDER
        self._report = report
        self._disk_seconds = disk_seconds
        self._retry_seconds = retry_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._keeping: asyncio.Future[str] | None = None
        self._troubled = False
        self._wanted: dict[str, bool] = {}
        self._writing: asyncio.Future[str] | None = None

    def wanted(self, microphone: str) -> bool:
        """Whether it is to be muted."""
        if microphone not in self._wanted:
            self._wanted[microphone] = self._is_marked(microphone)
        return self._wanted[microphone]

    def others(self, microphones: Collection[str]) -> list[str]:
        """Return the names that have a mark and are none of ``microphones``."""
        try:
            return sorted(mark.name for mark in self._folder.iterdir() if mark.name not in microphones)
        except OSError:
            return []

    def want(self, microphone: str, on: bool) -> None:  # noqa: FBT001  (its name says what is on)
        """Have it muted, or no more; from now on, and in memory until `keep`."""
        self._wanted[microphone] = on

    async def keep(self) -> str:
        """Write down what is wanted now. Return why that is not on disk, in words; empty: it is."""
        try:
            async with asyncio.timeout(self._disk_seconds):
                while self._writing is not None and not self._writing.done():  # Its disk may hang: one thread at most.
                    await asyncio.wait((self._writing,))
                self._writing = writing = asyncio.get_running_loop().run_in_executor(None, self._write)
                await asyncio.wait((writing,))
            reason = writing.result()
        except TimeoutError:
            reason = f"The disk under {self._folder} does not answer."
        if self._timer:
            self._timer.cancel()
        if reason:
            self._timer = asyncio.get_running_loop().call_later(self._retry_seconds, self._keep_again)
        if reason or self._troubled:
            self._troubled = bool(reason)
            self._report(*(("memory", f"{reason} A restart may forget what was muted.") if reason else ("ready", "")))
        return reason

    def _keep_again(self) -> None:
        self._keeping = asyncio.ensure_future(self.keep())

    def _is_marked(self, microphone: str) -> bool:
        try:
            return is_marked(self._folder.parent, microphone)
        except OSError as error:
            self._troubled = True
            self._report("memory", f"Whether {microphone} is muted cannot be read ({error.strerror}): it is for now.")
        return True

    def _write(self) -> str:
        """Make the marks as they are wanted, in a thread: as wanted then, however long the disk took to come to it."""
        wanted = dict(self._wanted)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for microphone, on in wanted.items():
                mark = self._folder / microphone
                if on:
                    os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
                else:
                    mark.unlink(missing_ok=True)
            for folder in (self._folder, self._folder.parent):
                _force(folder)
        except OSError as error:
            return f"{self._folder} cannot be written: {error.strerror}."
        return ""


def _force(folder: Path) -> None:
    """Force the names in ``folder`` to the card."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
