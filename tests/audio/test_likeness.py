"""What channels have in common is measured as physics has it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio.likeness import Likeness, in_steps, measure
from tests.audio.array_rooms import APERTURES, LINE, PAIR, RATE, SIX, SQUARE, late, room

ROOMS = [(positions, seed, talks) for positions in (PAIR, SQUARE, LINE, SIX) for seed in (1, 2) for talks in (0, 1)]


def likeness(sound: np.ndarray, rate: int = RATE) -> Likeness:
    return measure(in_steps(sound.astype(np.float32)), rate)


@pytest.mark.parametrize(("positions", "seed", "talks"), ROOMS)
def test_in_a_room_microphones_agree_and_none_is_late_or_a_copy(positions, seed, talks):
    measured = likeness(room(positions, seed, talks=bool(talks)))
    lags, is_known = measured.lags(APERTURES[positions])
    assert is_known.all()
    assert not lags.any()
    assert (measured.signs(APERTURES[positions]) == 1).all()
    assert (measured.twins() == np.eye(len(positions))).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(16, 240), st.integers(0, 99))
def test_a_late_channel_is_late_by_as_much_as_it_is(frames, seed):
    sound = room(PAIR, seed)
    sound[:, 0] = late(sound[:, 0], frames)
    lags, _ = likeness(sound).lags(APERTURES[PAIR])
    assert lags[0, 1] * RATE == pytest.approx(frames, abs=3)  # Three frames lie between the microphones.
    assert lags[1, 0] == -lags[0, 1]


@settings(max_examples=15, deadline=None)
@given(st.floats(-30, 30), st.integers(0, 99))
def test_the_gain_of_a_channel_is_bounded_by_what_it_is(gain_db, seed):
    sound = room(SQUARE, seed)
    sound[:, 0] *= 10 ** (gain_db / 20)
    assert likeness(sound).gain_bounds_db()[0, 1] == pytest.approx(gain_db, abs=2.5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 99), st.floats(0, 60))
def test_noise_of_one_microphones_own_makes_the_other_no_weaker(seed, loud):
    sound = room(PAIR, seed)
    sound[:, 1] += np.random.default_rng(seed).normal(0, 10 ** (loud / 20), len(sound))
    assert likeness(sound).gain_bounds_db()[0, 1] > -2


def test_what_has_nothing_in_common_tells_nothing():
    measured = likeness(np.random.default_rng(3).normal(0, 100, (2 * RATE, 3)))
    apart = ~np.eye(3, dtype=bool)
    assert not measured.twins()[apart].any()
    assert np.isinf(measured.gain_bounds_db()).all()
    assert not measured.signs(0.1)[apart].any()
    lags, is_known = measured.lags(0.1)
    assert not lags.any()
    assert not is_known[apart].any()


def test_microphones_far_from_each_other_have_no_sign():
    assert not likeness(room(PAIR, 1)).signs(2.0).any()


def test_a_copy_is_one_at_any_level_and_turned_round():
    sound = room(PAIR, 1)
    sound[:, 1] = -0.01 * sound[:, 0]
    assert likeness(sound).twins().all()
    sound[:, 1] = 0
    assert (likeness(sound).twins() == [[True, False], [False, False]]).all()


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_any_rate_will_do(rate):
    sound = room(SQUARE, 5, rate=rate)
    sound[:, 2] = late(sound[:, 2], rate // 100)
    lags, _ = likeness(sound, rate).lags(APERTURES[SQUARE])
    assert lags[2, 0] == pytest.approx(0.01, abs=0.0005)


def test_how_far_powers_lie_below_the_others():
    measured = likeness(np.random.default_rng(3).normal(0, 1, (RATE, 3)) * [100, 100, 1])
    everyone = np.ones(3, bool)
    first, _, last = measured.powers_below_db(everyone)
    assert (first < 1, last) == (True, pytest.approx(39, abs=1))
    assert measured.powers_below_db(np.array([True, False, False])) == [0]


def test_of_no_sound_worth_measuring_nothing_is_said():
    measured = likeness(np.zeros((100, 2)))
    assert measured.count == 0
    assert not measured.twins().any()
    assert not measured.powers_below_db(np.ones(2, bool)).any()
    assert np.isinf(measured.gain_bounds_db()).all()
    assert not measured.lags(0.1)[1].any()


def test_wider_samples_are_taken_in_the_steps_of_narrow_ones():
    assert in_steps(np.array([[65536, -131072]], np.int32)).tolist() == [[1], [-2]]
    assert in_steps(np.array([[1, -2]], np.int16)).tolist() == [[1], [-2]]
