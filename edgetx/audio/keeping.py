"""What of a microphone's sound goes to disk, and what leaves it again: the rules, without a disk.

Sound that is still owed when it is about to leave memory is written; so in good weather nothing is. What is settled is
removed. Where there is no room for more, or where it has become too old, the oldest is given up first. What is owed
and neither in memory nor on disk is gone.

All numbers are frames at 16 kHz. Ranges are [start, end), in order, and do not overlap.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edgetx.audio.format import FRAME_BYTES, RATE

HEADER_BYTES = 33
BLOCK_BYTES = 4096
"""Of most file systems: what the smallest file takes."""
SEGMENT_SECONDS = 10.0
"""Of the longest segment, 320 kB: what is lost with a damaged one, and what is read at once."""
ROUND_SECONDS = 10.0
"""How often it is seen to, at most."""

Range = tuple[int, int]


class Segment(NamedTuple):
    """The consecutive frames [start, end) in one file."""

    start: int
    end: int

    @property
    def bytes(self) -> int:
        """What it takes of the disk."""
        size = HEADER_BYTES + (self.end - self.start) * FRAME_BYTES
        return -(-size // BLOCK_BYTES) * BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class Rules:
    """``write_after``: the age in frames at which what is owed is written; ``longest``: of a segment.

    Where not even one segment fits into ``max_bytes``, nothing is written.
    """

    write_after: int
    longest: int
    max_bytes: int
    max_age: int

    @classmethod
    def of(cls, *, memory_seconds: float, max_bytes: int, max_age_seconds: float) -> "Rules":
        """Write what is in the last third of what memory keeps, in pieces of a sixth of it at most."""
        return cls(
            write_after=round(memory_seconds * RATE * 2 / 3),
            longest=round(min(SEGMENT_SECONDS, memory_seconds / 6) * RATE),
            max_bytes=max_bytes,
            max_age=round(max_age_seconds * RATE),
        )

    @property
    def round_seconds(self) -> float:
        """How often to see to it: four times while a frame is in the last third."""
        return min(ROUND_SECONDS, self.write_after / RATE / 8)

    def due(self, owed: Sequence[Range], stored: Sequence[Segment], *, oldest: int, end: int) -> list[Range]:
        """Return what to write of a memory that holds [oldest, end), oldest first, in pieces.

        A piece begins with a frame that is old enough, and takes with it what comes after, so that pieces are long.
        """
        return list(self._pieces(owed, stored, oldest=oldest, before=end - self.write_after))

    def all_due(self, owed: Sequence[Range], stored: Sequence[Segment], *, oldest: int, end: int) -> list[Range]:
        """Return what to write when memory comes to its end."""
        return list(self._pieces(owed, stored, oldest=oldest, before=end))

    def settled(self, owed: Sequence[Range], stored: Sequence[Segment]) -> list[Segment]:
        """Return the segments of which nothing is owed any more."""
        return [segment for segment in stored if not _touches(owed, segment)]

    def too_old(self, stored: Sequence[Segment], *, end: int) -> list[Segment]:
        """Return the segments that are wholly older than is allowed."""
        return [segment for segment in stored if segment.end < end - self.max_age]

    def crowded_out(self, stored: Sequence[Segment], *, coming_bytes: int = 0) -> list[Segment]:
        """Return the oldest segments that have to give way, so that there is room for more."""
        excess = sum(segment.bytes for segment in stored) + coming_bytes - self.max_bytes
        leaving = []
        for segment in stored:
            if excess <= 0:
                break
            leaving.append(segment)
            excess -= segment.bytes
        return leaving

    def _pieces(self, owed: Sequence[Range], stored: Sequence[Segment], *, oldest: int, before: int) -> Iterator[Range]:
        fits = Segment(0, self.longest).bytes <= self.max_bytes
        for first, last in without(owed, stored) if fits else ():
            start = max(first, oldest)
            while start < min(last, before):
                stop = min(last, start + self.longest)
                yield start, stop
                start = stop


def gone(owed: Sequence[Range], stored: Sequence[Segment], *, oldest: int) -> list[Range]:
    """Return what is owed and no longer kept, if memory begins with the frame ``oldest``."""
    return [(start, min(stop, oldest)) for start, stop in without(owed, stored) if start < oldest]


def without(ranges: Sequence[Range], taken: Sequence[Range]) -> Iterator[Range]:
    """Yield what of ``ranges`` is not in ``taken``."""
    for start, stop in ranges:
        at = start
        for first, last in taken[_first_behind(taken, start) :]:
            if first >= stop:
                break
            if first > at:
                yield at, first
            at = last
        if at < stop:
            yield at, stop


def _touches(ranges: Sequence[Range], segment: Range) -> bool:
    index = _first_behind(ranges, segment[0])
    return index < len(ranges) and ranges[index][0] < segment[1]


def _first_behind(ranges: Sequence[Range], frame: int) -> int:
    """Return the index of the first range that ends behind ``frame``."""
    return bisect_right(ranges, frame, key=lambda extent: extent[1])
