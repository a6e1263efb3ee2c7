import numpy as np

from edgetx.audio.stft import BINS, BLOCK, FREQUENCIES_HZ, HOP, HOPS, Analysis, Synthesis


def blocks(count: int, channels: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, BLOCK, channels)).astype(np.float32)


def test_what_is_not_changed_comes_back_as_it_was_a_hop_later():
    sound = blocks(3, 2)
    analysis, synthesis = Analysis(2), Synthesis()
    back = np.concatenate([synthesis.samples(analysis.spectra(each)[1]) for each in sound])
    assert back.dtype == np.float32
    assert np.allclose(back[HOP:], sound[:, :, 1].reshape(-1)[:-HOP], atol=1e-5)
    assert np.allclose(back[:HOP], 0, atol=1e-6)


def test_bins_stand_last_and_have_their_frequencies():
    spectra = Analysis(4).spectra(blocks(1, 4)[0])
    assert spectra.shape == (4, HOPS, BINS)
    assert spectra.dtype == np.complex64
    tone = np.sin(2 * np.pi * 1000 * np.arange(BLOCK) / 16000).astype(np.float32)[:, None]
    assert FREQUENCIES_HZ[np.argmax(np.abs(Analysis(1).spectra(tone)[0, 4]))] == 1000
