"""The audio log: numbered frames, one writer, many readers that each hold a frame number. It is a log, not a queue.

A ring of int16 whose index is the frame number modulo its size. The writer never waits and takes no lock: it copies
first and moves `end` afterwards (one assignment, atomic under the GIL). A reader copies first and looks at `oldest`
afterwards: what was overwritten meanwhile is thrown away. The ring is one second longer than what it promises to
keep, so a reader at `oldest` has that second to make its copy.

Holes are skipped: `read` goes on behind them, and the number it returns tells.
"""

import asyncio
from bisect import bisect_right
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgetx.audio.format import RATE

Pcm = npt.NDArray[np.int16]


class Stretch(NamedTuple):
    """Consecutive frames out of the log; ``start`` numbers the first."""

    start: int
    pcm: Pcm

    @property
    def end(self) -> int:
        """The number of the frame after the last."""
        return self.start + len(self.pcm)


class _Waiter(NamedTuple):
    frame: int
    future: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop


class AudioLog:
    """Memory tier of a microphone's sound: 16 kHz, mono, int16."""

    def __init__(self, *, keep_seconds: float) -> None:
        self.keep_seconds = keep_seconds
        self._keep = round(keep_seconds * RATE)
        self._ring: Pcm = np.zeros(self._keep + RATE, np.int16)
        self._holes: tuple[tuple[int, int], ...] = ()
        self._waiters: list[_Waiter] = []
        self.end = 0
        """The number of the frame that comes next."""
        self.ended = False
        """Nothing more will come."""

    @property
    def oldest(self) -> int:
        """The oldest frame that a reader may still ask for."""
        return max(0, self.end - self._keep)

    def append(self, start: int, pcm: Pcm) -> None:
        """Write ``pcm`` whose first frame is number ``start``, at or behind `end`; what lies between is a hole."""
        if start < self.end:
            raise ValueError(f"Frame {start} was already written: the log ends at {self.end}.")
        if start > self.end:
            oldest = self.oldest
            self._holes = (*(hole for hole in self._holes if hole[1] > oldest), (self.end, start))
        size = len(self._ring)
        end = start + len(pcm)
        pcm = pcm[-size:]
        at = (end - len(pcm)) % size
        head = pcm[: size - at]
        self._ring[at : at + len(head)] = head
        self._ring[: len(pcm) - len(head)] = pcm[len(head) :]
        self.end = end
        self._wake()

    def finish(self) -> None:
        """Say that nothing more will come (a recording has an end) and wake every reader."""
        self.ended = True
        self._wake()

    def read(self, start: int, count: int) -> Stretch:
        """Return up to ``count`` consecutive frames from ``start``.

        From where sound goes on, if ``start`` is in a hole or no longer kept. Empty, with the number from which to
        wait, when nothing is there yet.
        """
        start = self._behind_holes(max(start, self.oldest))
        stop = min(start + count, self.end, *(hole[0] for hole in self._holes if hole[0] >= start))
        if stop <= start:
            return Stretch(start, self._ring[:0])
        size = len(self._ring)
        first, last = start % size, stop % size
        pcm = self._ring[first:last].copy() if first < last else np.concatenate((self._ring[first:], self._ring[:last]))
        lost = self.oldest - start
        return Stretch(start, pcm) if lost <= 0 else self.read(start + lost, count)

    async def wait_for(self, frame: int) -> None:
        """Wait until ``frame`` is in the log, that is ``end > frame``, or the log has ended."""
        if self.end > frame or self.ended:
            return
        loop = asyncio.get_running_loop()
        waiter = _Waiter(frame, loop.create_future(), loop)
        self._waiters.append(waiter)
        try:
            if self.end <= frame and not self.ended:  # The writer may have passed before it could see the waiter.
                await waiter.future
        finally:
            self._waiters.remove(waiter)

    def _behind_holes(self, frame: int) -> int:
        holes = self._holes
        index = bisect_right(holes, (frame, self.end)) - 1
        return max(frame, holes[index][1]) if index >= 0 else frame

    def _wake(self) -> None:
        for waiter in tuple(self._waiters):  # A copy: the loop's thread takes waiters out meanwhile.
            if waiter.frame < self.end or self.ended:
                waiter.loop.call_soon_threadsafe(_settle, waiter.future)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
