import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.heard import apart, at_16k


def test_a_frame_stands_at_the_nearest_frame_of_16_khz():
    assert [at_16k(frame, 48000) for frame in (0, 1, 2, 3, 48000)] == [0, 0, 1, 1, 16000]
    assert at_16k(44100, 44100) == 16000
    assert at_16k(12345, 16000) == 12345


@given(st.integers(0, 10**12), st.sampled_from([8000, 11025, 22050, 44100, 96000]))
def test_it_is_never_more_than_half_a_frame_off(frame, rate):
    assert abs(at_16k(frame, rate) * rate - frame * 16000) * 2 <= rate


@given(st.floats(0, 360), st.floats(0, 360))
def test_two_directions_lie_at_most_half_a_turn_apart_whoever_is_asked_first(one, other):
    assert 0 <= apart(one, other) <= 180
    assert apart(one, other) == pytest.approx(apart(other, one))
