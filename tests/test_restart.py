from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog
from edgetx.clock import Moment
from edgetx.restart import Mark, Remembered, age_seconds, carry_on, recover, remember
from edgetx.speech.ledger import Fate, Ledger
from edgetx.speech.timeline import Timeline

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
THEN = Moment(NOON.timestamp(), synced=True, monotonic=5000.0, boottime=6000.0, boot_id="a")


class Run:
    """A run of the daemon that goes on from what was remembered, at a moment."""

    def __init__(self, now: Moment, remembered: Remembered | None, *, at_least: int = 0) -> None:
        self.timeline = Timeline(monotonic=lambda: now.monotonic, wall=lambda: now.wall)
        self.ledger = Ledger()
        self.first = carry_on(remembered, self.timeline, self.ledger, now=now, at_least=at_least)


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
        (Moment(THEN.wall + 100, synced=False, monotonic=7.0, boottime=7.0, boot_id="b"), 7),
        (Moment(THEN.wall - 100, synced=True, monotonic=7.0, boottime=7.0, boot_id="b"), 7),
    ],
    ids=["the same boot", "a reboot", "the clock is not synchronised", "the clock went back"],
)
def test_the_numbers_go_on_by_the_clock_that_can_say(now, seconds):
    run = Run(now, a_minute_was_heard())
    assert run.first == (60 + seconds) * RATE + 1
    assert run.ledger.owed(0, 60 * RATE) == [(50 * RATE, 55 * RATE), (56 * RATE, 60 * RATE)]


@pytest.mark.parametrize("wall_seconds", [45, 3, -50 * 365 * 86_400], ids=["a bit", "hardly", "back to 1976"])
def test_after_a_reboot_whose_clock_nobody_set_the_hole_is_as_long_as_the_machine_is_up(wall_seconds):
    then = replace(THEN, synced=False)
    now = Moment(THEN.wall + wall_seconds, synced=False, monotonic=30.0, boottime=30.0, boot_id="b")
    run = Run(now, replace(a_minute_was_heard(), mark=Mark(60 * RATE, then)))
    assert run.first == 90 * RATE + 1, "not a single frame, of 0.0 s"
    start, end = run.timeline.utc([60 * RATE, run.first])
    assert end - start == timedelta(seconds=max(30, wall_seconds))


def test_a_recording_that_was_read_faster_than_it_plays_leaves_no_mark_in_the_future():
    timeline = Timeline(monotonic=lambda: 5000.0, wall=lambda: THEN.wall)
    timeline.observe(RATE, 4999.9)
    log = AudioLog(keep_seconds=10)
    log.append(0, bytes(2 * RATE * 2))
    assert remember(log, timeline, Ledger(), now=THEN).mark == Mark(2 * RATE, THEN)
    known = remember(log, timeline, Ledger(), now=THEN)
    assert Run(THEN.earlier(-0.5), known).first == 2 * RATE + RATE // 2 + 1


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


def test_a_clock_that_is_set_after_a_reboot_moves_nothing_that_was_captured_before_it():
    clock = {"wall": THEN.wall + 5, "monotonic": 10.0}
    timeline = Timeline(monotonic=lambda: clock["monotonic"], wall=lambda: clock["wall"])
    now = Moment(clock["wall"], synced=False, monotonic=10.0, boottime=10.0, boot_id="b")
    spool_end = 90 * RATE
    first = carry_on(a_minute_was_heard(), timeline, Ledger(), now=now, at_least=spool_end)
    clock.update(wall=THEN.wall + 3600, monotonic=130.0)
    assert timeline.utc([30 * RATE, 80 * RATE]) == [NOON - timedelta(seconds=30), NOON + timedelta(seconds=20)]
    assert timeline.utc([first])[0] == NOON + timedelta(seconds=3600 - 120)


def test_a_microphone_that_is_absent_for_a_whole_run_leaves_the_times_and_the_hole_as_they_were():
    def after(seconds: float) -> Moment:
        return THEN.earlier(-seconds)

    second = Run(after(60), a_minute_was_heard())
    log = AudioLog(keep_seconds=10, start=second.first)
    known = remember(log, second.timeline, second.ledger, now=after(3660))
    third = Run(after(3720), known)
    placed = third.timeline.utc([0])[0]
    assert placed == pytest.approx(NOON - timedelta(seconds=60), abs=timedelta(milliseconds=1))
    assert third.first == pytest.approx((60 + 3720) * RATE, abs=2)


def test_a_sound_card_that_drifts_keeps_its_rate_over_a_restart():
    seconds, rate = 4 * 3600, 16_001
    timeline = Timeline(monotonic=lambda: float(seconds), wall=lambda: 0.0)
    for second in range(seconds + 1):
        timeline.observe(second * rate, float(second))
    now = Moment(0.0, synced=True, monotonic=float(seconds), boottime=float(seconds), boot_id="a")
    known = remember(AudioLog(keep_seconds=1, start=seconds * rate), timeline, Ledger(), now=now)
    assert Run(now, known).timeline.monotonic(600 * rate) == pytest.approx(600, abs=0.001)


def test_what_is_remembered_says_when_its_last_frame_was_captured():
    log, ledger = AudioLog(keep_seconds=10), Ledger()
    timeline = Timeline(monotonic=lambda: THEN.monotonic, wall=lambda: THEN.wall)
    log.append(0, bytes(2 * RATE))
    timeline.observe(RATE, THEN.monotonic - 3)
    ledger.settle(0, 100, Fate.SILENT)
    remembered = remember(log, timeline, ledger, now=THEN)
    assert remembered == Remembered(Mark(RATE, THEN.earlier(3)), ledger.balance)
    assert remembered.mark.moment.wall == THEN.wall - 3


def test_the_numbers_do_not_go_back_behind_what_is_kept_and_its_times_agree():
    now = Moment(THEN.wall + 100, synced=False, monotonic=7.0, boottime=7.0, boot_id="b")
    run = Run(now, a_minute_was_heard(), at_least=70 * RATE)
    assert run.first == 70 * RATE
    assert run.timeline.utc([60 * RATE, 70 * RATE - 1])[0] == NOON
    assert run.timeline.utc([70 * RATE - 1])[0] == pytest.approx(
        NOON + timedelta(seconds=10), abs=timedelta(milliseconds=1)
    )
    assert Run(now, None, at_least=70 * RATE).first == 70 * RATE


def test_sound_that_is_all_that_is_left_is_owed_and_has_its_times():
    segments = [(10 * RATE, 20 * RATE), (20 * RATE, 25 * RATE), (40 * RATE, 60 * RATE)]
    now = Moment(THEN.wall + 100, synced=True, monotonic=7.0, boottime=7.0, boot_id="b")
    run = Run(now, recover(segments, THEN))
    assert run.first == 160 * RATE + 1
    assert run.ledger.owed(0, 160 * RATE) == [(10 * RATE, 25 * RATE), (40 * RATE, 160 * RATE)]
    assert run.ledger.settled[Fate.SILENT] == 25 * RATE
    assert run.timeline.utc([40 * RATE, 60 * RATE]) == [NOON - timedelta(seconds=20), NOON]
    assert Run(THEN, recover([(0, RATE)], THEN)).ledger.owed(0, RATE) == [(0, RATE)]


def test_the_age_of_what_is_remembered_is_told_by_the_best_clock():
    heard = a_minute_was_heard()
    later = Moment(THEN.wall + 100, synced=False, monotonic=7.0, boottime=6007.0, boot_id="a")
    assert age_seconds(heard, later) == 7
    assert age_seconds(heard, Moment(THEN.wall + 100, synced=False, monotonic=7.0, boottime=7.0, boot_id="b")) == 100
