"""What the broker is owed: bounded, in memory, pure.

`put` a publication, `take` the next one to send, tell what was `acknowledged`, and tell when a connection is made or
lost; what was in flight then is offered again, so everything durable arrives at least once. Each number given out by
`take` belongs to one publication for good.

What overflow costs, in this order: passing publications (never kept for a connection that is not there), the oldest
event, and the oldest final only when no event waits. What is in flight is not counted and not given up. Retained
publications are one a topic, the latest, and all of them are offered anew to each connection: a broker that lost its
memory gets it back.

A `Journal` is told of every durable publication that comes and goes, so that what is owed can be kept on disk;
`restore` takes it back. The numbers of durable publications are theirs for good, over restarts too.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from typing import Protocol

from edgetx.mqtt.topics import Kind, Publication

LIMIT = 10_000
"""Durable publications that wait: about 8 MB of finals, or eleven hours of an utterance every four seconds."""
IN_FLIGHT = 20
PASSING = 20
"""Passing publications that a connection that is slow just now may still get."""

Numbered = tuple[int, Publication]


class Journal(Protocol):
    """Keeps a copy of the durable publications that are owed."""

    def added(self, number: int, publication: Publication) -> None:
        """Keep ``publication``; in the place of what had the same ``number``, if something had."""

    def removed(self, number: int) -> None:
        """Keep it no longer: the broker has it, or it was given up."""


class NoJournal:
    """Keeps nothing."""

    def added(self, number: int, publication: Publication) -> None:
        """Do nothing."""

    def removed(self, number: int) -> None:
        """Do nothing."""


class Outbox:
    """One sender's queue."""

    def __init__(self, *, limit: int = LIMIT, journal: Journal | None = None) -> None:
        self._limit = limit
        self._journal = journal or NoJournal()
        self._last = 0
        self._finals: OrderedDict[int, Publication] = OrderedDict()
        self._events: OrderedDict[int, Publication] = OrderedDict()
        self._retained: dict[str, Publication] = {}
        self._due: dict[str, None] = {}  # topics of retained ones to send, in order
        self._passing: deque[Publication] = deque()
        self._in_flight: dict[int, Publication] = {}
        self._connected = False
        self.dropped: Counter[Kind] = Counter()
        """How many publications were given up, by kind, since the start."""

    @property
    def pending(self) -> int:
        """How many durable publications the broker has not acknowledged."""
        sent = sum(publication.durable for publication in self._in_flight.values())
        return len(self._finals) + len(self._events) + sent

    @property
    def flushed(self) -> bool:
        """The broker has acknowledged everything that is durable or retained."""
        return not (self._finals or self._events or self._due or self._in_flight)

    def put(self, publication: Publication) -> None:
        """Take ``publication`` in; something may be given up for it, itself included."""
        if publication.durable:
            number = self._number()
            self._queue(publication.kind)[number] = publication
            self._journal.added(number, publication)
            self._make_room()
        elif publication.retain:
            self._retained[publication.topic] = publication
            self._due[publication.topic] = None
        else:
            self._pass(publication)

    def restore(self, owed: Iterable[Numbered]) -> None:
        """Take back what was owed when the journal was kept last, with its numbers; to be called before all else."""
        for number, publication in sorted(owed, key=lambda numbered: numbered[0]):
            self._queue(publication.kind)[number] = publication
            self._last = number
        self._make_room()

    def take(self) -> Numbered | None:
        """Return the next one to send: passing ones, then retained ones, then durable ones in their order.

        None: nothing to send now, because there is no connection, nothing waits, or enough is in flight. A passing
        one is acknowledged by nobody.
        """
        if not self._connected:
            return None
        if self._passing:
            return self._number(), self._passing.popleft()
        if len(self._in_flight) >= IN_FLIGHT:
            return None
        taken = self._take_retained() or self._take_durable()
        if taken:
            self._in_flight[taken[0]] = taken[1]
        return taken

    def acknowledged(self, number: int) -> None:
        """Say that the broker has ``number``. Numbers that are not in flight are ignored."""
        publication = self._in_flight.pop(number, None)
        if publication is not None and publication.durable:
            self._journal.removed(number)

    def refused(self, number: int) -> None:
        """Say that the broker will never take ``number``: it is given up, and counted."""
        publication = self._in_flight.get(number)
        self.acknowledged(number)
        if publication is not None:
            self._give_up(publication)
            if self._retained.get(publication.topic) is publication:
                del self._retained[publication.topic]

    def forget_retained(self) -> None:
        """Owe no retained publication any more: they were those of a device that is now called otherwise."""
        self._retained.clear()
        self._due.clear()

    def connection_made(self) -> None:
        """Say that there is a broker to send to."""
        self._connected = True

    def connection_lost(self) -> None:
        """Say that there is none: what was in flight waits again, in its old place; all that is retained is owed."""
        self._connected = False
        while self._passing:
            self._give_up(self._passing.popleft())
        for number, publication in reversed(self._in_flight.items()):
            if publication.durable:
                queue = self._queue(publication.kind)
                queue[number] = publication
                queue.move_to_end(number, last=False)
        self._due = dict.fromkeys(self._retained)
        self._in_flight.clear()
        self._make_room()

    def _number(self) -> int:
        self._last += 1
        return self._last

    def _queue(self, kind: Kind) -> OrderedDict[int, Publication]:
        return self._finals if kind is Kind.FINAL else self._events

    def _make_room(self) -> None:
        while len(self._finals) + len(self._events) > self._limit:
            number, publication = (self._events or self._finals).popitem(last=False)
            self._journal.removed(number)
            self._give_up(publication)

    def _pass(self, publication: Publication) -> None:
        self._passing.append(publication)
        if not self._connected or len(self._passing) > PASSING:
            self._give_up(self._passing.popleft())

    def _give_up(self, publication: Publication) -> None:
        self.dropped[publication.kind] += 1

    def _take_retained(self) -> Numbered | None:
        if not self._due:
            return None
        topic = next(iter(self._due))
        del self._due[topic]
        return self._number(), self._retained[topic]

    def _take_durable(self) -> Numbered | None:
        queues = [queue for queue in (self._finals, self._events) if queue]
        if not queues:
            return None
        return min(queues, key=lambda queue: next(iter(queue))).popitem(last=False)
