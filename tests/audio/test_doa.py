import numpy as np
import pytest

from edgetx.audio.array import Geometry
from edgetx.audio.doa import Compass, within
from edgetx.audio.heard import apart
from edgetx.audio.stft import BINS, FREQUENCIES_HZ
from tests.audio.waves import BOARDS, SQUARE

LINE = Geometry(BOARDS["respeaker-linear4"])
LOUD = np.full(BINS, 5.0, np.float32)


def response(geometry: Geometry, azimuth_deg: float) -> np.ndarray:
    return geometry.steering([azimuth_deg], FREQUENCIES_HZ)[0].T


def everywhere(geometry: Geometry) -> np.ndarray:
    return np.ones(len(geometry.grid_deg), np.float32)


def compass(geometry: Geometry, *, without: int | None = None) -> Compass:
    return Compass(geometry, everywhere(geometry), healthy(geometry, without))


def healthy(geometry: Geometry, without: int | None = None) -> np.ndarray:
    return np.array([mic != without for mic in range(len(geometry.positions_m))], np.float32)


def echoes(geometry: Geometry, seed: int) -> np.ndarray:
    """Sound of mean power 1 from everywhere, another one in each bin."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((2, BINS, len(geometry.positions_m)))
    values, vectors = np.linalg.eigh(geometry.diffuse(FREQUENCIES_HZ).transpose(2, 0, 1))
    roots = vectors * np.sqrt(np.maximum(values, 0))[:, None]
    return np.einsum("fij,fj->if", roots, (drawn[0] + 1j * drawn[1]) / np.sqrt(2)).astype(np.complex64)


@pytest.mark.parametrize("azimuth", [0.0, 1.5, 88.0, 182.4, 271.0, 359.0])
def test_a_wave_is_found_where_it_comes_from(azimuth):
    found = compass(SQUARE).direction(response(SQUARE, azimuth), LOUD)
    assert apart(found.azimuth_deg, azimuth) < 1
    assert 0 <= found.azimuth_deg < 360
    assert found.prominence > 4
    assert found.lead > 0.3


@pytest.mark.parametrize("azimuth", [0.0, 47.0, 90.0, 180.0])
def test_a_line_finds_the_angle_from_its_axis(azimuth):
    found = compass(LINE).direction(response(LINE, azimuth), LOUD)
    assert abs(found.azimuth_deg - azimuth) < 1
    assert 0 <= found.azimuth_deg <= 180


@pytest.mark.parametrize("geometry", [SQUARE, LINE])
@pytest.mark.parametrize("azimuth", [20.0, 90.0, 140.0])
def test_a_wave_is_found_among_echoes_as_loud_as_it(geometry, azimuth):
    heard = response(geometry, azimuth) + echoes(geometry, seed=int(azimuth))
    found = compass(geometry).direction(heard, LOUD)
    assert apart(found.azimuth_deg, azimuth) < 5
    assert found.prominence < compass(geometry).direction(response(geometry, azimuth), LOUD).prominence


def test_echoes_alone_are_nowhere():
    alone = compass(SQUARE).direction(echoes(SQUARE, seed=1), LOUD)
    assert alone.lead < 0.1


def test_bins_in_which_the_talker_is_not_heard_do_not_count():
    low = np.arange(BINS) < 100
    heard = np.where(low, response(SQUARE, 30.0), response(SQUARE, 200.0))
    assert apart(compass(SQUARE).direction(heard, LOUD * low).azimuth_deg, 30.0) < 1


def test_only_the_allowed_is_searched():
    beside = Compass(SQUARE, within(SQUARE, azimuth_deg=90, width_deg=60), healthy(SQUARE))
    assert apart(beside.direction(response(SQUARE, 200.0), LOUD).azimuth_deg, 90) <= 32.5


def test_a_microphone_that_is_left_out_is_not_missed():
    for few in (compass(SQUARE, without=1), compass(SQUARE)):
        few.leave_out(healthy(SQUARE, without=1))
        heard = response(SQUARE, 200.0) * healthy(SQUARE, without=1)[:, None]
        assert apart(few.direction(heard, LOUD).azimuth_deg, 200.0) < 1


def test_nothing_to_go_by_gives_numbers():
    nothing = np.zeros((4, BINS), np.complex64)
    assert np.isfinite(compass(SQUARE).direction(nothing, LOUD * 0)).all()


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
