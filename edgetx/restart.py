"""What a microphone's next run has to know of the one before, and where its numbers go on.

A `Mark` says which frame was captured when. The next run begins at the number that belongs to *now*, counted on from
there, so that what went by between the two runs is a hole like any other. How long that was, the clock that ran on
says: CLOCK_BOOTTIME if the machine did not start anew, else the wall clock if it was synchronised both times. When
neither can say, it was at least as long as the machine is up since then; how long it was off, nobody knows.

The sound of the earlier run keeps its times: over a start of the machine by the wall clock, if that was synchronised
then. What it shows now does not count: it may be set only after a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog
from edgetx.clock import Moment
from edgetx.speech.budget import Budget, Spent
from edgetx.speech.ledger import Balance, Fate, Ledger
from edgetx.speech.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Mark:
    """All frames before number ``frame`` had been captured at ``moment``, by a sound card of that rate in Hz."""

    frame: int
    moment: Moment
    rate: float = RATE


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of one microphone; ``spent``: for how long it has had sessions this day, where that is known."""

    mark: Mark
    balance: Balance
    spent: Spent | None = None


def remember(
    log: AudioLog, timeline: Timeline, ledger: Ledger, *, now: Moment, budget: Budget | None = None
) -> Remembered:
    """Return what is to be kept now."""
    mark = Mark(log.end, capture_of(log.end, timeline, now=now), timeline.rate)
    return Remembered(mark, ledger.balance, budget.spent(now) if budget else None)


def capture_of(frame: int, timeline: Timeline, *, now: Moment) -> Moment:
    """Return the moment of a frame's capture. It is not after ``now``: a recording may run ahead of its clock."""
    return now.earlier(max(0.0, now.monotonic - timeline.monotonic(frame)))


def carry_on(
    remembered: Remembered | None, timeline: Timeline, ledger: Ledger, *, now: Moment, at_least: int = 0
) -> int:
    """Go on from where the last run was, if there was one. Return the number of the first frame of the new one.

    Not less than ``at_least``: where what is kept of the sound ends.
    """
    if remembered is None:
        return at_least
    mark = remembered.mark
    ledger.carry_forward(remembered.balance)
    elapsed_seconds = max(elapsed(mark.moment, now) or 0.0, _up_since(mark.moment, now))
    first = max(at_least, mark.frame + 1 + round(elapsed_seconds * RATE))
    by_wall = mark.moment.synced and not _is_same_boot(mark.moment, now)
    captured = mark.moment.wall if by_wall else now.monotonic - age_seconds(remembered, now)
    timeline.remember(mark.frame, captured, before=first, rate=mark.rate, by_wall=by_wall)
    timeline.observe(first, now.monotonic)  # However long no sound comes: this is where it would have begun.
    return first


def recover(segments: Sequence[tuple[int, int]], moment: Moment) -> Remembered:
    """Return what sound that is kept on disk tells, where nothing else is known any more.

    ``segments``: their frames, in order, one at least; ``moment``: the capture of the last one's end. They are owed.
    What lies before them and between them had been dealt with, or it would be on disk as well; as nobody knows how,
    it counts as silent.
    """
    ends = [0, *(end for _, end in segments)]
    dealt_with = [(end, start) for end, (start, _) in zip(ends, segments, strict=False) if end < start]
    ledger = Ledger()
    for end, start in dealt_with:
        ledger.settle(end, start, Fate.SILENT)
    return Remembered(Mark(ends[-1], moment), ledger.balance)


def age_seconds(remembered: Remembered, now: Moment) -> float:
    """Return how long the last frame's capture is ago, as well as the clocks can say."""
    moment = remembered.mark.moment
    elapsed_seconds = elapsed(moment, now)
    return max(now.wall - moment.wall if elapsed_seconds is None else elapsed_seconds, _up_since(moment, now))


def elapsed(then: Moment, now: Moment) -> float | None:
    """Return the seconds between two moments, or None when no clock can say."""
    if _is_same_boot(then, now):
        return now.boottime - then.boottime
    return now.wall - then.wall if then.synced and now.synced else None


def _up_since(then: Moment, now: Moment) -> float:
    """Return how many seconds the machine has been up, if it has started anew since ``then``; else 0."""
    return now.boottime if then.boot_id and now.boot_id and not _is_same_boot(then, now) else 0.0


def _is_same_boot(then: Moment, now: Moment) -> bool:
    return bool(then.boot_id) and then.boot_id == now.boot_id
