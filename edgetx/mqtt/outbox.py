"""What the broker is owed: bounded, in memory, pure.

`put` a publication, `take` the next one to send, tell what was `acknowledged`, and tell when a connection is made or
lost; what was in flight then is offered again, so everything durable arrives at least once. Each number given out by
`take` belongs to one publication for good.

What overflow costs, in this order: passing publications (never kept for a connection that is not there), the oldest
event, and the oldest final only when no event waits. What is in flight is not counted and not given up. Retained
publications are one a topic, the latest, and all of them are offered anew to each connection: a broker that lost its
memory gets it back.

What the broker does not take, though it may one day, is kept, and its topic with it: `hold`. One of a topic that is
held is tried again when `probe` says so and on each new connection; once the broker takes it, all may go. What has been
refused `TRIES` times waits aside from then on, and its topic goes on without it.

A `Journal` is told of every durable publication that comes and goes, so that what is owed can be kept on disk;
`restore` takes it back. It may have one wait until it is there: what the broker has, a restart then knows of. The
numbers of durable publications are theirs for good, over restarts too.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from edgetx.mqtt.lanes import ASIDE, Lane, Lanes, Numbered
from edgetx.mqtt.topics import Kind, Publication

LIMIT = 10_000
"""Durable publications that wait: eleven hours of an utterance every four seconds."""
LIMIT_BYTES = 16_000_000
"""Their payloads: those 10,000 with about ten words each, or 2,000 of sixty words."""
IN_FLIGHT = 20
PASSING = 20
"""Passing publications that a connection that is slow just now may still get."""
TRIES = 3


class Journal(Protocol):
    """Keeps a copy of the durable publications that are owed."""

    def added(self, number: int, publication: Publication) -> bool:
        """Keep ``publication``; in the place of what had the same ``number``, if something had.

        Return whether it has to wait for `Outbox.kept`.
        """

    def removed(self, number: int) -> None:
        """Keep it no longer: the broker has it, or it was given up."""

    def gave_up(self, kind: Kind) -> None:
        """Remember that one was given up."""


class NoJournal:
    """Keeps nothing."""

    def added(self, number: int, publication: Publication) -> bool:  # noqa: ARG002  (nothing is kept)
        """Do nothing; nothing has to wait."""
        return False

    def removed(self, number: int) -> None:
        """Do nothing."""

    def gave_up(self, kind: Kind) -> None:
        """Do nothing."""


@dataclass(slots=True)
class Hold:
    """Why nothing leaves a lane, in words; ``probe``: but one may, now; ``probing``: the number of that one."""

    words: str = ""
    probe: bool = False
    probing: int = 0


class Outbox:
    """One sender's queue."""

    def __init__(self, *, limit: int = LIMIT, limit_bytes: int = LIMIT_BYTES, journal: Journal | None = None) -> None:
        self._journal = journal or NoJournal()
        self._last = 0
        self._kept = 0  # What is durable and has a number up to this one may leave.
        self._lanes = Lanes(limit, limit_bytes)
        self._holds: dict[Lane, Hold] = {}
        self._refusals: Counter[int | Lane] = Counter()  # of a durable one by its number, else by its lane
        self._retained: dict[str, Publication] = {}
        self._due: dict[str, None] = {}  # topics of retained ones to send, in order
        self._passing: deque[Publication] = deque()
        self._in_flight: dict[int, Publication] = {}
        self._connected = False
        self.dropped: Counter[Kind] = Counter()
        """How many publications were given up, by kind: those before the start too, if somebody adds them."""

    @property
    def pending(self) -> int:
        """How many durable publications the broker has not acknowledged."""
        sent = sum(publication.durable for publication in self._in_flight.values())
        return len(self._lanes) + sent

    @property
    def flushed(self) -> bool:
        """The broker has acknowledged everything that is durable or retained, but for what is held."""
        return self._lanes.first(self._holds) is None and not (self._due or self._in_flight)

    @property
    def objections(self) -> list[str]:
        """Why something is held, in words."""
        return [hold.words for hold in self._holds.values()]

    def put(self, publication: Publication) -> None:
        """Take ``publication`` in; something may be given up for it, itself included."""
        if publication.durable:
            number = self._number()
            self._lanes.append(self._lane(number, publication), number, publication)
            if not self._journal.added(number, publication):
                self.kept(number)
            self._make_room()
        elif publication.retain:
            self._retained[publication.topic] = publication
            if Lane(publication.kind, publication.topic) not in self._holds:
                self._due[publication.topic] = None
        else:
            self._pass(publication)

    def restore(self, owed: Iterable[Numbered]) -> None:
        """Take back what was owed when the journal was kept last, with its numbers; to be called before all else."""
        for number, publication in sorted(owed, key=lambda numbered: numbered[0]):
            self._lanes.append(self._lane(number, publication), number, publication)
            self._last = self._kept = number
        self._make_room()

    def kept(self, number: int) -> None:
        """Say that what is durable need not wait for the journal any more, up to ``number``."""
        self._kept = max(self._kept, number)

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
        if publication is not None:
            self._release(number, publication)
            self._forget(number, publication)

    def refused(self, number: int) -> bool:
        """Say that the broker will never take ``number``: it is given up, and counted. False: it is none of ours."""
        publication = self._in_flight.pop(number, None)
        if publication is not None:
            self._release(number, publication)
            self._forget(number, publication)
            self._give_up(publication)
            if self._retained.get(publication.topic) is publication:
                del self._retained[publication.topic]
        return publication is not None

    def hold(self, number: int, words: str) -> tuple[Lane, bool] | None:
        """Say that the broker does not take ``number`` now, and why: its lane is held.

        Return that lane, and whether this one has been refused often. None: the number is not in flight.
        """
        publication = self._in_flight.pop(number, None)
        if publication is None:
            return None
        before = self._lane(number, publication)
        mark = number if publication.durable else before
        self._refusals[mark] += 1
        often = self._refusals[mark] >= TRIES
        lane = self._lane(number, publication)
        if lane != before:
            self.probe(before)  # with the next one
        self._holds.setdefault(lane, Hold()).words = words
        if publication.durable:
            self._put_back(lane, number, publication)
        return lane, often

    def probe(self, lane: Lane) -> None:
        """Let one of a lane leave, to see whether the broker takes it by now. Where none waits, nothing is held."""
        hold = self._holds.get(lane)
        if hold is None or hold.probing in self._in_flight:
            return
        if lane.topic in self._retained:
            self._due[lane.topic] = None
        elif lane in self._lanes:
            hold.probe = True
        else:
            del self._holds[lane]

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
                self._lanes.put_back(self._lane(number, publication), number, publication)
        self._in_flight.clear()
        self._make_room()
        for lane in [*self._holds]:
            self.probe(lane)
        self._due = dict.fromkeys(self._retained)

    def _number(self) -> int:
        self._last += 1
        return self._last

    def _lane(self, number: int, publication: Publication) -> Lane:
        """Return where it waits, or waited."""
        aside = publication.durable and self._refusals[number] >= TRIES
        return Lane(publication.kind, ASIDE if aside else publication.topic)

    def _forget(self, number: int, publication: Publication) -> None:
        """Keep nothing of what the broker has, or what was given up."""
        if publication.durable:
            self._refusals.pop(number, None)
            self._journal.removed(number)

    def _put_back(self, lane: Lane, number: int, publication: Publication) -> None:
        if lane.topic == ASIDE:  # Each takes its turn there.
            self._lanes.append(lane, number, publication)
        else:
            self._lanes.put_back(lane, number, publication)
        self._make_room()

    def _release(self, number: int, publication: Publication) -> None:
        """Let everything go that was held, if this was the probe."""
        lane = self._lane(number, publication)
        if lane not in self._holds or self._holds[lane].probing != number:
            return
        del self._holds[lane]
        self._refusals.pop(lane, None)
        if self._retained.get(lane.topic, publication) is not publication:
            self._due[lane.topic] = None

    def _make_room(self) -> None:
        while (taken := self._lanes.overflow()) is not None:
            self._forget(*taken)
            self._give_up(taken[1])

    def _pass(self, publication: Publication) -> None:
        self._passing.append(publication)
        if not self._connected or len(self._passing) > PASSING:
            self._give_up(self._passing.popleft())

    def _give_up(self, publication: Publication) -> None:
        self.dropped[publication.kind] += 1
        if publication.durable:
            self._journal.gave_up(publication.kind)

    def _take_retained(self) -> Numbered | None:
        if not self._due:
            return None
        topic = next(iter(self._due))
        del self._due[topic]
        number, publication = self._number(), self._retained[topic]
        self._probing(Lane(publication.kind, topic), number)
        return number, publication

    def _take_durable(self) -> Numbered | None:
        closed = {lane for lane, hold in self._holds.items() if not hold.probe}
        lane = self._lanes.first(closed)
        if lane is None or self._lanes.number(lane) > self._kept:
            return None
        self._probing(lane, self._lanes.number(lane))
        return self._lanes.pop(lane)

    def _probing(self, lane: Lane, number: int) -> None:
        if lane in self._holds:
            self._holds[lane].probe, self._holds[lane].probing = False, number
