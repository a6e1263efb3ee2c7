"""Sees to it that the sound that is owed stays: in memory, then on disk; and off the disk when it is settled.

Runs on the event loop, which only decides (see `keeping`); files are written and removed in a thread, one round after
another. Capture knows nothing of it: the log is read like by any other reader.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from edgetx.audio.format import FRAME_BYTES, Gap
from edgetx.audio.keeping import Range, Rules, Segment, gone, without
from edgetx.audio.log import AudioLog
from edgetx.audio.spool import Spool
from edgetx.errors import TryAgain

BUSY_SECONDS = 10.0
"""What a disk may take for a round."""
STOP_SECONDS = 1.0
"""What it may take for the last one."""


@dataclass(slots=True)
class Keeper:
    """One microphone's.

    ``owed(start, end)``: the ranges that are not settled. ``lose``: what is owed and could not be kept; the cause is
    ``overflow`` (no room, too old, a disk that takes nothing), ``damaged``, at the beginning ``restart``, at the end
    ``stopped``.
    ``report(status, detail)``: ``ready``, or ``memory`` with the reason why the disk does not help, when it changes.
    ``written(start, end)``: like ``owed``, but as a restart would find it: until it is known there that sound is
    settled, its file stays. ``commit`` sees to it that it is known. Without the two nothing outlives a restart.
    """

    log: AudioLog
    spool: Spool
    rules: Rules
    owed: Callable[[int, int], list[Range]]
    lose: Callable[[Gap], None]
    report: Callable[[str, str], None]
    sleep: Callable[[float], Awaitable[None]]
    written: Callable[[int, int], list[Range]] | None = None
    commit: Callable[[], Awaitable[None]] | None = None
    _working: "asyncio.Future[str] | None" = None
    _trouble: str = ""
    _seen: int = 0

    def begin(self) -> None:
        """Give up what an earlier run captured and did not leave on disk; to be called before any sound comes."""
        self._lose(without(self._owed(), self.spool.segments), cause="restart")

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            await self.round()
            await self.sleep(self.rules.round_seconds)

    async def round(self) -> None:
        """Write what is about to leave memory, remove what is settled, tell what is gone."""
        if self._idle:
            self._begin_round()
        self._report(await self._done_within(BUSY_SECONDS))
        self._tell_gone()

    async def secure(self) -> None:
        """Write all that is owed, once the log has ended: its last words may not come in time."""
        await self._done_within(STOP_SECONDS)
        await self.round()

    async def stop(self) -> None:
        """Write what is still owed, once the log has ended and `run` has; give up what the disk does not take."""
        trouble = await self._done_within(STOP_SECONDS)
        if self.commit and self.spool.segments:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await self.commit()
        if self._idle:
            owed, stored = self._owed(), self.spool.segments
            pieces = self.rules.all_due(owed, stored, oldest=self.log.oldest, end=self.log.end)
            self._work(pieces, self._settled(stored))
            trouble = await self._done_within(STOP_SECONDS)
        self._report(trouble)
        self._tell_gone()
        self._lose(without(self._owed(), self.spool.segments), cause="stopped")

    @property
    def _idle(self) -> bool:
        return self._working is None or self._working.done()

    def _begin_round(self) -> None:
        owed, stored, end = self._owed(), self.spool.segments, self.log.end
        # No sound since the last round: when it comes again, the hole may push all out of memory at once.
        due = self.rules.all_due if end == self._seen or self.log.ended else self.rules.due
        self._seen = end
        pieces = due(owed, stored, oldest=self.log.oldest, end=end)
        leaving = {*self._settled(stored), *self.rules.too_old(stored, end=end)}
        self._work(pieces, sorted(leaving.union(self.rules.crowded_out(stored))))

    def _work(self, pieces: Sequence[Range], leaving: Sequence[Segment]) -> None:
        """Have the disk's part done, if there is any."""
        self._working = None
        if pieces or leaving:
            self._working = asyncio.get_running_loop().run_in_executor(None, self._tidy, pieces, leaving)

    async def _done_within(self, seconds: float) -> str:
        """Wait for the disk's part, but not for ever; return what went wrong, in words."""
        working = self._working  # Who else waits for it may begin something new first.
        if working is None:
            return ""
        await asyncio.wait((working,), timeout=seconds)
        return working.result() if working.done() else f"The disk took more than {seconds:g} s."

    def _settled(self, stored: Sequence[Segment]) -> list[Segment]:
        return self.rules.settled((self.written or self.owed)(0, self.log.end), stored)

    def _owed(self) -> list[Range]:
        return self.owed(0, self.log.end)

    def _tell_gone(self) -> None:
        """Give up what nothing keeps any more: if words of it should still come, they come all the same."""
        stored, oldest = self.spool.segments, self.log.oldest
        for segment in self.spool.take_damaged():
            self._lose(gone(self.owed(*segment), stored, oldest=oldest), cause="damaged")
        if self.rules.max_bytes:  # Else its reader tells, when it wants what memory no longer has.
            self._lose(gone(self._owed(), stored, oldest=oldest), cause="overflow")

    def _lose(self, ranges: Iterable[Range], *, cause: str) -> None:
        for start, stop in ranges:
            self.lose(Gap(start, stop - start, cause))

    def _report(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self.report("memory" if trouble else "ready", trouble)

    def _tidy(self, pieces: Sequence[Range], leaving: Sequence[Segment]) -> str:
        """Do the disk's part, in a thread; return what went wrong, in words. What can be done is done."""
        trouble = ""
        for segment in leaving:
            try:
                self.spool.remove(segment)
            except TryAgain as error:
                trouble = str(error)
        try:
            for start, stop in pieces:
                self._write(start, stop)
        except TryAgain as error:
            trouble = str(error)
        return trouble

    def _write(self, start: int, stop: int) -> None:
        """Write the frames [start, stop), as far as memory still has them."""
        while (found := self.log.read(start, stop - start)).pcm and found.start < stop:
            pcm = found.pcm[: (stop - found.start) * FRAME_BYTES]
            coming = Segment(found.start, found.start + len(pcm) // FRAME_BYTES)
            for segment in self.rules.crowded_out(self.spool.segments, coming_bytes=coming.bytes):
                self.spool.remove(segment)
            self.spool.write(found.start, pcm)
            start = coming.end
