import numpy as np
import pytest

from edgetx.audio.array import Geometry
from edgetx.audio.doa import within
from edgetx.audio.share import Share
from edgetx.audio.stft import BINS, FREQUENCIES_HZ
from tests.audio.waves import BOARDS, SQUARE, learnt, own_noise

LINE = Geometry(BOARDS["respeaker-linear4"])
LOUD = np.full(BINS, 5.0, np.float32)


def matrix(geometry: Geometry, azimuth_deg: float, inverse: np.ndarray) -> np.ndarray:
    wave = geometry.steering([azimuth_deg], FREQUENCIES_HZ)[0].T
    filtered = np.einsum("ijf,jf->if", inverse, wave)
    return filtered[:, None] * filtered.conj()


def share(geometry: Geometry = SQUARE) -> Share:
    return Share(geometry, within(geometry, azimuth_deg=90, width_deg=60))


@pytest.mark.parametrize("geometry", [SQUARE, LINE])
@pytest.mark.parametrize(("azimuth", "least", "most"), [(70, 1, 1), (100, 1, 1), (130, 0, 0.95), (180, 0, 0.8)])
def test_a_wave_from_the_sector_is_of_it_and_one_from_elsewhere_is_not(geometry, azimuth, least, most):
    inverse = learnt(own_noise(16000, 4)).inverse
    assert least <= share(geometry).inside(matrix(geometry, azimuth, inverse), inverse, LOUD) <= most


def test_the_noise_may_change_between_two_talkers():
    sector = share()
    for seed in (1, 1, 2):
        inverse = learnt(own_noise(16000, 4, seed=seed)).inverse
        assert sector.inside(matrix(SQUARE, 90, inverse), inverse, LOUD) == 1
        assert sector.inside(matrix(SQUARE, 300, inverse), inverse, LOUD) < 0.8


def test_nothing_to_go_by_gives_a_number():
    nothing = np.zeros((4, 4, BINS), np.complex64)
    assert share().inside(nothing, nothing, LOUD * 0) == 1
