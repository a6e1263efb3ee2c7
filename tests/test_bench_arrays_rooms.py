"""The bench of arrays plays what it says: rooms, noises, boards, and ways to listen without the daemon."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT / "scripts")]

from bench_arrays_daemon import captured, chunks, form_of, listened  # noqa: E402
from bench_arrays_rooms import APART_DEG, DISTANCES_M, room  # noqa: E402
from bench_arrays_scenes import CONDITIONS, Condition, Scene, Utterance, fan, pink  # noqa: E402
from bench_arrays_speech import RATE, looped  # noqa: E402
from bench_arrays_trial import true_deg  # noqa: E402
from bench_arrays_ways import analysed, delay_and_sum, oracle, synthesised  # noqa: E402

from edgetx import boards  # noqa: E402
from edgetx.audio.heard import apart  # noqa: E402
from edgetx.audio.samples import decode  # noqa: E402

SQUARE = boards.named("respeaker-4mic")
QUIET = Condition("fan", 30)


# --- rooms and scenes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(DISTANCES_M)))
def test_a_room_is_what_its_number_and_the_seed_say(number):
    place = room(number, 1)
    assert place == room(number, 1) != room(number, 2)
    away = np.subtract(place.talker, place.array)
    assert np.hypot(away[0], away[1]) == pytest.approx(DISTANCES_M[number])
    fan_away = np.subtract(place.fan, place.array)
    azimuths = [np.degrees(np.arctan2(each[1], each[0])) for each in (away, fan_away)]
    assert apart(*azimuths) >= APART_DEG
    for point in (place.talker, place.fan, place.competitor, *place.babblers):
        assert all(0 < at < size for at, size in zip(point, place.size, strict=True))


@pytest.mark.parametrize("make", [fan, pink])
def test_noise_is_as_loud_as_speech(make):
    sound = make(np.random.default_rng(1), RATE)
    assert np.std(sound) == pytest.approx(1.0, abs=1e-3)
    assert sound.dtype == np.float32


def test_other_people_talk_over_and_over():
    assert looped(np.arange(5, dtype=np.float32), 3, 6).tolist() == [3, 4, 0, 1, 2, 3]


def test_conditions_are_each_there_once():
    assert len(set(CONDITIONS)) == len(CONDITIONS)
    assert [each for each in CONDITIONS if each.quiet] == [QUIET, Condition("babble", 30)]


# --- ways to listen --------------------------------------------------------------------------------------------


def played(seconds: float = 2.0) -> Scene:
    """A plane wave from the talker of room 0 (as far as its floor plan goes), and another from the other side."""
    place = room(0, 1)
    rng = np.random.default_rng(1)
    towards = place.talker_direction[:2]
    speech, noise = (_plane(rng.standard_normal(int(seconds * RATE)), turn * towards) for turn in (1, -1))
    third = int(seconds * RATE) // 3
    utterances = (Utterance("cold", ("one",), 100, third), Utterance("warm", ("two",), third, 2 * third))
    return Scene(place, QUIET, utterances, 1000 * speech, 1000 * noise)


def _plane(sound, towards):
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    early = np.array(SQUARE.positions_m) @ towards / 343.0
    spectra = np.fft.rfft(sound)[:, None] * np.exp(2j * np.pi * hz[:, None] * early)
    return np.fft.irfft(spectra, len(sound), axis=0).astype(np.float32)


def rest_db(found, wanted) -> float:
    middle = slice(2000, -2000)
    return 10 * np.log10(np.mean((found - wanted)[middle] ** 2) / np.mean(wanted[middle] ** 2))


def test_delay_and_sum_passes_the_talker_and_weakens_the_other():
    scene = played()
    quiet = replace(scene, noise=0 * scene.noise)
    microphones = np.array(SQUARE.positions_m)
    assert rest_db(delay_and_sum(quiet, microphones), scene.speech[:, 0]) < -40
    assert rest_db(delay_and_sum(scene, microphones), scene.speech[:, 0]) < -3


def test_the_oracle_all_but_removes_one_noise():
    scene = played()
    assert rest_db(oracle(scene, np.array(SQUARE.positions_m)), scene.speech[:, 0]) < -15


def test_what_is_analysed_is_synthesised_again():
    sound = np.random.default_rng(1).standard_normal((5000, 1))
    assert np.allclose(synthesised(analysed(sound)[:, :, 0], 5000), sound[:, 0])


@pytest.mark.parametrize("name", [board.name for board in boards.all()])
def test_a_board_is_played_as_it_delivers(name):
    board = boards.named(name)
    mixed = np.arange(2000 * len(board.microphones), dtype=np.int16).reshape(2000, -1)
    form = form_of(board)
    delivered = np.concatenate([decode(chunk.data, form) for chunk in chunks(captured(mixed, board), form)])
    steps = delivered if delivered.dtype == np.int16 else delivered >> 16
    assert np.array_equal(steps[:, board.microphones], mixed)


def test_the_daemons_sound_is_in_the_scenes_time():
    scene = played(4.0)
    own_noise = 10 * np.random.default_rng(2).standard_normal(scene.noise.shape).astype(np.float32)
    heard = listened(replace(scene, noise=own_noise).mixed, SQUARE, "auto")
    assert heard.remarks == ()
    size = 2 * len(scene.speech)
    spectra = np.fft.rfft(heard.sound, size) * np.fft.rfft(scene.speech.mean(axis=1), size).conj()
    assert np.argmax(np.fft.irfft(spectra)) == 0


def test_a_line_of_microphones_counts_from_its_axis():
    towards = np.array([0.5, 0.5, np.sqrt(0.5)])
    assert true_deg(SQUARE.positions_m, towards) == pytest.approx(45)
    assert true_deg(((0.1, 0.0), (-0.1, 0.0)), towards) == pytest.approx(60)
    assert true_deg(((0.0, -0.1), (0.0, 0.1)), -towards) == pytest.approx(120)
