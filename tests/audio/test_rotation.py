"""However a board's channels are rotated, whatever it plays, be a microphone dead: the rotation is found, or none."""

import numpy as np
import pytest

from edgetx.audio.rotation import rotation
from tests.audio.array_rooms import LINE, RATE, SIX, late, narrow, room

BOARDS = {
    "six": (SIX, {"microphones": range(6), "playback": (6, 7)}),
    "line": (LINE, {"microphones": range(4), "unused": (4, 5), "playback": (6, 7)}),
}
PLAYED = ["silence", "its own noise", "mono", "stereo", "noisy mono"]


def captured(board: str, played: str, *, seed: int, dead: bool) -> np.ndarray:
    """Eight channels, of which the board's map is true; what is played is heard by the microphones too."""
    positions, _ = BOARDS[board]
    chance = np.random.default_rng(seed)
    sound = np.zeros((2 * RATE, 8))
    sound[:, : len(positions)] = room(positions, seed, talks=bool(seed % 2))
    if played in {"mono", "stereo", "noisy mono"}:
        music = room(((0.0, 0.0), (0.0, 20.0)), seed + 100, level=1500)  # Two sides that have little in common.
        sound[:, 6:] = music if played == "stereo" else music[:, :1]
        sound[:, : len(positions)] += 0.1 * late(music[:, 0], 90)[:, None]
    if "noise" in played or "noisy" in played:
        sound[:, 6:] += chance.normal(0, 2, (len(sound), 2))
    if dead:
        sound[:, chance.integers(len(positions))] = 0
    return sound


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("played", PLAYED)
@pytest.mark.parametrize("dead", [False, True])
def test_a_rotation_is_found(board, played, dead):
    for seed in range(4):
        sound = captured(board, played, seed=seed, dead=dead)
        turned = narrow(np.roll(sound, 2 * seed, axis=1))
        assert rotation(turned, RATE, **BOARDS[board][1]) == 2 * seed


def test_wider_samples_tell_the_same():
    sound = narrow(np.roll(captured("six", "stereo", seed=1, dead=False), 4, axis=1)).astype(np.int32) << 16
    assert rotation(sound, RATE, **BOARDS["six"][1]) == 4


def test_one_side_of_what_is_played_may_be_silent():
    sound = captured("six", "mono", seed=1, dead=False)
    sound[:, 7] = 0
    assert rotation(narrow(np.roll(sound, 6, axis=1)), RATE, **BOARDS["six"][1]) == 6


@pytest.mark.parametrize("board", BOARDS)
def test_of_silence_nothing_is_told(board):
    assert rotation(np.zeros((2 * RATE, 8), np.int16), RATE, **BOARDS[board][1]) is None
    assert rotation(np.zeros((1, 8), np.int16), RATE, **BOARDS[board][1]) is None


@pytest.mark.parametrize("board", BOARDS)
def test_of_copies_of_one_sound_nothing_is_told(board):
    sound = np.repeat(room(SIX, 1)[:, :1], 8, axis=1)
    assert rotation(narrow(sound), RATE, **BOARDS[board][1]) is None


def test_of_channels_that_have_nothing_in_common_nothing_is_told():
    sound = np.random.default_rng(1).normal(0, 20, (2 * RATE, 8))
    assert rotation(narrow(sound), RATE, **BOARDS["six"][1]) is None


def test_two_dead_microphones_of_one_converter_look_like_playback():
    sound = captured("six", "its own noise", seed=1, dead=False)
    sound[:, 2:4] = 0
    assert rotation(narrow(sound), RATE, **BOARDS["six"][1]) in {None, 4}


def test_a_board_without_playback_is_told_by_its_empty_channels():
    sound = np.zeros((2 * RATE, 6))
    sound[:, :4] = room(LINE, 1)
    for turn in (0, 2, 4):
        turned = narrow(np.roll(sound, turn, axis=1))
        assert rotation(turned, RATE, microphones=range(4), unused=(4, 5)) == turn
    assert rotation(narrow(room(LINE, 1)), RATE, microphones=range(4)) is None, "any would do"
