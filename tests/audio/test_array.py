import numpy as np
import pytest

from edgetx.audio.array import SPEED_OF_SOUND, Geometry
from tests.audio.waves import BOARDS, SQUARE

LINEAR = {"respeaker-2mic", "respeaker-linear4", "ps3-eye"}


@pytest.mark.parametrize("board", BOARDS)
def test_microphones_on_one_line_are_told_from_others(board):
    assert Geometry(BOARDS[board]).linear is (board in LINEAR)


def test_one_microphone_is_a_line_without_an_axis():
    assert Geometry(((0.1, 0.2),)).linear
    assert Geometry(((0.1, 0.2),)).axis_deg == 0.0


@pytest.mark.parametrize(
    ("positions", "axis"),
    [
        (((-1, 0), (1, 0)), 0),
        (((1, 0), (-1, 0)), 0),
        (((0, 0.03), (0, -0.03)), 90),
        (((0, 0), (-1, 1)), -45),
        (((0, 0), (1, 1)), 45),
        (BOARDS["respeaker-4mic"], 0),
    ],
)
def test_an_axis_points_towards_plus_x_or_else_plus_y(positions, axis):
    assert Geometry(positions).axis_deg == pytest.approx(axis, abs=1e-3)


def test_the_grid_is_a_full_turn_or_for_a_line_half_a_turn_with_both_ends():
    assert SQUARE.grid_deg[[0, -1]].tolist() == [0, 355]
    assert Geometry(BOARDS["ps3-eye"]).grid_deg[[0, -1]].tolist() == [0, 180]


def test_a_wave_reaches_the_microphones_on_its_side_first():
    hertz = 500.0
    wave = SQUARE.steering([0, 90], [0.0, hertz])
    assert wave.shape == (2, 2, 4)
    assert wave.dtype == np.complex64
    assert np.allclose(wave[:, 0], 1)
    early = 2 * np.pi * hertz * 0.0405 / SPEED_OF_SOUND
    assert np.allclose(np.angle(wave[0, 1]), [-early, 0, early, 0], atol=1e-5)
    assert np.allclose(np.angle(wave[1, 1]), [0, early, 0, -early], atol=1e-5)


def test_the_azimuths_of_a_line_count_from_its_axis():
    along_y = Geometry(BOARDS["ps3-eye"])
    early = 2 * np.pi * 100 / SPEED_OF_SOUND * np.array([-0.03, 0.01, -0.01, 0.03])
    assert np.allclose(np.angle(along_y.steering([0], [100.0])[0, 0]), early, atol=1e-5)


def test_what_is_left_of_an_array_is_an_array():
    left = SQUARE.only(np.array([True, False, True, False]))
    assert left.positions_m == ((-0.0405, 0.0), (0.0405, 0.0))
    assert left.linear


def test_sound_from_everywhere_is_the_more_alike_the_nearer_the_microphones_and_the_lower_the_sound():
    coherence = SQUARE.diffuse([0.0, 500.0, SPEED_OF_SOUND / 2 / 0.081])
    assert coherence.shape == (4, 4, 3)
    assert coherence.dtype == np.float32
    assert np.allclose(coherence[:, :, 0], 1)
    assert np.allclose(coherence[0, 0], 1)
    assert coherence[0, 1, 1] > coherence[0, 2, 1] > 0.8
    assert abs(coherence[0, 2, 2]) < 1e-6
