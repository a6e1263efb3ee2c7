"""What a microphone's next run has to know of the one before, and where its numbers go on.

A `Mark` says which frame was captured when. The next run begins at the number that belongs to *now*, counted on from
there, so that what went by between the two runs is a hole like any other. How long that was, the clock that ran on
says: CLOCK_BOOTTIME if the machine did not start anew, else the wall clock if it was synchronised both times. When
neither can say, the numbers go on behind the mark; the hole is there then, but not as long as it was.
"""

from dataclasses import dataclass

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog
from edgetx.clock import Moment
from edgetx.speech.ledger import Balance, Ledger
from edgetx.speech.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Mark:
    """All frames before number ``frame`` had been captured at ``moment``."""

    frame: int
    moment: Moment


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of one microphone."""

    mark: Mark
    balance: Balance


def remember(log: AudioLog, timeline: Timeline, ledger: Ledger, *, now: Moment) -> Remembered:
    """Return what is to be kept now."""
    frame = log.end
    return Remembered(Mark(frame, now.earlier(now.monotonic - timeline.monotonic(frame))), ledger.balance)


def carry_on(remembered: Remembered | None, timeline: Timeline, ledger: Ledger, *, now: Moment) -> int:
    """Go on from where the last run was, if there was one. Return the number of the first frame of the new one."""
    if remembered is None:
        return 0
    mark = remembered.mark
    ledger.carry_forward(remembered.balance)
    elapsed_seconds = _elapsed(mark.moment, now)
    first = mark.frame + 1 + round(max(0.0, elapsed_seconds or 0.0) * RATE)
    ago_seconds = now.wall - mark.moment.wall if elapsed_seconds is None else elapsed_seconds
    timeline.remember(mark.frame, now.monotonic - ago_seconds, before=first)
    return first


def _elapsed(then: Moment, now: Moment) -> float | None:
    """Return the seconds between two moments, or None when no clock can say."""
    if then.boot_id and then.boot_id == now.boot_id:
        return now.boottime - then.boottime
    return now.wall - then.wall if then.synced and now.synced else None
