"""The whole front end of an array, on sound as boards deliver it."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from edgetx import boards
from edgetx.audio.arrayed import Arrayed, _look, front_end
from edgetx.audio.ears import Auto, DelayAndSum, Ears, Sector
from edgetx.audio.format import AudioFormat, Chunk, SampleFormat
from edgetx.audio.heard import Bearing, Heard, at_16k
from edgetx.board import Board
from edgetx.listening import Direction, Listen
from tests.rigs.microphones import SPEECH, wav_bytes
from tests.rigs.plane_wave import delivered, hiss, wave

USB = boards.named("respeaker-usb-4mic")
SIX = boards.named("respeaker-6mic")
READING = np.frombuffer(wav_bytes(SPEECH / "austen-0930.wav"), "<i2").astype(float)


def form(array: Board, rate: int = 16_000) -> AudioFormat:
    return AudioFormat(rate, array.channels, SampleFormat.S16_LE)


def spoken(array: Board, azimuth_deg: float, *, rate: int = 16_000, turned: int = 0) -> np.ndarray:
    """A second of nothing but hiss, then somebody reads."""
    sound = np.concatenate([np.zeros(16_000), READING])
    sound = sound if rate == 16_000 else soxr.resample(sound, 16_000, rate)
    hissing = hiss(len(sound), len(array.microphones))
    return delivered(wave(sound, array, azimuth_deg, rate=rate) + hissing, array, turned=turned)


def hear(ears: Arrayed, samples: np.ndarray, *, start: int = 0, cut: int = 1600) -> list[Heard]:
    edges = [*range(0, len(samples), cut), len(samples)]
    pieces = (Chunk(start + a, b - a, samples[a:b].tobytes()) for a, b in pairwise(edges))
    return [*(ears.process(piece) for piece in pieces), ears.flush()]


def joined(heard: list[Heard]) -> np.ndarray:
    return np.frombuffer(b"".join(each.pcm for each in heard), "<i2").astype(float)


def bearings(heard: list[Heard]) -> list[Bearing]:
    return [bearing for each in heard for bearing in each.bearings]


def assert_numbered(heard: list[Heard], first: int, last: int) -> None:
    """Every frame comes once, in order."""
    end = first
    for each in heard:
        assert each.start == end
        end += len(each.pcm) // 2
    assert end == last


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("listen", ["auto", "delay-and-sum", "mix", Direction(70.0)])
def test_no_frame_is_missing_and_the_words_stand_where_they_were_said(rate, listen):
    samples = spoken(USB, 70, rate=rate)
    heard = hear(front_end(form(USB, rate), listen, USB), samples, start=3 * rate, cut=rate // 10)
    assert_numbered(heard, 48_000, 48_000 + at_16k(len(samples), rate))
    came, said = joined(heard)[16_000:], READING[: len(joined(heard)) - 16_000]
    lag = int(np.argmax(np.correlate(came, said[2000:-2000], "valid"))) - 2000
    assert abs(lag) <= 1


def test_the_talker_s_direction_is_told_with_the_numbers_of_the_sound():
    heard = hear(front_end(form(SIX), "auto", SIX), spoken(SIX, 200, turned=4), start=160_000)
    told = bearings(heard)
    assert told
    assert all(176_000 <= each.start < each.end <= 160_000 + 16_000 + len(READING) for each in told)
    sure = [each.azimuth_deg for each in told if each.confidence > 0.5]
    assert sure
    assert np.median(sure) == pytest.approx(200, abs=3)


def test_what_is_held_back_at_the_beginning_is_a_second_and_what_lags_then_is_constant():
    heard = hear(front_end(form(USB), "auto", USB), spoken(USB, 70))
    lags = [1600 * (n + 1) - each.start - len(each.pcm) // 2 for n, each in enumerate(heard[:-1])]
    assert lags[:9] == [1600 * (n + 1) for n in range(9)]
    assert set(lags[9:-1]) == {Ears.delay}


def test_after_a_hole_the_numbers_go_on_behind_it():
    ears, samples = front_end(form(USB, 48_000), "auto", USB), spoken(USB, 70, rate=48_000)
    assert_numbered(hear(ears, samples[:70_001]), 0, at_16k(70_001, 48_000))
    more = hear(ears, samples, start=1_000_000)
    assert_numbered(more, at_16k(1_000_000, 48_000), at_16k(1_000_000 + len(samples), 48_000))
    assert bearings(more)[0].start >= at_16k(1_000_000, 48_000)


@given(rate=st.sampled_from([16_000, 44_100, 48_000]), frames=st.integers(1, 9000), start=st.integers(0, 10**9))
def test_a_short_stretch_has_its_numbers_too(rate, frames, start):
    ears = front_end(form(USB, rate), "mix", USB)
    heard = hear(ears, np.ones((frames, 6), np.int16), start=start, cut=rate // 10)
    assert_numbered(heard, at_16k(start, rate), at_16k(start + frames, rate))


def test_a_flush_without_sound_gives_none():
    ears = front_end(form(USB, 48_000), "auto", USB)
    assert ears.flush() == Heard(0, b"")
    hear(ears, spoken(USB, 70)[:4800])
    assert ears.flush() == Heard(1600, b"")


def test_what_is_too_loud_is_clipped_not_wrapped():
    loud = spoken(USB, 70)
    loud[:, 1:5] = np.where(np.arange(len(loud)) // 20 % 2, 32767, -32768)[:, None]
    came = joined(hear(front_end(form(USB), "mix", USB), loud))
    assert set(np.abs(came[1000:])) == {32767, 32768}  # What is constant at the very start is left out.


def test_what_it_finds_of_the_channels_is_remarked_and_a_dead_microphone_does_no_harm():
    samples = spoken(USB, 70)
    samples[24_000:, 2] = 0
    heard = hear(front_end(form(USB), "mix", USB), samples)
    assert [(remark.channel, remark.fault) for each in heard for remark in each.remarks] == [(2, "dead")]
    healthy = samples[36_000:, [1, 3, 4]].mean(axis=1)
    assert np.abs(joined(heard)[36_000:] - healthy).max() <= 1


def test_a_dead_microphone_is_told_once_however_often_the_device_is_opened():
    samples = spoken(USB, 40)
    samples[:, 2] = 0
    first = front_end(form(USB), "mix", USB)
    assert [remark.fault for each in hear(first, samples) for remark in each.remarks] == ["dead"]
    second = front_end(form(USB), "mix", USB, first)
    assert [remark.fault for each in hear(second, samples) for remark in each.remarks] == []
    other = front_end(form(USB), "mix", replace(USB, name="other"), second)
    assert [remark.fault for each in hear(other, samples) for remark in each.remarks] == ["dead"]


def test_where_all_microphones_have_the_same_sound_no_direction_is_invented():
    twice = np.concatenate([spoken(USB, 70), spoken(USB, 70)])
    twice[:, 1:5] = twice[:, 1:2]
    heard = hear(front_end(form(USB), "auto", USB), twice)
    assert {remark.fault for each in heard for remark in each.remarks} == {"twin"}
    assert bearings(heard) == []


def test_an_array_of_one_s_own_needs_no_more_channels_than_it_names():
    own = Board("", "own", microphones=(2, 0), positions_m=((0.0, 0.0), (0.05, 0.0)))
    samples = np.zeros((16_000, 7), np.int16)
    samples[:, 0], samples[:, 2] = 100, 300
    samples[::2] *= -1
    heard = hear(front_end(AudioFormat(16_000, 7, SampleFormat.S16_LE), "mix", own), samples)
    assert set(joined(heard)) == {-200, 200}


@pytest.mark.parametrize(
    ("listen", "look"),
    [("auto", Auto()), ("delay-and-sum", DelayAndSum()), (Direction(90.0, 40.0), Sector(90.0, 40.0))],
)
def test_each_way_of_listening_has_its_look(listen: Listen, look):
    assert _look(listen) == look


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_the_size_of_the_pieces_makes_no_difference(rate):
    samples = spoken(USB, 70, rate=rate)
    samples[rate * 3 // 2 :, 2] = 0
    dirty = replace(USB, dirty_start_seconds=0.3)
    whole, cut = (hear(front_end(form(USB, rate), "auto", dirty), samples, cut=size) for size in (len(samples), 777))
    assert np.array_equal(joined(whole), joined(cut))
    assert bearings(whole) == bearings(cut)


def test_bearings_are_told_some_at_a_time_and_no_later_than_their_sound():
    heard = hear(front_end(form(USB), "auto", USB), spoken(USB, 70))
    telling = [each for each in heard if each.bearings]
    assert len(bearings(heard)) > 2 * len(telling)
    assert all(each.start <= each.bearings[0].end for each in telling[:-1])


def test_an_inverted_microphone_is_turned_round_and_the_beam_is_told():
    """It is found after some seconds, in mid-speech, and then the talker is where he is, and as loud as ever."""
    sound = np.concatenate([np.zeros(16_000), *[READING] * 3])
    samples = delivered(wave(sound, USB, 130) + hiss(len(sound), 4), USB)
    inverted = samples.copy()
    inverted[:, 3] = -inverted[:, 3]
    heard, wanted = (hear(front_end(form(USB), "auto", USB), each) for each in (inverted, samples))
    (remark,) = [remark for each in heard for remark in each.remarks]
    assert (remark.channel, remark.fault) == (3, "inverted")
    told = next(each.start for each in heard if each.remarks) + 16_000
    assert told < len(sound) - 16_000
    seen = [bearing.azimuth_deg for bearing in bearings(heard) if bearing.start > told]
    assert len(seen) > 5
    assert abs(np.median(seen) - 130) < 5
    rest = joined(heard)[told:]
    assert np.linalg.norm(rest - joined(wanted)[told:]) < 0.3 * np.linalg.norm(rest)
