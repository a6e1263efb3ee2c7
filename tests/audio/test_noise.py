import numpy as np

from edgetx.audio.noise import Noise, sounding
from edgetx.audio.stft import BINS, FREQUENCIES_HZ
from tests.audio.waves import RATE, SQUARE, learnt, own_noise, plane, spectra


def fan(seed: int) -> np.ndarray:
    sound = np.random.default_rng(seed).standard_normal(4 * RATE) * 300
    return plane(sound, SQUARE, 200.0) + own_noise(4 * RATE, 4, seed=seed, loud=150.0)


def test_noise_is_about_one_when_it_is_known():
    whitened = learnt(fan(1)).whitened(spectra(fan(2)))
    assert 0.9 < whitened.mean() < 1.1


def test_from_few_hops_it_seems_more_and_trust_makes_up_for_it():
    noise = learnt(fan(1)[: RATE // 4])
    assert 0.6 < noise.trust() < 0.85
    whitened = noise.whitened(spectra(fan(2))).mean()
    assert whitened > 1.6
    assert 0.7 < whitened * noise.trust() < 1.6


def test_a_talker_from_elsewhere_exceeds_it():
    noise = learnt(fan(1))
    voice = plane(np.random.default_rng(5).standard_normal(RATE) * 300, SQUARE, 70.0)
    assert noise.whitened(spectra(fan(2)[:RATE] + voice)).mean() > 2


def test_the_power_behind_a_beam_is_that_of_its_output():
    noise = learnt(fan(1))
    weights = SQUARE.steering([70.0], FREQUENCIES_HZ)[0].T / 4
    output = (weights.conj()[:, None] * spectra(fan(2))).sum(axis=0)
    measured = (np.abs(output) ** 2).mean(axis=0)
    assert 0.8 < np.median(noise.behind(weights) / measured) < 1.2


def test_what_is_left_out_has_no_part_in_it():
    noise = Noise(np.array([1, 1, 0, 1], np.float32))
    heard = spectra(fan(1)) * np.array([1, 1, 0, 1], np.float32)[:, None, None]
    noise.learn(heard, np.ones(heard.shape[1], np.float32))
    assert not noise.inverse[2].any()
    assert not noise.inverse[:, 2].any()
    assert 0.8 < noise.whitened(heard).mean() < 1.2
    before = noise.mean.copy()
    noise.learn(heard * 9, np.zeros(heard.shape[1], np.float32))
    assert np.array_equal(noise.mean, before)


def test_a_microphone_that_is_left_out_later_is_forgotten_alone():
    noise = learnt(fan(1))
    noise.leave_out(np.array([1, 1, 0, 1], np.float32))
    assert not noise.inverse[2].any()
    heard = spectra(fan(2)) * np.array([1, 1, 0, 1], np.float32)[:, None, None]
    assert 0.8 < noise.whitened(heard).mean() < 1.2


def test_digital_silence_does_not_sound_and_one_step_of_noise_does():
    assert not sounding(np.zeros((4, 8, BINS), np.complex64)).any()
    assert sounding(spectra(np.rint(own_noise(RATE, 4, loud=1.0))))[1:].all()


def test_noise_of_a_turned_microphone_is_known_as_before():
    signs = np.array([1, -1, 1, 1], np.float32)
    noise = learnt(fan(1))
    before = noise.whitened(spectra(fan(2)))
    noise.turn(signs)
    assert np.allclose(noise.whitened(spectra(fan(2)) * signs[:, None, None]), before, rtol=1e-3)
