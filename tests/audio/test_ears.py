from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio.array import Geometry
from edgetx.audio.ears import Auto, DelayAndSum, Ears, Sector
from edgetx.audio.heard import Bearing, apart
from tests.audio.waves import BOARDS, RATE, SQUARE, own_noise, plane, talk, voice

LOOKS = (Auto(), Sector(60.0), DelayAndSum())


def hear(ears: Ears, signals: np.ndarray, cuts: tuple[int, ...] = ()) -> tuple[np.ndarray, list[Bearing]]:
    """Feed ``signals`` cut at ``cuts`` and flush."""
    edges = [0, *sorted(min(cut, len(signals)) for cut in cuts), len(signals)]
    parts = [*(ears.process(signals[a:b]) for a, b in pairwise(edges)), ears.flush()]
    return np.concatenate([sound for sound, _ in parts]), [bearing for _, some in parts for bearing in some]


def decibels(ratio: float) -> float:
    return 20 * np.log10(ratio)


def shift(sound: np.ndarray, wanted: np.ndarray) -> float:
    """Return by how many frames ``sound`` comes after ``wanted``, to a tenth."""
    cross = np.fft.rfft(sound) * np.fft.rfft(wanted).conj()
    finer = np.fft.irfft(cross, 10 * len(sound))
    at = int(np.argmax(finer))
    return (at if at < len(finer) / 2 else at - len(finer)) / 10


@pytest.mark.parametrize("board", BOARDS)
def test_a_plane_wave_is_found_within_two_degrees(board):
    geometry = Geometry(BOARDS[board])
    for azimuth in (40.0, 97.5, 141.0) if geometry.linear else (3.0, 122.5, 287.0):
        _, bearings = hear(Ears(geometry, Auto()), talk(geometry, azimuth))
        assert len(bearings) >= 10
        assert all(apart(each.azimuth_deg, azimuth) < 2 for each in bearings[3:])
        assert bearings[-1].confidence > (0.5 if geometry.linear else 0.9)


@pytest.mark.parametrize("look", LOOKS)
def test_the_talker_is_as_loud_as_before_and_comes_when_he_came(look):
    signals = talk(SQUARE, 70.0)
    sound, _ = hear(Ears(SQUARE, look), signals)
    assert len(sound) == len(signals)
    spoken = slice(RATE * 3 // 2, RATE * 3)
    wanted = plane(np.concatenate([np.zeros(RATE), voice(2.0), np.zeros(RATE // 2)]), SQUARE, 70.0)[spoken, 0]
    assert abs(decibels(np.linalg.norm(sound[spoken]) / np.linalg.norm(wanted))) < 0.5
    assert abs(shift(sound[spoken], wanted)) < 1


def test_a_known_direction_is_heard_from_the_first_word_on():
    signals = talk(SQUARE, 70.0, before=0.6)
    sound, _ = hear(Ears(SQUARE, Sector(60.0)), signals)
    first = slice(round(0.6 * RATE), round(0.8 * RATE))
    assert abs(decibels(np.linalg.norm(sound[first]) / np.linalg.norm(signals[first, 0]))) < 0.5


def test_a_noise_from_elsewhere_is_taken_away():
    fan = plane(np.random.default_rng(9).standard_normal(RATE * 7 // 2) * 500, SQUARE, 200.0)
    signals = (talk(SQUARE, 70.0) + fan).astype(np.float32)
    sound, bearings = hear(Ears(SQUARE, Auto()), signals)
    before = slice(RATE // 2, RATE)
    alone = talk(SQUARE, 70.0)
    spoken = slice(RATE * 2, RATE * 3)
    rest = sound[spoken] - alone[spoken, 0]
    assert decibels(np.linalg.norm(rest) / np.linalg.norm(fan[spoken, 0])) < -8
    assert apart(bearings[-1].azimuth_deg, 70.0) < 3
    assert np.linalg.norm(sound[before]) < np.linalg.norm(signals[before, 0])


def test_a_sector_keeps_who_speaks_elsewhere_out():
    signals = talk(SQUARE, 240.0, seconds=4.0)
    sound, bearings = hear(Ears(SQUARE, Sector(60.0, 60.0)), signals)
    later = slice(RATE * 3, RATE * 5)
    assert bearings == []
    assert decibels(np.linalg.norm(sound[later]) / np.linalg.norm(signals[later, 0])) < -10


def test_bearings_stand_where_the_talker_spoke():
    _, bearings = hear(Ears(SQUARE, Auto()), talk(SQUARE, 10.0, before=1.5, seconds=1.0))
    assert all(1.3 * RATE < each.start < each.end < 2.8 * RATE for each in bearings)
    assert all(0 <= each.confidence <= 1 for each in bearings)


def test_nobody_is_found_in_noise_and_in_silence():
    for signals in (own_noise(RATE * 5, 4, loud=100.0), np.zeros((RATE * 5, 4))):
        sound, bearings = hear(Ears(SQUARE, Auto()), signals.astype(np.float32))
        assert bearings == []
        assert np.isfinite(sound).all()


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 2 * RATE), max_size=8), st.sampled_from(LOOKS))
def test_what_comes_out_does_not_depend_on_the_cutting(cuts, look):
    signals = talk(SQUARE, 50.0, seconds=0.9, before=0.8)
    whole, bearings = hear(Ears(SQUARE, look), signals)
    cut, others = hear(Ears(SQUARE, look), signals, tuple(cuts))
    assert np.array_equal(whole, cut)
    assert bearings == others


def test_output_lags_by_a_constant_delay_and_flush_gives_the_rest():
    ears = Ears(SQUARE, Auto())
    fed = given_ = 0
    for size in (1, 4000, 2048, 0, 10000, 77, 5000):
        sound, _ = ears.process(np.ones((size, 4), np.float32))
        fed, given_ = fed + size, given_ + len(sound)
        assert given_ == max(0, fed - ears.delay)
    assert given_ + len(ears.flush()[0]) == fed


@pytest.mark.parametrize("frames", [0, 1, 300, 2048, 9000])
def test_a_short_sound_comes_back_whole_and_another_may_follow(frames):
    ears = Ears(SQUARE, Auto())
    for _ in range(2):
        signals = np.repeat(np.random.default_rng(4).standard_normal((frames, 1)) * 100, 4, axis=1).astype(np.float32)
        sound, _ = hear(ears, signals)
        assert np.allclose(sound, signals[:, 0], atol=0.1)


def test_a_microphone_that_is_left_out_makes_no_click_and_is_not_heard():
    signals = talk(SQUARE, 70.0, seconds=4.0)
    signals[RATE * 3 :, 0] = 30000.0
    ears = Ears(SQUARE, Auto())
    first, _ = ears.process(signals[: RATE * 3])
    ears.use((False, True, True, True))
    second, found = ears.process(signals[RATE * 3 :])
    sound = np.concatenate([first, second, ears.flush()[0]])
    assert np.abs(sound).max() < 6000
    assert all(apart(each.azimuth_deg, 70.0) < 3 for each in found)


def test_the_last_microphone_passes_as_it_is_and_tells_no_direction():
    signals = talk(SQUARE, 70.0)
    ears = Ears(SQUARE, Auto())
    ears.use((False, False, True, False))
    sound, bearings = hear(ears, signals)
    assert np.allclose(sound[RATE // 2 :], signals[RATE // 2 :, 2], atol=0.1)
    assert bearings == []


def test_two_microphones_of_a_square_tell_no_side():
    ears = Ears(SQUARE, Auto())
    ears.use((True, False, True, False))
    sound, bearings = hear(ears, talk(SQUARE, 70.0))
    assert bearings == []
    assert np.isfinite(sound).all()


def test_without_a_healthy_microphone_all_are_heard():
    signals = talk(SQUARE, 70.0)
    ears = Ears(SQUARE, Auto())
    ears.use((False,) * 4)
    assert np.array_equal(hear(ears, signals)[0], hear(Ears(SQUARE, Auto()), signals)[0])


def test_digital_silence_is_not_taken_for_the_room():
    silence = np.zeros((RATE * 3, 4))
    sound = talk(SQUARE, 70.0)
    signals = np.concatenate([silence, sound, silence, sound]).astype(np.float32)
    _, bearings = hear(Ears(SQUARE, Auto()), signals)
    assert len(bearings) > 20
    assert all(each.end % (13 * RATE // 2) > 4 * RATE - 4000 for each in bearings)
    assert apart(bearings[-1].azimuth_deg, 70.0) < 2


def _bad(kind: str) -> np.ndarray:
    signals = talk(SQUARE, 70.0)
    rng = np.random.default_rng(11)
    return {
        "dead": lambda: signals * np.array([1, 0, 1, 1]),
        "inverted": lambda: signals * np.array([1, -1, 1, 1]),
        "clipping": lambda: np.clip(signals * 50, -32768, 32767),
        "identical": lambda: np.repeat(signals[:, :1], 4, axis=1),
        "silence, then sound": lambda: np.concatenate([np.zeros((RATE * 3, 4)), signals]),
        "full scale": lambda: np.sign(rng.standard_normal((RATE * 3, 4))) * 32767,
        "wild": lambda: np.where(rng.random((RATE * 3, 4)) < 0.01, np.nan, rng.standard_normal((RATE * 3, 4)) * 1e30),
        "infinite": lambda: np.full((RATE * 2, 4), np.inf),
    }[kind]().astype(np.float32)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    "kind", ["dead", "inverted", "clipping", "identical", "silence, then sound", "full scale", "wild", "infinite"]
)
def test_no_sound_makes_what_is_no_number_and_none_is_remembered(kind, look):
    ears = Ears(SQUARE, look)
    with np.errstate(all="raise", under="ignore"):
        sound, bearings = hear(ears, _bad(kind))
        assert np.isfinite(sound).all()
        assert all(np.isfinite([each.azimuth_deg, each.confidence]).all() for each in bearings)
        again, _ = hear(ears, talk(SQUARE, 70.0))
    assert np.isfinite(again).all()


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 5000), st.sampled_from([0.0, 1e-3, 1.0, 300.0, 32767.0, 1e9, float("nan")]), st.booleans()
        ),
        min_size=3,
        max_size=12,
    )
)
def test_extremes_in_any_order_leave_numbers(pieces):
    ears = Ears(SQUARE, Auto())
    rng = np.random.default_rng(len(pieces))
    for frames, loud, alike in pieces:
        noise = rng.standard_normal((frames, 1 if alike else 4)) * loud
        sound, _ = ears.process(np.broadcast_to(noise, (frames, 4)).astype(np.float32))
        assert np.isfinite(sound).all()
        assert np.abs(sound).max(initial=0) < 1e6
    assert np.isfinite(ears.flush()[0]).all()


def test_one_microphone_is_an_array_that_tells_nothing():
    ears = Ears(Geometry(((0.0, 0.0),)), Auto())
    signals = voice(1.0).astype(np.float32)[:, None]
    sound, bearings = hear(ears, signals)
    assert np.allclose(sound, signals[:, 0], atol=0.1)
    assert bearings == []


@pytest.mark.parametrize("look", LOOKS)
def test_a_microphone_that_is_turned_round_in_mid_speech_costs_nothing_that_was_learnt(look):
    signals = talk(SQUARE, 70.0, seconds=3.0)
    wanted, _ = hear(Ears(SQUARE, look), signals)
    at, later = 2 * RATE, int(2.2 * RATE)
    ears = Ears(SQUARE, look)
    before, _ = ears.process(signals[:at] * np.array([1, 1, -1, 1], np.float32))
    ears.turn((1, 1, -1, 1))
    after, bearings = ears.process(signals[at:])
    sound = np.concatenate([before, after, ears.flush()[0]])
    assert np.linalg.norm(sound[later:] - wanted[later:]) < 0.1 * np.linalg.norm(wanted[later:])
    assert len(bearings) > 5
    assert all(apart(bearing.azimuth_deg, 70.0) < 3 for bearing in bearings)


def test_microphones_that_stay_as_they_are_change_nothing():
    signals = talk(SQUARE, 70.0)
    ears = Ears(SQUARE, Auto())
    begun, _ = ears.process(signals[:RATE])
    ears.turn((1, 1, 1, 1))
    rest, _ = hear(ears, signals[RATE:])
    assert np.array_equal(np.concatenate([begun, rest]), hear(Ears(SQUARE, Auto()), signals)[0])
