"""After a break: which of the owed frames the live session sends, and which a late one works off behind it. Pure.

The *seam* parts the two: what is owed from it on is the live session's, in order; what is owed before it is late. It
only ever moves forward, so no frame is in two hands. A live session that would begin more than `catch_up_seconds`
behind begins at now: the seam is then at the quietest moment just before the log's end, so that it hardly halves a
word. One that falls back so far later goes on at now as well; what it had been sent before that stays its own until it
ends, for words of it may be on their way.

So neither is sent a frame that is settled, or that the other was sent: there is no overlap, and no word comes twice.
Where a provider allows one session only, nothing is ever too far behind: all of it goes in order.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edgetx.audio.format import RATE
from edgetx.speech.ledger import Ledger
from edgetx.speech.sent import Sent

STALL_FRAMES = 2 * RATE
"""A session that is open may fall so far behind, whatever ``catch_up_seconds`` is; one that has counts as slow."""

Range = tuple[int, int]


class Seam:
    """One microphone's. ``moved`` is called when a live session leaves something behind, ``cut(end)`` says where.

    ``settle`` is called before it is looked at what is owed: it may be known meanwhile that nobody spoke.
    ``at``: the first frame of the live session's share; ``live``: what it was sent.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        catch_up_seconds: float = float("inf"),
        moved: Callable[[], None] = lambda: None,
        cut: Callable[[int], int] = lambda end: end,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self.at = 0
        self.live = Sent()
        self._ledger = ledger
        self._catch_up = catch_up_seconds * RATE
        self._moved = moved
        self._cut = cut
        self._settle = settle
        self._allowed: float | None = None

    def begin(self, end: int, *, patient: bool) -> None:
        """Note that a live session can be sent sound, and the log ends at ``end``. ``patient``: it begins in order."""
        lag = self._lag(self.at, end)
        if lag > self._catch_up and not patient:
            self._leave_behind(end)
            lag = 0
        self._allowed = max(self._catch_up, STALL_FRAMES, lag)

    def finish(self) -> None:
        """Note that the live session is over, and all that it could make of what it was sent is settled."""
        self.live = Sent()
        self._allowed = None

    def next_live(self, position: int, end: int) -> Range | None:
        """Return what to send live from ``position`` on, in order; None: nothing for now.

        If something is owed all the same, it was left behind: go on at the seam.
        """
        self._settle()
        owed = self._ledger.owed(max(position, self.at), end)
        if owed and self._allowed is not None and end - owed[0][0] > self._allowed:
            self._leave_behind(end)
            return None
        return owed[0] if owed else None

    def next_late(self, position: int) -> Range | None:
        """Return what to send late from ``position`` on, oldest first; None: there is nothing."""
        self._settle()
        owed = self._ledger.owed(position, self.at)
        free = (_free(first, last, self.live.ranges(first, last)) for first, last in owed)
        return next(filter(None, free), None)

    def is_slow(self, end: int) -> bool:
        """Whether there is a live session and it lags: what is late has to wait, live comes first."""
        return self._allowed is not None and self._lag(max(self.live.end, self.at), end) > STALL_FRAMES

    def _lag(self, start: int, end: int) -> int:
        self._settle()
        return end - next((first for first, _ in self._ledger.owed(start, end)), end)

    def _leave_behind(self, end: int) -> None:
        self.at = max(self.at, self.live.end, self._cut(end))
        self._moved()


@dataclass(frozen=True, slots=True)
class Live:
    """The course of a live session. ``patient``: it takes the place of one that had to be replaced."""

    seam: Seam
    patient: bool = False
    late: bool = False

    def begin(self, end: int) -> None:
        """Note that the provider is ready."""
        self.seam.begin(end, patient=self.patient)

    def next(self, position: int, end: int) -> Range | None:
        """Return what to send next."""
        return self.seam.next_live(position, end)

    def waits(self, _end: int) -> bool:
        """Whether to send nothing for the moment: never."""
        return False


@dataclass(frozen=True, slots=True)
class Late:
    """The course of the session behind it."""

    seam: Seam
    late: bool = True

    def begin(self, end: int) -> None:
        """Note that the provider is ready."""

    def next(self, position: int, _end: int) -> Range | None:
        """Return what to send next."""
        return self.seam.next_late(position)

    def waits(self, end: int) -> bool:
        """Whether to send nothing for the moment."""
        return self.seam.is_slow(end)


Course = Live | Late


def _free(first: int, last: int, taken: Iterable[Range]) -> Range | None:
    """Return the first stretch of [first, last) that no range of ``taken`` (sorted, inside) holds."""
    for start, end in taken:
        if first < start:
            return first, start
        first = end
    return (first, last) if first < last else None
