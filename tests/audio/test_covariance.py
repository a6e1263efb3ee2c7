import numpy as np
import pytest

from edgetx.audio import covariance
from edgetx.audio.stft import BINS


def spectra(mics: int, hops: int = 8, *, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((mics, hops, BINS)) + 1j * rng.standard_normal((mics, hops, BINS))).astype(np.complex64)


def test_the_outer_product_is_hermitian_and_weighs_each_hop():
    heard = spectra(3)
    weights = np.array([1, 0, 0.5, 0, 0, 0, 0, 0], np.float32)
    expected = np.einsum("h,ihf,jhf->ijf", weights, heard, heard.conj())
    product = covariance.outer(heard, weights)
    assert product.dtype == np.complex64
    assert np.allclose(product, expected, atol=1e-5)


@pytest.mark.parametrize("mics", [1, 2, 4, 8])
def test_the_inverse_of_a_loaded_covariance_is_one(mics):
    matrices = covariance.loaded(covariance.outer(spectra(mics), np.ones(8, np.float32)))
    product = np.einsum("ijf,jkf->ikf", matrices, covariance.inverse(matrices))
    assert np.abs(product - np.eye(mics)[:, :, None]).max() < 1e-4


def test_silence_and_the_loudest_sound_have_an_inverse():
    silence = np.zeros((4, 4, BINS), np.complex64)
    alike = np.full((4, 4, BINS), (32768.0 * 256) ** 2, np.complex64)
    for matrices in (silence, alike):
        assert np.isfinite(covariance.inverse(covariance.loaded(matrices))).all()


def test_products_are_taken_per_bin():
    heard = spectra(3)
    matrices = covariance.outer(heard, np.ones(8, np.float32))
    vector = heard[:, 0]
    assert np.allclose(covariance.times(matrices, vector), np.einsum("ijf,jf->if", matrices, vector), rtol=1e-3)
    together = covariance.times_all(matrices, heard)
    assert np.allclose(together[:, 0], covariance.times(matrices, vector), rtol=1e-3)
    assert np.allclose(covariance.dot(vector, vector), covariance.squares(vector).sum(axis=0), rtol=1e-5)
    assert np.allclose(covariance.power(matrices), np.trace(matrices).real / 3, rtol=1e-5)


def test_a_memory_is_the_mean_of_all_at_first_and_of_the_last_later():
    memory = covariance.Memory(2, hops=16)
    ones = np.ones((2, 8, BINS), np.complex64)
    whole = np.ones(8, np.float32)
    memory.learn(ones, whole)
    memory.learn(ones * 3, whole)
    assert np.allclose(memory.mean, 5)
    assert memory.seen == 16
    memory.learn(ones * 3, whole)
    assert np.allclose(memory.mean, 7)
    memory.learn(ones * 100, whole * 0)
    assert np.allclose(memory.mean, 7)


def test_what_was_learnt_of_turned_microphones_is_as_if_they_had_always_been():
    signs = np.array([1, -1, 1], np.float32)
    turned, always = covariance.Memory(3, hops=50), covariance.Memory(3, hops=50)
    turned.learn(spectra(3), np.ones(8, np.float32))
    turned.turn(signs)
    always.learn(spectra(3) * signs[:, None, None], np.ones(8, np.float32))
    assert np.allclose(turned.mean, always.mean)
