"""What is durable and waits, each topic's in a lane of its own: bounded together, in count and in bytes. Pure.

A lane keeps the order of its numbers. Beside the topics' there is one lane *aside* for each kind, for publications that
the broker refuses while it takes others of their topic: there each takes its turn.
"""

from collections import OrderedDict
from collections.abc import Container
from itertools import takewhile
from typing import NamedTuple

from edgetx.mqtt.topics import Kind, Publication

ASIDE = ""
"""The topic of a lane for what is set aside."""

Numbered = tuple[int, Publication]


class Lane(NamedTuple):
    """The name of a lane."""

    kind: Kind
    topic: str


class Lanes:
    """Holds ``limit`` publications and ``limit_bytes`` of payload at most, once `overflow` has had its way."""

    def __init__(self, limit: int, limit_bytes: int) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._lanes: dict[Lane, OrderedDict[int, Publication]] = {}  # None of them is empty.
        self._count = 0
        self._bytes = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, lane: Lane) -> bool:
        """Whether something waits in it."""
        return lane in self._lanes

    def append(self, lane: Lane, number: int, publication: Publication) -> None:
        """Let it wait behind all others of its lane."""
        self._lanes.setdefault(lane, OrderedDict())[number] = publication
        self._count += 1
        self._bytes += len(publication.payload)

    def put_back(self, lane: Lane, number: int, publication: Publication) -> None:
        """Let it wait where it did before it was taken: few are before it, for they were taken too."""
        self.append(lane, number, publication)
        waiting = self._lanes[lane]
        for before in (number, *reversed([*takewhile(lambda other: other < number, waiting)])):
            waiting.move_to_end(before, last=False)

    def first(self, closed: Container[Lane]) -> Lane | None:
        """Return the lane that is not ``closed`` and whose first one has the lowest number; None: all are empty."""
        return min((lane for lane in self._lanes if lane not in closed), key=self.number, default=None)

    def number(self, lane: Lane) -> int:
        """Return the number of the first one in ``lane``."""
        return next(iter(self._lanes[lane]))

    def pop(self, lane: Lane) -> Numbered:
        """Take the first one out of ``lane``."""
        waiting = self._lanes[lane]
        number, publication = waiting.popitem(last=False)
        if not waiting:
            del self._lanes[lane]
        self._count -= 1
        self._bytes -= len(publication.payload)
        return number, publication

    def overflow(self) -> Numbered | None:
        """Take out what is too much: the oldest event, or when there is none the oldest final; None: all fits."""
        if self._count <= self._limit and self._bytes <= self._limit_bytes:
            return None
        return self.pop(min(self._lanes, key=lambda lane: (lane.kind is Kind.FINAL, self.number(lane))))
