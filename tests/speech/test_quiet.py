"""Quiet is the steady noise, whatever it is, and never a word."""

import wave
from array import array
from pathlib import Path

import numpy as np
import pytest

from edgetx.audio.format import RATE
from edgetx.audio.log import Stretch
from edgetx.speech.quiet import BLOCK_FRAMES, FLOOR_BLOCKS, SHORTEST_FRAMES, Quiet
from edgetx.speech.silence import LEAD_FRAMES, SPREAD, TAIL_FRAMES

READINGS = sorted((Path(__file__).parents[1] / "rigs/speech").glob("*.wav"))
EDGES = TAIL_FRAMES + LEAD_FRAMES


def reading(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)


def pink(frames: int, chance: np.random.Generator) -> np.ndarray:
    """Noise of RMS 1 with as much power in each octave above 20 Hz."""
    size = 2**20
    spectrum = np.fft.rfft(chance.standard_normal(size))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.fft.rfftfreq(size, 1 / RATE), 20)), size)
    return noise[:frames] / np.sqrt(np.mean(noise**2))


def quiet(sound: np.ndarray, *, start: int = 0, step: int = RATE) -> np.ndarray:
    """Return for each frame whether it was told to be quiet, fed by so many frames."""
    pcm = np.clip(sound, -32768, 32767).astype("<i2").tobytes()
    told, listener, at = np.zeros(len(sound), bool), Quiet(), 0
    while len(sound) - at >= BLOCK_FRAMES:
        for first, last in listener.take(Stretch(start + at, pcm[2 * at : 2 * (at + step)])):
            told[first - start : last - start] = True
        at = listener.end - start
    return told


@pytest.mark.parametrize(("snr_db", "seed"), [(40, 0), (20, 1), (20, 2), (10, 3)])
def test_of_words_in_noise_none_is_quiet_and_most_of_what_lies_between_is(snr_db, seed):
    chance = np.random.default_rng(seed)
    parts = []
    for path in READINGS:
        parts += [(np.zeros(round(RATE * chance.uniform(3, 8))), False), (reading(path), True)]
    parts.append((np.zeros(6 * RATE), False))
    sound = np.concatenate([part for part, _ in parts])
    words = np.concatenate([np.full(len(part), said) for part, said in parts])
    loudness = np.sqrt(np.mean(sound[words] ** 2))
    told = quiet(sound + pink(len(sound), chance) * loudness * 10 ** (-snr_db / 20))
    assert not np.any(told & words)
    assert np.mean(told[~words]) > 0.6


@pytest.mark.parametrize(("amplitude", "seed"), [(10, 0), (300, 1), (3000, 2)])
def test_steady_noise_is_quiet_however_loud(amplitude, seed):
    chance = np.random.default_rng(seed)
    assert np.mean(quiet(pink(60 * RATE, chance) * amplitude)) > 0.9


def blocks(*levels: int, step: int = 7 * BLOCK_FRAMES) -> list[tuple[int, int]]:
    """Return what is quiet, in blocks [first, last), of blocks with these levels; edges as they are told."""
    sound = np.concatenate([np.tile(np.repeat([0.0, level], 16), BLOCK_FRAMES // 32) for level in levels])
    told = np.flatnonzero(np.diff(np.concatenate([[0], quiet(sound, step=step).astype(int), [0]])))
    return [(first // BLOCK_FRAMES, last // BLOCK_FRAMES) for first, last in told.reshape(-1, 2)]


@pytest.mark.parametrize("step", [BLOCK_FRAMES, 3 * BLOCK_FRAMES + 5, 1000 * BLOCK_FRAMES])
def test_the_edges_of_a_quiet_stretch_are_not_told(step):
    assert blocks(*[100] * 40, 900, *[100] * 40, 900, step=step) == [(11, 36), (52, 77)]


def test_a_short_one_is_not_told():
    least = (EDGES + SHORTEST_FRAMES) // BLOCK_FRAMES
    assert blocks(900, *[100] * (least - 1), 900) == []
    assert blocks(900, *[100] * least, 900) == [(12, 22)]


def test_absolute_silence_is_quiet_and_so_is_what_hardly_moves_in_it():
    assert blocks(*[0, SPREAD] * 20) == [(11, 36)]
    assert blocks(*[0] * 10, *[SPREAD + 1, 0] * 20) == []


def test_what_passed_for_quiet_until_it_became_much_quieter_was_not():
    assert blocks(*[900] * 24, *[100] * 40) == [(35, 60)]


def test_noise_that_became_louder_is_quiet_when_what_was_before_is_forgotten():
    told = blocks(*[100] * 30, *[900] * (FLOOR_BLOCKS + 40))
    assert told == [(11, 26), (30 + FLOOR_BLOCKS - 1 + 11, 30 + FLOOR_BLOCKS + 36)]


def test_behind_a_jump_all_begins_anew():
    listener, pcm = Quiet(), array("h", [0, 100] * (BLOCK_FRAMES // 2)).tobytes() * 20
    assert listener.take(Stretch(0, pcm)) == []
    assert listener.take(Stretch(40 * BLOCK_FRAMES, pcm)) == []
    assert listener.take(Stretch(60 * BLOCK_FRAMES, pcm)) == [(51 * BLOCK_FRAMES, 76 * BLOCK_FRAMES)]
    assert listener.take(Stretch(80 * BLOCK_FRAMES, pcm[: BLOCK_FRAMES * 2 - 2])) == [
        (51 * BLOCK_FRAMES, 76 * BLOCK_FRAMES)
    ]
    assert listener.end == 80 * BLOCK_FRAMES
