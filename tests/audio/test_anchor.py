from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.anchor import Anchor


def test_nothing_is_missed_before_anything_was_seen():
    assert Anchor(16000).missed(0, 1000.0) == 0


def test_what_went_by_after_the_last_frame_is_missed():
    anchor = Anchor(16000)
    anchor.observe(1600, 100.1)
    assert anchor.missed(1600, 102.1) == 32000


def test_a_reader_that_was_late_does_not_shift_the_measure():
    anchor = Anchor(16000)
    anchor.observe(1600, 100.1)
    anchor.observe(3200, 100.9)
    assert 32000 <= anchor.missed(3200, 102.2) + 20 <= 32040


def test_a_card_that_runs_slow_is_followed():
    anchor = Anchor(16000)
    for second in range(1, 3601):
        anchor.observe(second * 16000, second * (1 + 200e-6))
    assert anchor.missed(3600 * 16000, 3600 * (1 + 200e-6) + 1) in range(15998, 16003)


@given(st.integers(0, 10**9), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_hole_is_never_negative(end, seen, now):
    anchor = Anchor(48000)
    anchor.observe(end, seen)
    assert anchor.missed(end, now) >= 0
