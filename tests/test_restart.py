from datetime import UTC, datetime, timedelta

import pytest

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog
from edgetx.clock import Moment
from edgetx.restart import Mark, Remembered, carry_on, remember
from edgetx.speech.ledger import Fate, Ledger
from edgetx.speech.timeline import Timeline

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
THEN = Moment(NOON.timestamp(), synced=True, monotonic=5000.0, boottime=6000.0, boot_id="a")


class Run:
    """A run of the daemon that goes on from what was remembered, at a moment."""

    def __init__(self, now: Moment, remembered: Remembered | None) -> None:
        self.timeline = Timeline(monotonic=lambda: now.monotonic, wall=lambda: now.wall)
        self.ledger = Ledger()
        self.first = carry_on(remembered, self.timeline, self.ledger, now=now)


def a_minute_was_heard() -> Remembered:
    ledger = Ledger()
    ledger.settle(0, 50 * RATE, Fate.TRANSCRIBED)
    ledger.settle(55 * RATE, 56 * RATE, Fate.SILENT)
    return Remembered(Mark(60 * RATE, THEN), ledger.balance)


def test_a_first_run_begins_at_zero():
    assert Run(THEN, None).first == 0


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (Moment(0.0, synced=False, monotonic=5100.0, boottime=6100.0, boot_id="a"), 100),
        (Moment(THEN.wall + 100, synced=True, monotonic=7.0, boottime=7.0, boot_id="b"), 100),
        (Moment(THEN.wall + 100, synced=False, monotonic=7.0, boottime=7.0, boot_id="b"), 0),
        (Moment(THEN.wall - 100, synced=True, monotonic=7.0, boottime=7.0, boot_id="b"), 0),
    ],
    ids=["the same boot", "a reboot", "the clock is not synchronised", "the clock went back"],
)
def test_the_numbers_go_on_by_the_clock_that_can_say(now, seconds):
    run = Run(now, a_minute_was_heard())
    assert run.first == (60 + seconds) * RATE + 1
    assert run.ledger.owed(0, 60 * RATE) == [(50 * RATE, 55 * RATE), (56 * RATE, 60 * RATE)]


def test_without_a_boot_id_the_wall_clock_says():
    then = Moment(THEN.wall, synced=True, monotonic=5.0, boottime=5.0, boot_id="")
    now = Moment(THEN.wall + 10, synced=True, monotonic=7.0, boottime=7.0, boot_id="")
    assert Run(now, Remembered(Mark(0, then), Ledger().balance)).first == 10 * RATE + 1


def test_the_sound_of_the_run_before_keeps_its_times_over_a_reboot():
    now = Moment(THEN.wall + 100, synced=True, monotonic=7.0, boottime=7.0, boot_id="b")
    run = Run(now, a_minute_was_heard())
    assert run.timeline.utc([0, 60 * RATE, run.first]) == [
        NOON - timedelta(seconds=60),
        NOON,
        NOON + timedelta(seconds=100),
    ]


def test_what_is_remembered_says_when_its_last_frame_was_captured():
    log, ledger = AudioLog(keep_seconds=10), Ledger()
    timeline = Timeline(monotonic=lambda: THEN.monotonic, wall=lambda: THEN.wall)
    log.append(0, bytes(2 * RATE))
    timeline.observe(RATE, THEN.monotonic - 3)
    ledger.settle(0, 100, Fate.SILENT)
    remembered = remember(log, timeline, ledger, now=THEN)
    assert remembered == Remembered(Mark(RATE, THEN.earlier(3)), ledger.balance)
    assert remembered.mark.moment.wall == THEN.wall - 3
