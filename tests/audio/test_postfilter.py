import numpy as np

from edgetx.audio.postfilter import FLOOR, PostFilter
from edgetx.audio.stft import BINS, HOPS


def noise(loud: float = 1.0, *, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return ((rng.standard_normal((HOPS, BINS)) + 1j * rng.standard_normal((HOPS, BINS))) * np.sqrt(loud / 2)).astype(
        np.complex64
    )


ONES = np.ones((HOPS, BINS), np.float32)


def test_noise_is_made_quieter_by_six_decibels_and_no_more():
    gains = PostFilter().gains(noise(), ONES[0], ONES)
    assert gains.dtype == np.float32
    assert gains.min() == FLOOR
    assert gains.mean() < 0.56


def test_loud_speech_passes():
    gains = PostFilter().gains(noise(1e4), ONES[0], ONES)
    assert gains[1:].mean() > 0.98
    assert gains.max() <= 1


def test_noise_that_rises_beside_the_beam_is_noise_in_it():
    kept, rising = PostFilter(), PostFilter()
    assert kept.gains(noise(8.0), ONES[0], ONES)[4:].mean() > 0.65
    assert rising.gains(noise(8.0), ONES[0], ONES * 8)[4:].mean() < 0.6


def test_silence_gives_numbers():
    assert np.isfinite(PostFilter().gains(noise(0.0), ONES[0] * 1e-20, ONES * 0)).all()
