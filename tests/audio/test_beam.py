import numpy as np

from edgetx.audio import beam
from edgetx.audio.covariance import dot, squares
from edgetx.audio.stft import BINS, FREQUENCIES_HZ, HOPS
from tests.audio.waves import RATE, SQUARE, learnt, own_noise, plane


def wave(azimuth_deg: float) -> np.ndarray:
    return SQUARE.steering([azimuth_deg], FREQUENCIES_HZ)[0].T


def fan() -> np.ndarray:
    sound = np.random.default_rng(8).standard_normal(2 * RATE) * 300
    return plane(sound, SQUARE, 200.0) + own_noise(2 * RATE, 4, loud=100.0)


def test_the_talker_is_what_stands_out_of_the_noise():
    noise = learnt(fan())
    talker = wave(70.0)
    speech = noise.mean + 1e9 * talker[:, None] * talker.conj()
    vector = np.ones((4, BINS), np.complex64)
    for _ in range(10):
        vector = beam.towards_talker(vector, noise.inverse, speech)
    response = beam.relative(np.einsum("ijf,jf->if", noise.loaded, vector), 2)
    assert np.abs(response - talker / talker[2])[:, 10:].max() < 0.05
    assert np.allclose(response[2], 1, atol=1e-5)


def test_mvdr_passes_the_talker_and_stops_the_noise():
    noise = learnt(fan())
    weights = beam.mvdr(noise.inverse, wave(70.0))
    assert np.allclose(dot(weights, wave(70.0)), 1, atol=1e-4)
    heard = slice(15, 100)
    left = squares(dot(weights, wave(200.0)))[heard]
    assert left.max() < 0.25


def test_a_mean_is_of_the_healthy_ones():
    assert beam.mean(np.array([1, 0, 1, 0], np.float32), 3)[:, 0].tolist() == [0.5, 0, 0.5, 0]


def test_a_beam_glides_in_even_steps_and_arrives():
    before, after = np.zeros((2, 3), np.complex64), np.ones((2, 3), np.complex64)
    steps = beam.glide(before, after, HOPS)
    assert steps.shape == (2, HOPS, 3)
    assert steps[0, :, 0].real.tolist() == [(n + 1) / HOPS for n in range(HOPS)]


def test_nothing_heard_gives_numbers():
    zeros = np.zeros((4, BINS), np.complex64)
    nothing = np.zeros((4, 4, BINS), np.complex64)
    assert np.isfinite(beam.relative(zeros, 0)).all()
    assert np.isfinite(beam.mvdr(nothing, zeros)).all()
    assert np.isfinite(beam.towards_talker(zeros, nothing, nothing)).all()
