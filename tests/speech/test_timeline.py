from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio.format import RATE
from edgetx.speech.timeline import MAX_ANCHORS, WINDOW_FRAMES, Timeline

HOUR = 3600.0
DAY = 24 * HOUR
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clocks:
    """A monotonic clock that counts from 0 and a wall clock that can be set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wall_at_zero = NOON.timestamp()

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.wall_at_zero + self.now


def timeline_of(clocks: Clocks) -> Timeline:
    return Timeline(monotonic=clocks.monotonic, wall=clocks.wall)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def close(one: datetime, other: datetime, *, ms: float = 0.01) -> bool:
    return abs(one - other) <= timedelta(milliseconds=ms)


def test_frame_n_is_n_over_rate_seconds_after_the_first():
    clocks = Clocks()
    timeline = timeline_of(clocks)
    clocks.now = 0.1
    timeline.observe(1600, 0.1)
    first, later = timeline.utc((0, 8 * RATE))
    assert close(first, NOON)
    assert close(later, NOON + seconds(8))


def test_before_anything_was_observed_every_frame_is_now():
    clocks = Clocks()
    clocks.now = 5.0
    assert close(timeline_of(clocks).utc([123])[0], NOON + seconds(5))


def test_a_read_that_returned_late_does_not_move_the_timeline():
    clocks = Clocks()
    timeline = timeline_of(clocks)
    timeline.observe(1600, 0.1)
    timeline.observe(3200, 0.9)  # 0.7 s late
    assert close(timeline.utc([3200])[0], NOON + seconds(0.2))


def test_a_first_read_that_was_late_is_corrected_by_the_next_ones():
    clocks = Clocks()
    timeline = timeline_of(clocks)
    timeline.observe(1600, 0.5)
    timeline.observe(3200, 0.2)
    assert close(timeline.utc([0])[0], NOON)


def test_late_reads_at_the_start_of_a_window_do_not_move_the_timeline():
    clocks = Clocks()
    timeline = timeline_of(clocks)
    timeline.observe(0, 0.0)
    timeline.observe(WINDOW_FRAMES, WINDOW_FRAMES / RATE + 0.3)
    assert close(timeline.utc([WINDOW_FRAMES])[0], NOON + seconds(10))


def test_sound_that_really_comes_later_is_believed_after_a_window():
    clocks = Clocks()
    timeline = timeline_of(clocks)
    for window in range(3):
        late = 0.3 if window else 0.0
        timeline.observe(window * WINDOW_FRAMES, 10 * window + late)
    assert close(timeline.utc([2 * WINDOW_FRAMES])[0], NOON + seconds(20.3))


def test_a_step_of_the_wall_clock_moves_what_came_before_it_as_well():
    clocks = Clocks()
    timeline = timeline_of(clocks)
    timeline.observe(1600, 0.1)
    clocks.wall_at_zero += HOUR
    first, later = timeline.utc((0, 1600))
    assert close(first, NOON + seconds(HOUR))
    assert close(later - first + NOON, NOON + seconds(0.1))


def test_between_two_anchors_the_offset_is_interpolated():
    clocks = Clocks()
    timeline = timeline_of(clocks)
    timeline.observe(0, 0.0)
    timeline.observe(WINDOW_FRAMES, WINDOW_FRAMES / RATE + 0.010)
    timeline.observe(2 * WINDOW_FRAMES, 2 * WINDOW_FRAMES / RATE + 0.010)
    assert close(timeline.utc([WINDOW_FRAMES // 2])[0], NOON + seconds(5.005))


def test_now_is_the_wall_clock():
    clocks = Clocks()
    clocks.now = 2.0
    assert close(timeline_of(clocks).now(), NOON + seconds(2))


def test_old_anchors_are_thinned_and_sound_as_old_as_that_keeps_its_time():
    clocks = Clocks()
    timeline = timeline_of(clocks)
    drift = 1 + 300e-6
    for window in range(4 * MAX_ANCHORS):
        timeline.observe(window * WINDOW_FRAMES, window * WINDOW_FRAMES / RATE * drift)
    assert len(timeline._anchors) <= MAX_ANCHORS
    for seconds_in in (0, 600, 30 * HOUR):
        assert close(timeline.utc([seconds_in * RATE])[0], NOON + seconds(seconds_in * drift))


@settings(max_examples=8, deadline=None)
@given(
    ppm=st.floats(-200, 200),
    lateness=st.lists(st.floats(0, 0.2), min_size=1, max_size=3),
    step=st.sampled_from([0.0, HOUR, -HOUR]),
)
def test_a_drift_of_200_ppm_stays_within_20_ms_for_24_hours(ppm, lateness, step):
    clocks = Clocks()
    timeline = timeline_of(clocks)
    real_rate = RATE * (1 + ppm / 1e6)
    lateness = [*lateness, 0.0]  # In every window a read returns at once.
    every = 2.4
    for number in range(int(DAY / every)):
        clocks.now = number * every
        timeline.observe(clocks.now * real_rate, clocks.now + lateness[number % len(lateness)])
    clocks.wall_at_zero += step
    for ago in (0.1, 60.0, HOUR, 10 * HOUR):
        captured = clocks.now - ago
        placed = timeline.utc([captured * real_rate])[0]
        assert close(placed, NOON + seconds(captured + step), ms=20)


def test_frames_of_an_earlier_run_are_placed_by_what_is_remembered_of_it() -> None:
    clocks = Clocks()
    line = timeline_of(clocks)
    line.remember(RATE, -100.0, before=3 * RATE)
    line.observe(3 * RATE, 50.0)
    assert [line.monotonic(frame) for frame in (0, 2 * RATE, 3 * RATE)] == [-101.0, -99.0, 50.0]


def test_the_sound_cards_rate_is_measured_once_it_can_be():
    line = timeline_of(Clocks())
    line.remember(0, 0.0, before=0, rate=16_002.0)
    rates = []
    for second in range(0, 700, 5):
        line.observe(second * 16_001, float(second))
        rates.append(line.rate)
    assert rates[0] == rates[60] == 16_002.0
    assert abs(rates[-1] - 16_001) < 1e-6


def test_frames_of_an_earlier_run_are_placed_at_the_rate_of_its_sound_card():
    line = timeline_of(Clocks())
    line.remember(3600 * 16_001, -5.0, before=3600 * 16_001 + 1, rate=16_001.0)
    assert line.monotonic(0) == -3605.0


def test_frames_placed_by_the_wall_clock_stay_there_when_it_is_set():
    clocks = Clocks()
    line = timeline_of(clocks)
    line.remember(RATE, NOON.timestamp() - 50, before=2 * RATE, by_wall=True)
    before = line.utc([0, RATE])
    clocks.wall_at_zero += HOUR
    assert line.utc([0, RATE]) == before == [NOON - seconds(51), NOON - seconds(50)]
    assert line.monotonic(RATE) == -HOUR - 50


def test_what_came_before_the_first_anchor_is_placed_by_it():
    line = timeline_of(Clocks())
    for window in range(3):
        line.observe((window + 1) * WINDOW_FRAMES, 10.0 * (window + 1) + 5 + window)
    assert line.monotonic(0) == 5.0
