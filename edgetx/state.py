"""What a restart must find again: kept in memory, and written to the state file beside the daemon's work.

What is to be written is collected on the event loop; a thread writes it, one batch after another, each in one
transaction. A batch is begun when the loop has done what it was doing, so a final and the range that it settles are in
one. Nobody waits for the disk: a publication goes to the broker meanwhile, and may arrive twice, never not at all.

What the broker has acknowledged and what was silent need not be written at once; for the card's sake it goes with
the next message, or after `LAZY_SECONDS`.

While the file cannot be written (a full disk, one that is read-only), everything stays in memory, the stage `state`
says so, and every `RETRY_SECONDS` it is tried to write the whole anew.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from edgetx.errors import TryAgain
from edgetx.mqtt.topics import Publication
from edgetx.restart import Remembered
from edgetx.store import Batch, Contents

LAZY_SECONDS = 10.0
RETRY_SECONDS = 30.0

P = ParamSpec("P")
T = TypeVar("T")


class File(Protocol):
    """`Store`. Every method waits for the disk and may raise TryAgain."""

    def open(self) -> Contents:
        """Open the file and return what it holds."""

    def write(self, batch: Batch) -> None:
        """Write a batch, all or nothing."""

    def close(self) -> None:
        """Close the file."""


def state_folder(environment: Mapping[str, str]) -> Path:
    """Return where state is kept: what systemd says, else the user's own directory for it."""
    given = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    xdg = environment.get("XDG_STATE_HOME", "")
    home = Path(environment.get("HOME", "") or os.sep)
    return Path(given) if given else (Path(xdg) if xdg.startswith("/") else home / ".local/state") / "edgetx"


class State:
    """The outbox's `Journal`, and what remembers the microphones. All methods belong to the event loop's thread.

    ``report(status, detail)``: ``ready``, or ``memory`` with the reason why nothing is on disk.
    """

    def __init__(self, file: File, *, report: Callable[[str, str], None], retry_seconds: float = RETRY_SECONDS) -> None:
        self._file = file
        self._report = report
        self._first = ("ready", "")  # What is to be reported when everything runs.
        self._retry_seconds = retry_seconds
        self._rows: dict[int, Publication] = {}
        self._microphones: dict[str, Callable[[], Remembered]] = {}
        self._dirty: set[int] = set()
        self._changed: set[str] = set()
        self._opened = False  # The file's rows are known.
        self._whole = False  # The file is to be written anew.
        self._troubled = False
        self._stopping = False
        self._due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    async def open(self) -> Contents:
        """Return what the file holds, as far as it can be had. To be called before all else."""
        try:
            contents = await _in_thread(self._file.open)
        except TryAgain as error:
            self._first = self._trouble(str(error))
            return Contents()
        self._opened = True
        self._rows = dict(contents.rows)
        self._whole = bool(contents.trouble)
        self._first = ("ready", contents.trouble) if contents.writable else self._trouble(contents.trouble)
        return contents

    def follow(self, microphone: str, remember: Callable[[], Remembered]) -> None:
        """Keep what ``remember()`` returns, whenever the microphone has `changed`."""
        self._microphones[microphone] = remember
        self.changed(microphone)

    def recall(self, microphone: str) -> Remembered:
        """Return what is to be remembered of a microphone that is followed."""
        return self._microphones[microphone]()

    def changed(self, microphone: str) -> None:
        """Say that there is something new to remember of a microphone."""
        self._changed.add(microphone)
        self._lazily()

    def added(self, number: int, publication: Publication) -> None:
        """Keep ``publication``, from the end of what the loop is doing now."""
        self._rows[number] = publication
        self._dirty.add(number)
        if not self._troubled:
            self._due.set()

    def removed(self, number: int) -> None:
        """Keep it no longer."""
        self._rows.pop(number, None)
        self._dirty.add(number)
        self._lazily()

    async def run(self, found: Callable[[Publication], None]) -> None:
        """Write until `stop`. ``found`` takes what was in a file that could not be read at the start."""
        self._report(*self._first)
        last = False
        while not last:
            await self._due.wait()
            self._due.clear()
            last = self._stopping
            await self._write(found)
        if self._troubled and self._rows:
            self._report(
                "memory", f"The messages that the broker does not have, {len(self._rows)}, go with the daemon."
            )
        await _in_thread(self._file.close)

    async def stop(self) -> None:
        """Write all that is known, once more; `run` ends with it."""
        self._stopping = True
        self._changed.update(self._microphones)
        self._due.set()

    async def _write(self, found: Callable[[Publication], None]) -> None:
        self._cancel_timer()
        try:
            if not self._opened:
                self._take_over(await _in_thread(self._file.open), found)
            if (batch := self._batch()) is not None:
                await _in_thread(self._file.write, batch)
        except TryAgain as error:
            self._report(*self._trouble(str(error)))
        else:
            self._is_well()

    def _take_over(self, contents: Contents, found: Callable[[Publication], None]) -> None:
        self._opened = self._whole = True
        for _, publication in contents.rows:
            found(publication)

    def _batch(self) -> Batch | None:
        """Take what is to be written."""
        whole, dirty, changed = self._whole, self._dirty, self._changed
        self._whole, self._dirty, self._changed = False, set(), set()
        if not (whole or dirty or changed):
            return None
        rows = [*self._rows.items()] if whole else [(number, self._rows.get(number)) for number in dirty]
        names = self._microphones if whole else changed
        return Batch(whole, rows, {name: self._microphones[name]() for name in names})

    def _trouble(self, reason: str) -> tuple[str, str]:
        """Keep everything in memory for now; return what to report."""
        self._troubled = self._whole = True
        self._wake_in(self._retry_seconds)
        return "memory", f"{reason} What a restart must find again is kept in memory only."

    def _is_well(self) -> None:
        if self._troubled:
            self._troubled = False
            self._report("ready", "")
            self._due.set()  # What came meanwhile has not been written.

    def _lazily(self) -> None:
        if self._timer is None:
            self._wake_in(LAZY_SECONDS)

    def _wake_in(self, seconds: float) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._due.set)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, lambda: function(*args, **kwargs))
