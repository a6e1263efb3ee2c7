from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from edgetx import boards
from edgetx.audio.beginning import Beginning, Begun, LaterLook
from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.board import Board
from tests.rigs.plane_wave import delivered, hiss, wave

RATE = 16_000
SIX = boards.named("respeaker-6mic")
USB = boards.named("respeaker-usb-4mic")


def form(array: Board) -> AudioFormat:
    return AudioFormat(RATE, array.channels, SampleFormat.S16_LE)


def sound(seconds: float, array: Board, *, turned: int = 0, loud: float = 500.0, playback: float = 0.0) -> np.ndarray:
    """A noise from one side, and on the playback channels one of their own."""
    frames = round(seconds * RATE)
    source = np.random.default_rng(5).normal(scale=loud, size=frames)
    samples = delivered(wave(source, array, 40) + hiss(frames, len(array.microphones)), array)
    samples[:, list(array.playback)] = np.rint(hiss(frames, len(array.playback), amplitude=playback, seed=9))
    return np.roll(samples, turned, axis=1).astype(np.float32)


def begun(array: Board, heard: np.ndarray, *, piece: int = 1600) -> tuple[Begun | None, int]:
    """What was found, and after how many frames."""
    beginning = Beginning(form(array), array)
    for at in range(0, len(heard), piece):
        if found := beginning.hear(heard[at : at + piece]):
            return found, at + piece
    return None, len(heard)


def test_a_second_is_held_and_given_whole():
    heard = sound(1.5, USB)
    found, frames = begun(USB, heard)
    assert frames == RATE
    assert np.array_equal(found.sound, heard[:RATE])
    assert (found.turn, found.dirty) == (0, 0)


def test_zeros_and_a_sweep_at_the_start_are_found_and_the_board_may_know_of_more():
    heard = sound(1.0, USB)
    heard[: RATE // 10] = 0
    found, _ = begun(USB, heard)
    assert found.dirty == pytest.approx(RATE // 10, abs=RATE // 50)
    found, _ = begun(replace(USB, dirty_start_seconds=0.2), heard)
    assert found.dirty == RATE // 5


@pytest.mark.parametrize("turned", [0, 2, 4, 6])
def test_a_rotation_is_told_after_two_seconds(turned):
    found, frames = begun(SIX, sound(3, SIX, turned=turned))
    assert (found.turn, frames) == (turned, 2 * RATE)


def test_one_that_cannot_be_told_is_waited_for_no_longer_than_five_seconds():
    heard = sound(6, SIX, loud=0.0, playback=20.0)
    found, frames = begun(SIX, heard)
    assert (found.turn, frames) == (None, 5 * RATE)
    heard[2 * RATE :] = sound(4, SIX, turned=4, playback=20.0)
    found, frames = begun(SIX, heard)
    assert (found.turn, frames) == (4, 3 * RATE)


def test_the_size_of_the_pieces_makes_no_difference_to_what_is_found():
    heard = sound(6, SIX, loud=0.0, playback=20.0)
    heard[2 * RATE :] = sound(4, SIX, turned=4, playback=20.0)
    found = {begun(SIX, heard, piece=piece)[0][1:] for piece in (160, 1600, 7001, 96_000)}
    assert found == {(4, 0)}


def test_what_is_too_short_tells_only_what_the_board_tells():
    beginning = Beginning(form(SIX), SIX)
    assert beginning.end() == (pytest.approx(np.zeros((0, 8))), None, 0)
    assert beginning.hear(sound(0.4, SIX)) is None
    assert beginning.end()[1:] == (None, 0)
    beginning = Beginning(form(USB), replace(USB, dirty_start_seconds=0.2))
    assert beginning.hear(sound(0.4, USB)) is None
    assert beginning.end()[1:] == (0, RATE // 5)


def test_later_it_is_looked_for_again_every_ten_seconds_until_it_can_be_told():
    later = LaterLook(form(SIX), SIX)
    quiet = sound(12, SIX, turned=2, loud=0.0, playback=20.0)
    loud = sound(10, SIX, turned=2, playback=20.0)
    heard = np.concatenate([quiet, loud])
    told = [(at, turn) for at, end in pairwise(range(0, len(heard) + 1, 1600)) if (turn := later.hear(heard[at:end]))]
    assert [turn for _, turn in told] == [2]
    assert 19 <= told[0][0] / RATE <= 21
