"""What is no sound yet at a device's start is left out, and no more than that."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio.dirty_start import LONGEST_SECONDS, PIECE_SECONDS, dirty_frames
from tests.audio.array_rooms import RATE, SQUARE, narrow, room


def swept(sound: np.ndarray, seconds: float, *, rate: int = RATE, height: float = 12_000) -> np.ndarray:
    """With a centre that comes to rest within ``seconds``."""
    frames = round(seconds * rate)
    sound = sound.copy()
    sound[:frames] += height * (np.cos(np.linspace(0, np.pi / 2, frames)) ** 2)[:, None]
    return sound


@pytest.mark.parametrize("seed", range(12))
def test_a_clean_start_is_left_as_it_is(seed):
    assert dirty_frames(narrow(room(SQUARE, seed, talks=bool(seed % 3), level=100 * (1 + seed) ** 1.5)), RATE) == 0


@settings(max_examples=20, deadline=None)
@given(st.floats(0.02, 0.4), st.integers(0, 99), st.sampled_from([-1, 1]))
def test_a_sweep_is_left_out_and_hardly_more(seconds, seed, sign):
    sound = swept(room(SQUARE, seed), seconds, height=sign * 12_000)
    assert -0.35 * seconds <= dirty_frames(narrow(sound), RATE) / RATE - seconds <= 2.1 * PIECE_SECONDS


@settings(max_examples=20, deadline=None)
@given(st.integers(16, 7999), st.integers(0, 99))
def test_zeros_are_left_out_to_the_frame(frames, seed):
    sound = room(SQUARE, seed, own=100)
    sound[:frames] = 0
    sound[frames] = 1000
    assert dirty_frames(narrow(sound), RATE) == frames


def test_zeros_and_then_a_sweep_and_at_another_rate():
    sound = swept(room(SQUARE, 1, rate=48_000), 0.15, rate=48_000)
    sound = np.concatenate((np.zeros((4800, 4)), sound))
    assert 0.23 <= dirty_frames(narrow(sound).astype(np.int32) << 16, 48_000) / 48_000 <= 0.3


def test_a_sweep_through_its_centre_is_one():
    sound = room(SQUARE, 2)
    sound[:2400] += (9000 * np.cos(np.linspace(0, np.pi, 2400)))[:, None]
    assert 0.13 <= dirty_frames(narrow(sound), RATE) / RATE <= 0.2


def test_what_never_settles_is_left_out_no_longer_than_a_start_takes():
    sound = room(SQUARE, 3)
    sound[: RATE // 2] += 5000
    assert dirty_frames(narrow(sound), RATE) == LONGEST_SECONDS * RATE


def test_a_dead_channel_is_no_start():
    sound = room(SQUARE, 4)
    sound[:, 2] = 0
    assert dirty_frames(narrow(sound), RATE) == 0
    assert dirty_frames(np.zeros((RATE, 2), np.int16), RATE) == 0


def test_of_too_little_sound_nothing_is_said():
    assert dirty_frames(narrow(swept(room(SQUARE, 5), 0.1))[: RATE - 1], RATE) == 0
