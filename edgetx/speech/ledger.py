"""The ledger: what became of every captured frame. Each is settled once: transcribed, silent, or reported lost.

    captured = transcribed + silent + lost + owed

holds at any moment by construction: the first fate of a frame counts, a later one is ignored. Settled ranges that
touch the frontier are folded into it, so the ledger stays small however long it runs.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What became of a frame."""

    TRANSCRIBED = "transcribed"
    SILENT = "silent"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Balance:
    """All that a ledger knows, to be kept and carried forward: its ``frontier``, its ``settled``, what lies ahead."""

    frontier: int
    settled: Mapping[Fate, int]
    ahead: tuple[tuple[int, int], ...]

    def owed(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the ranges within [start, end) that were not settled."""
        return _owed(self.frontier, self.ahead, start, end)


class Ledger:
    """One microphone's account, in frames at 16 kHz. ``changed`` is called whenever a frame was settled."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self.frontier = 0
        """All frames before this one are settled."""
        self.settled = dict.fromkeys(Fate, 0)
        """Frames by fate."""
        self._ahead: list[tuple[int, int]] = []

    @property
    def balance(self) -> Balance:
        """The ledger as it is now."""
        return Balance(self.frontier, dict(self.settled), tuple(self._ahead))

    def carry_forward(self, balance: Balance) -> None:
        """Go on from where an earlier ledger was; to be called before all else."""
        self.frontier, self.settled, self._ahead = balance.frontier, dict(balance.settled), list(balance.ahead)

    def settle(self, start: int, end: int, fate: Fate) -> int:
        """Give the frames [start, end) their fate; return how many of them had none yet."""
        fresh = sum(last - first for first, last in self.owed(start, end))
        self.settled[fate] += fresh
        if fresh:
            self._settle(max(start, self.frontier), end)
            self._changed()
        return fresh

    def owed(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the ranges within [start, end) that are not settled."""
        return _owed(self.frontier, self._ahead, start, end)

    def _settle(self, start: int, end: int) -> None:
        """Put [start, end) among what lies ahead, one with what it touches, or into the frontier."""
        first = bisect_left(self._ahead, start, key=_end)
        behind = bisect_right(self._ahead, end, key=_start)
        if first < behind:
            start, end = min(start, self._ahead[first][0]), max(end, self._ahead[behind - 1][1])
        self._ahead[first:behind] = [(start, end)]
        if self._ahead[0][0] <= self.frontier:
            self.frontier = self._ahead.pop(0)[1]


def _owed(frontier: int, ahead: Sequence[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    ranges = []
    at = max(start, frontier)
    for index in range(bisect_right(ahead, at, key=_end), len(ahead)):
        first, last = ahead[index]
        if first >= end:
            break
        if first > at:
            ranges.append((at, first))
        at = last
    if end > at:
        ranges.append((at, end))
    return ranges


def _start(extent: tuple[int, int]) -> int:
    return extent[0]


def _end(extent: tuple[int, int]) -> int:
    return extent[1]
