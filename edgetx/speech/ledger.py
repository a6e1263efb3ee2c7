"""The ledger: what became of every captured frame. Each is settled once: transcribed, silent, or reported lost.

    captured = transcribed + silent + lost + owed

holds at any moment by construction: the first fate of a frame counts, a later one is ignored. Settled ranges that
touch the frontier are folded into it, so the ledger stays small however long it runs.
"""

from collections.abc import Callable, Mapping
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
        self._ahead = _merged([*self._ahead, (start, end)] if end > start else self._ahead)
        if self._ahead and self._ahead[0][0] <= self.frontier:
            self.frontier = max(self.frontier, self._ahead.pop(0)[1])
        if fresh:
            self._changed()
        return fresh

    def owed(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the ranges within [start, end) that are not settled."""
        ranges = []
        at = max(start, self.frontier)
        for first, last in self._ahead:
            if min(first, end) > at:
                ranges.append((at, min(first, end)))
            at = max(at, last)
        if end > at:
            ranges.append((at, end))
        return ranges


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
