from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import RATE
from edgetx.speech.sent import Sent


def test_one_stretch_is_a_straight_line():
    sent = Sent()
    sent.add(16_000, 1600)
    sent.add(17_600, 1600)
    assert (sent.first, sent.end, sent.frames) == (16_000, 19_200, 3200)
    assert sent.start_frame(100) == 17_600
    assert sent.end_frame(150) == 18_400


def test_an_instant_at_a_seam_starts_behind_the_jump_and_ends_before_it():
    sent = Sent()
    sent.add(0, 1600)
    sent.add(8000, 1600)
    assert sent.end_frame(100) == 1600
    assert sent.start_frame(100) == 8000
    assert sent.start_frame(150) == 8800


def test_times_outside_what_was_sent_are_held_inside():
    sent = Sent()
    sent.add(1600, 1600)
    assert sent.start_frame(-50) == 1600
    assert sent.end_frame(9999) == 3200


def test_what_was_sent_before_a_frame_leaves_out_the_holes():
    sent = Sent()
    assert sent.frames_before(99) == 0
    sent.add(1600, 1600)
    sent.add(8000, 800)
    counted = {1600: 0, 2000: 400, 3200: 1600, 5000: 1600, 8000: 1600, 8100: 1700, 8800: 2400, 9999: 2400, 0: 0}
    assert {frame: sent.frames_before(frame) for frame in counted} == counted


def test_before_anything_was_sent_there_is_only_the_beginning():
    assert Sent().start_frame(500) == 0
    assert Sent().end_frame(500) == 0


pieces = st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 40)), min_size=1, max_size=12)


@given(pieces)
def test_every_sent_frame_is_found_again_by_its_time(pieces):
    sent = Sent()
    heard: list[int] = []
    at = 0
    for jump, blocks in pieces:
        start = at + jump
        sent.add(start, blocks * 16)
        heard += range(start, start + blocks * 16)
        at = sent.end
    for index in range(0, len(heard), 16):
        assert sent.start_frame(index / 16) == heard[index]
        assert sent.end_frame(index / 16 + 1) == heard[index + 15] + 1


def test_a_pause_in_a_jumps_place_is_none_of_the_microphones_frames():
    sent = Sent()
    sent.add(1600, 1600)
    sent.pause(800)
    sent.add(8000, 1600)
    assert sent.frames == 4000
    assert [sent.end_frame(ms) for ms in (50, 100, 120, 150, 200)] == [2400, 3200, 3200, 3200, 8800]
    assert [sent.start_frame(ms) for ms in (50, 100, 120, 150, 200)] == [2400, 8000, 8000, 8000, 8800]
    assert [sent.frames_before(frame) for frame in (3200, 5000, 8000, 8800)] == [1600, 1600, 2400, 3200]


def test_the_ranges_that_were_sent_leave_out_the_jumps():
    sent = Sent()
    assert sent.ranges(0, 99) == []
    sent.add(10, 10)
    sent.add(20, 5)
    sent.add(40, 10)
    assert sent.ranges(0, 99) == [(10, 25), (40, 50)]
    assert sent.ranges(15, 45) == [(15, 25), (40, 45)]
    assert sent.ranges(25, 40) == []
    assert sent.ranges(30, 20) == []


def test_behind_a_pause_the_map_begins_anew_even_where_the_frames_go_on():
    sent = Sent()
    sent.add(0, RATE)
    sent.pause(RATE // 2)
    sent.add(RATE, RATE)
    assert sent.ranges(0, 3 * RATE) == [(0, RATE), (RATE, 2 * RATE)]
    assert sent.start_frame(1500) == sent.end_frame(1200) == RATE
    assert sent.end_frame(2000) == RATE + RATE // 2
    assert sent.frames_before(2 * RATE) == sent.frames == 2 * RATE + RATE // 2
