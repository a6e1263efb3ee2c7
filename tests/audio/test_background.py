"""The cheap test knows a room's noise, and tells what is not part of it."""

import numpy as np
import pytest

from edgetx.audio.background import Background
from edgetx.audio.speech_net import BLOCK


def noise(seconds, level_db=-40.0, seed=1):
    count = int(seconds * 16000) // BLOCK
    sound = np.random.default_rng(seed).standard_normal((count, BLOCK)) * 10 ** (level_db / 20)
    return sound.astype(np.float32)


def tone(hertz, level_db):
    return (np.sin(2 * np.pi * hertz / 16000 * np.arange(BLOCK)) * np.sqrt(2) * 10 ** (level_db / 20)).astype(
        np.float32
    )


def heard(background, blocks):
    return [background.hear(block) for block in blocks]


def test_a_room_is_known_after_a_second_and_stirs_until_then() -> None:
    rooms = heard(Background(), noise(2))
    assert [room.known for room in rooms[:9]] == [False] * 7 + [True] * 2
    assert all(room.stirs for room in rooms if not room.known)


@pytest.mark.parametrize("level_db", [-10.0, -40.0, -70.0])
def test_steady_noise_does_not_stir(level_db: float) -> None:
    rooms = heard(Background(), noise(30, level_db))[8:]
    assert sum(room.stirs for room in rooms) <= 1


def test_a_voice_at_0_db_stirs_and_so_does_a_tone_far_below_the_noise() -> None:
    background = Background()
    heard(background, noise(5))
    assert background.hear(noise(1, seed=2)[0] + tone(700, -40)).stirs
    assert background.hear(noise(1, seed=3)[0] + tone(700, -50)).stirs
    assert not background.hear(noise(1, seed=4)[0] + tone(700, -65)).stirs


def test_the_level_is_that_of_the_voice_bands() -> None:
    rooms = heard(Background(), [tone(1000, -20)] * 3)
    assert rooms[-1].level_db == pytest.approx(-20, abs=0.5)
    assert heard(Background(), [tone(60, -20)])[0].level_db < -40


def test_the_floor_is_the_noise_even_when_somebody_speaks_half_of_the_time() -> None:
    background, quiet = Background(), noise(12)
    spoken = quiet + tone(700, -20)
    rooms = heard(background, [spoken[n] if n % 8 < 4 else quiet[n] for n in range(len(quiet))])
    assert rooms[-1].floor_db == pytest.approx(heard(Background(), quiet)[-1].floor_db, abs=0.5)


def test_a_room_in_which_levels_vary_spreads_more_than_steady_noise() -> None:
    steady = noise(12)
    varied = steady * 10 ** (np.random.default_rng(1).normal(0, 4, (len(steady), 1)) / 20).astype(np.float32)
    assert heard(Background(), steady)[-1].spread_db < 0.5
    assert heard(Background(), varied)[-1].spread_db > 1.0


def test_noise_that_starts_is_the_floor_when_most_that_is_remembered_is_noise() -> None:
    background = Background()
    heard(background, noise(20, -60))
    rooms = heard(background, noise(14, -30))
    assert all(room.stirs for room in rooms[:40])
    assert not any(room.stirs for room in rooms[-10:])


def test_a_room_that_falls_quiet_is_known_anew() -> None:
    background = Background()
    heard(background, noise(20, -30))
    rooms = heard(background, noise(3, -60))
    assert rooms[0].known
    assert rooms[0].stirs
    assert not rooms[2].known
    assert rooms[-1].known
    assert rooms[-1].floor_db == pytest.approx(rooms[-1].level_db, abs=1.5)


def test_a_short_dropout_changes_nothing() -> None:
    background = Background()
    heard(background, noise(20, -30))
    heard(background, [np.zeros(BLOCK, np.float32)])
    assert all(room.known for room in heard(background, noise(1, -30)))


def test_digital_silence_is_a_room_too() -> None:
    rooms = heard(Background(), np.zeros((20, BLOCK), np.float32))
    assert rooms[-1] == (-90.0, -90.0, 0.0, False, True)
