import numpy as np

from edgetx.audio.postfilter import FLOOR, QUIET, PostFilter
from edgetx.audio.stft import BINS, HOPS

ONES = np.ones((HOPS, BINS), np.float32)


def sound(loud: float = 1.0) -> np.ndarray:
    """Return noise of power ``loud``."""
    rng = np.random.default_rng(1)
    parts = rng.standard_normal((2, HOPS, BINS)) * np.sqrt(loud / 2)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def gains(
    output: np.ndarray, *, noise: float = 1.0, beside: float = 1.0, talker: float = 10.0, by: PostFilter | None = None
) -> np.ndarray:
    """Return the gains of a filter that has heard a block of noise before."""
    used = by or PostFilter()
    used.gains(sound(noise), noise=ONES[0] * np.float32(noise), beside=ONES, talker=ONES[0] * np.float32(talker))
    return used.gains(
        output, noise=ONES[0] * np.float32(noise), beside=ONES * np.float32(beside), talker=ONES[0] * np.float32(talker)
    )


def test_noise_is_made_quieter_by_fourteen_decibels_and_no_more():
    found = gains(sound())
    assert found.dtype == np.float32
    assert found.min() > FLOOR - 1e-6
    assert found.mean() < FLOOR + 0.01


def test_loud_speech_passes():
    found = gains(sound(1e4))
    assert found.mean() > 0.98
    assert found.max() < 1 + 1e-6


def test_speech_passes_from_its_first_hop_on_and_soon_after_it_noise_does_not():
    block = np.concatenate([sound(1e3)[:1], sound()[1:]])
    found = gains(block)
    assert found[0].mean() > 0.9
    assert found[-1].mean() < FLOOR + 0.1


def test_speech_in_some_bands_passes_there_alone():
    block = sound()
    block[:, 100:] *= 100
    found = gains(block)
    assert found[2:, :60].max() < 0.5
    assert found[2:, 130:].min() > 0.95


def test_noise_that_rises_beside_the_beam_is_noise_in_it():
    assert gains(sound(8.0))[4:].mean() > 0.8
    assert gains(sound(8.0), beside=8.0)[4:].mean() < 0.3


def test_noise_far_below_the_talker_is_let_alone():
    assert gains(sound(), talker=1 / float(QUIET)).min() > 1 - 1e-6
    assert abs(gains(sound(), talker=0.25 / float(QUIET)).min() - 0.5) < 1e-3


def test_silence_and_the_loudest_sound_give_numbers():
    for block in (sound(0.0), sound(1e14)):
        for beside in (0.0, 1.0, 1e20):
            found = gains(block, noise=1e-20, beside=beside, talker=0.0)
            assert np.isfinite(found).all()
            assert found.min() > 0.19
