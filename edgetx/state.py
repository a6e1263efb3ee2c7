"""What a restart must find again: kept in memory, and written to the state file beside the daemon's work.

What is to be written is collected on the event loop; a thread, one for good, writes it, one batch after another, each
in one transaction. A batch is handed over when the loop has done what it was doing, so a final and the range that it
settles are in one; what comes meanwhile goes with the next. The outbox waits for that, `PATIENCE_SECONDS` at most, so
that after a crash no final is followed by a gap for the same sound. Where the disk is slower, or takes nothing,
publications leave all the same: they may arrive twice, never not at all.

What the broker has acknowledged and what was silent need not be written at once; for the card's sake it goes with
the next message, or after `LAZY_SECONDS`.

While the file cannot be written (a full disk, one that is read-only), everything stays in memory, the stage `state`
says so, and every `RETRY_SECONDS` it is tried to write the whole anew.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Protocol

from edgetx.errors import TryAgain
from edgetx.memory import Memory
from edgetx.mqtt.topics import Kind, Publication
from edgetx.restart import Remembered
from edgetx.store import Batch, Contents, Locked

LAZY_SECONDS = 10.0
RETRY_SECONDS = 30.0
PATIENCE_SECONDS = 1.0
LOCKED_SECONDS = 5.0


class File(Protocol):
    """`Store`. Every method waits for the disk and may raise TryAgain."""

    def open(self) -> Contents:
        """Open the file and return what it holds."""

    def write(self, batch: Batch) -> None:
        """Write a batch, all or nothing."""

    def close(self) -> None:
        """Close the file."""


class State:
    """The outbox's `Journal`, and what remembers the microphones. All methods belong to the event loop's thread.

    ``report(status, detail)``: ``ready``, or ``memory`` with the reason why nothing is on disk.
    """

    def __init__(self, file: File, *, report: Callable[[str, str], None], retry_seconds: float = RETRY_SECONDS) -> None:
        self._file = file
        self._report = report
        self._retry_seconds = retry_seconds
        self._first = ("ready", "")  # What is to be reported when everything runs.
        self._rows: dict[int, Publication] = {}
        self._memory = Memory()
        self.saved: Callable[[int], None] | None = None
        """Is told the number up to which publications need not wait any more; without it none does."""
        self._last = 0
        self._handed = 0  # The last number that the thread was given.
        self._asked = False  # There is something to hand over.
        self._busy = False  # The thread has something to do.
        self._slow = False  # It takes long.
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._dirty: set[int] = set()
        self._given_up: Counter[Kind] = Counter()
        self._counted: set[Kind] = set()
        self._opened = False  # The file's rows are known.
        self._whole = False  # The file is to be written anew.
        self._troubled = False
        self._stopping = False
        self._loop = asyncio.get_running_loop()
        self._found: Callable[[Publication], None] = _forget
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None

    async def open(self) -> Contents:
        """Return what the file holds, as far as it can be had. To be called before all else.

        Raise Locked when another program keeps it for `LOCKED_SECONDS`: nobody knows what is in it then.
        """
        deadline = self._loop.time() + LOCKED_SECONDS
        while True:
            try:
                contents = await asyncio.to_thread(self._file.open)
                break
            except Locked:
                if self._loop.time() > deadline:
                    raise
                await asyncio.sleep(LOCKED_SECONDS / 20)
            except TryAgain as error:
                self._first = self._trouble(str(error))
                return Contents()
        self._opened = True
        self._rows = dict(contents.rows)
        self._memory.written(contents.microphones)
        self._given_up.update(contents.given_up)
        self._whole = bool(contents.trouble)
        self._first = ("ready", contents.trouble) if contents.writable else self._trouble(contents.trouble)
        return contents

    def follow(self, microphone: str, remember: Callable[[], Remembered]) -> None:
        """Keep what ``remember()`` returns, whenever the microphone has `changed`."""
        self._memory.follow(microphone, remember)
        self.changed(microphone)

    def recall(self, microphone: str) -> Remembered:
        """Return what is to be remembered of a microphone that is followed."""
        return self._memory.recall(microphone)

    def kept(self, microphone: str) -> Remembered | None:
        """Return what a restart would find of it; while nothing can be written, what there is to be remembered."""
        return self.recall(microphone) if self._troubled else self._memory.kept.get(microphone)

    async def commit(self) -> None:
        """Write now what has changed; return when that is done, or has failed."""
        self._soon()
        while self._asked or self._busy:  # noqa: ASYNC110  (for some milliseconds at a stop)
            await asyncio.sleep(0.01)

    def changed(self, microphone: str) -> None:
        """Say that there is something new to remember of a microphone."""
        self._memory.change(microphone)
        self._lazily()

    def changed_now(self, microphone: str) -> None:
        """Say so of what a crash must not forget."""
        self._memory.change(microphone)
        if not self._troubled:
            self._soon()

    def added(self, number: int, publication: Publication) -> bool:
        """Keep ``publication``, from the end of what the loop is doing now; return whether to wait for `saved`."""
        self._rows[number] = publication
        self._dirty.add(number)
        self._last = number
        if not self._troubled:
            self._soon()
        return self.saved is not None and not (self._troubled or self._slow)

    def removed(self, number: int) -> None:
        """Keep it no longer."""
        self._rows.pop(number, None)
        self._dirty.add(number)
        self._lazily()

    def gave_up(self, kind: Kind) -> None:
        """Count what was given up, over all runs."""
        self._given_up[kind] += 1
        self._counted.add(kind)
        self._lazily()

    async def run(self, found: Callable[[Publication], None]) -> None:
        """Write until `stop`. ``found`` takes what was in a file that could not be read at the start."""
        self._report(*self._first)
        self._found = found
        try:
            await asyncio.to_thread(self._work)
        finally:
            self._jobs.put(None)  # Were this cut short, the thread would wait for ever.
        if self._troubled and self._rows:
            gone = f"The messages that the broker does not have, {len(self._rows)}, go with the daemon."
            self._report("memory", gone)
        await asyncio.to_thread(self._file.close)

    async def stop(self) -> None:
        """Write all that is known, once more; `run` ends with it."""
        self._stopping = True
        self._memory.change_all()
        self._soon()

    def _soon(self) -> None:
        """Hand over what is to be written, when the loop has done what it is doing."""
        if not self._asked:
            self._asked = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Give the thread what there is to do; one that is busy gets it afterwards."""
        if self._busy:
            return
        self._asked = False
        self._cancel_timer()
        if not self._opened:
            self._do(self._open_late)
        elif (batch := self._batch()) is not None:
            self._handed = self._last
            self._do(partial(self._write, batch))
        elif self._stopping:
            self._jobs.put(None)

    def _do(self, job: Callable[[], None]) -> None:
        self._busy = True
        self._patience = self._loop.call_later(PATIENCE_SECONDS, self._lose_patience)
        self._jobs.put(job)

    def _lose_patience(self) -> None:
        self._slow = True
        self._let_go(self._last)

    def _work(self) -> None:
        """The thread: do what comes until there is no more."""
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except TryAgain as error:
                self._tell(partial(self._failed, str(error)))

    def _open_late(self) -> None:
        self._tell(partial(self._take_over, self._file.open()))

    def _write(self, batch: Batch) -> None:
        self._file.write(batch)
        self._tell(partial(self._written, batch))

    def _tell(self, function: Callable[[], None]) -> None:
        """Have the loop call ``function``, from the thread; a loop that is gone no longer wants to know."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def _written(self, batch: Batch) -> None:
        self._memory.written(batch.microphones)
        self._rest()
        self._let_go(self._handed)
        if self._troubled:
            self._troubled = False
            self._report("ready", "")
            self._asked = True  # What came meanwhile has not been handed over.
        if self._asked or self._stopping:
            self._hand_over()

    def _failed(self, reason: str) -> None:
        self._rest()
        self._asked = False
        self._report(*self._trouble(reason))
        self._let_go(self._last)
        if self._stopping:
            self._jobs.put(None)

    def _rest(self) -> None:
        """The thread has nothing to do."""
        self._busy = self._slow = False
        if self._patience is not None:
            self._patience.cancel()

    def _let_go(self, number: int) -> None:
        if self.saved is not None:
            self.saved(number)

    def _take_over(self, contents: Contents) -> None:
        self._opened = self._whole = True
        self._given_up.update(contents.given_up)
        for _, publication in contents.rows:
            self._found(publication)
        self._rest()
        self._hand_over()

    def _batch(self) -> Batch | None:
        """Take what is to be written."""
        whole, dirty, counted = self._whole, self._dirty, self._counted
        self._whole, self._dirty, self._counted = False, set(), set()
        if whole:
            self._memory.change_all()
        rows = [*self._rows.items()] if whole else [(number, self._rows.get(number)) for number in dirty]
        all_of_it = whole or self._stopping or any(row and row.kind is Kind.FINAL for _, row in rows)
        microphones = self._memory.take(now=self._loop.time(), all_of_it=all_of_it)
        if self._memory.has_changed:
            self._lazily()
        if not (whole or dirty or microphones or counted):
            return None
        given_up = {kind: self._given_up[kind] for kind in (self._given_up if whole else counted)}
        return Batch(whole, rows, microphones, given_up)

    def _trouble(self, reason: str) -> tuple[str, str]:
        """Keep everything in memory for now; return what to report."""
        self._troubled = self._whole = True
        self._wake_in(self._retry_seconds)
        return "memory", f"{reason} What a restart must find again is kept in memory only."

    def _lazily(self) -> None:
        if self._timer is None:
            self._wake_in(LAZY_SECONDS)

    def _wake_in(self, seconds: float) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(seconds, self._soon)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _forget(_publication: Publication) -> None:
    """Before `run` nothing is found late."""
