from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.mean import FADE_FRAMES, Mean


def noise(frames: int, microphones: int = 4) -> np.ndarray:
    return np.random.default_rng(3).normal(scale=1000, size=(frames, microphones)).astype(np.float32)


def test_it_is_the_mean_and_nothing_lags():
    mean = Mean(4)
    heard, bearings = mean.process(noise(500))
    assert np.allclose(heard, noise(500).mean(axis=1), atol=1e-3)
    assert bearings == []
    assert mean.delay == 0
    rest, bearings = mean.flush()
    assert (len(rest), bearings) == (0, [])


def test_what_is_left_out_fades_and_comes_back_so_too():
    mean = Mean(2)
    signals = np.tile(np.array([[1000.0, 3000.0]], np.float32), (FADE_FRAMES, 1))
    mean.use((True, False))
    fading, _ = mean.process(signals)
    assert np.allclose(fading, np.linspace(2000, 1000, FADE_FRAMES, endpoint=False), atol=0.01)
    assert np.allclose(mean.process(signals)[0], 1000)
    mean.use((True, True))
    assert np.allclose(mean.process(signals)[0], np.linspace(1000, 2000, FADE_FRAMES, endpoint=False), atol=0.01)


def test_it_never_jumps_although_another_is_left_out_before_it_has_faded():
    mean = Mean(2)
    signals = np.tile(np.array([[0.0, 1000.0]], np.float32), (FADE_FRAMES // 2, 1))
    pieces = []
    for healthy in ((True, True), (True, False), (False, True), (True, False), (True, False), (True, True)):
        mean.use(healthy)
        pieces.append(mean.process(signals)[0])
    assert max(np.abs(np.diff(np.concatenate(pieces)))) < 1000 / FADE_FRAMES + 0.1


@given(st.lists(st.integers(0, 700), max_size=5))
def test_cutting_the_input_changes_no_bit(cuts):
    whole, cut = Mean(4), Mean(4)
    for each in (whole, cut):
        each.use((True, False, True, True))
    edges = [0, *sorted(cuts), 700]
    pieces = [cut.process(noise(700)[a:b])[0] for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces), whole.process(noise(700))[0])


def test_of_a_mean_nothing_is_to_be_turned():
    mean = Mean(2)
    mean.turn((1, -1))
    assert mean.process(np.array([[1, 3]], np.float32))[0].tolist() == [2]
