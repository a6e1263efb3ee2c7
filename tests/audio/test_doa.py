import numpy as np
import pytest

from edgetx.audio.array import Geometry
from edgetx.audio.doa import Compass, within
from edgetx.audio.heard import apart
from edgetx.audio.stft import BINS, FREQUENCIES_HZ
from tests.audio.waves import BOARDS, SQUARE, learnt, own_noise

LINE = Geometry(BOARDS["respeaker-linear4"])
LOUD = np.full(BINS, 5.0, np.float32)


def matrix(geometry: Geometry, azimuth_deg: float, inverse: np.ndarray) -> np.ndarray:
    wave = geometry.steering([azimuth_deg], FREQUENCIES_HZ)[0].T
    filtered = np.einsum("ijf,jf->if", inverse, wave)
    return filtered[:, None] * filtered.conj()


def everywhere(geometry: Geometry) -> np.ndarray:
    return np.ones(len(geometry.grid_deg), np.float32)


@pytest.mark.parametrize("azimuth", [0.0, 1.5, 88.0, 182.4, 271.0, 359.0])
def test_a_wave_is_found_where_it_comes_from(azimuth):
    inverse = learnt(own_noise(16000, 4)).inverse
    found = Compass(SQUARE, everywhere(SQUARE)).direction(matrix(SQUARE, azimuth, inverse), inverse, LOUD)
    assert apart(found.azimuth_deg, azimuth) < 1
    assert 0 <= found.azimuth_deg < 360
    assert found.prominence > 1
    assert found.lead > 1
    assert found.ratio == pytest.approx(5)
    assert found.inside == 1


@pytest.mark.parametrize("azimuth", [0.0, 47.0, 90.0, 180.0])
def test_a_line_finds_the_angle_from_its_axis(azimuth):
    inverse = learnt(own_noise(16000, 4)).inverse
    found = Compass(LINE, everywhere(LINE)).direction(matrix(LINE, azimuth, inverse), inverse, LOUD)
    assert abs(found.azimuth_deg - azimuth) < 1
    assert 0 <= found.azimuth_deg <= 180


def test_only_the_allowed_is_searched_and_what_is_elsewhere_is_told():
    inverse = learnt(own_noise(16000, 4)).inverse
    compass = Compass(SQUARE, within(SQUARE, azimuth_deg=90, width_deg=60))
    found = compass.direction(matrix(SQUARE, 200.0, inverse), inverse, LOUD)
    assert apart(found.azimuth_deg, 90) <= 32.5
    assert found.inside < 0.8


def test_the_noise_may_change_between_two_talkers():
    compass = Compass(SQUARE, everywhere(SQUARE))
    for seed in (1, 1, 2):
        inverse = learnt(own_noise(16000, 4, seed=seed)).inverse
        for azimuth in (30.0, 300.0):
            found = compass.direction(matrix(SQUARE, azimuth, inverse), inverse, LOUD)
            assert apart(found.azimuth_deg, azimuth) < 1


def test_nothing_to_go_by_gives_numbers():
    nothing = np.zeros((4, 4, BINS), np.complex64)
    found = Compass(SQUARE, everywhere(SQUARE)).direction(nothing, nothing, LOUD * 0)
    assert np.isfinite(found[:4]).all()


def test_a_sector_is_around_its_azimuth_over_zero_too():
    def inside(azimuth_deg: float, width_deg: float) -> list[float]:
        allowed = within(SQUARE, azimuth_deg=azimuth_deg, width_deg=width_deg)
        return SQUARE.grid_deg[allowed > 0].tolist()

    assert inside(0, 20) == [0, 5, 10, 350, 355]
    assert inside(92, 1) == [90]
    assert inside(0, 360) == SQUARE.grid_deg.tolist()
    assert LINE.grid_deg[within(LINE, azimuth_deg=180, width_deg=20) > 0].tolist() == [170, 175, 180]


def test_azimuths_are_apart_the_shorter_way():
    assert apart(350, 20) == 30
    assert apart(90, 270) == 180
