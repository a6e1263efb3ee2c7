from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import AudioFormat, Chunk, SampleFormat
from edgetx.audio.frontend import front_end
from edgetx.audio.heard import FrontEnd, Heard, at_16k


def mono(rate: int = 16000, channels: int = 1, name: str = "S16_LE") -> AudioFormat:
    return AudioFormat(rate, channels, SampleFormat(name))


def noise(frames: int, channels: int, *, wide: bool = False) -> np.ndarray:
    bits = np.random.default_rng(7).integers(-20000, 20000, (frames, channels))
    return (bits * 65536 + bits).astype(np.int32) if wide else bits.astype(np.int16)


def chunk(start: int, samples: np.ndarray) -> Chunk:
    return Chunk(start, len(samples), samples.astype(samples.dtype.newbyteorder("<")).tobytes())


def numbers(heard: Heard) -> np.ndarray:
    return np.frombuffer(heard.pcm, "<i2")


def hear(ears: FrontEnd, samples: np.ndarray, *, start: int = 0, cuts: tuple[int, ...] = ()) -> list[Heard]:
    """Feed ``samples`` cut at ``cuts`` and flush."""
    edges = [0, *sorted(min(cut, len(samples)) for cut in cuts), len(samples)]
    return [*(ears.process(chunk(start + a, samples[a:b])) for a, b in pairwise(edges)), ears.flush()]


def joined(heard: list[Heard]) -> np.ndarray:
    return np.concatenate([numbers(each) for each in heard])


@pytest.mark.parametrize(("listen", "channel"), [("auto", 0), (0, 0), (4, 4)])
def test_one_channel_is_taken_bit_by_bit(listen, channel):
    samples = noise(1600, 6)
    heard = front_end(mono(channels=6), listen).process(chunk(0, samples))
    assert np.array_equal(numbers(heard), samples[:, channel])


def test_mix_is_the_mean_and_does_not_overflow():
    loud = np.full((100, 6), 32767, np.int16)
    assert numbers(front_end(mono(channels=6), "mix").process(chunk(0, loud))).tolist() == [32767] * 100
    pair = np.array([[10, 20], [-32768, 32767]], np.int16)
    assert numbers(front_end(mono(channels=2), "mix").process(chunk(0, pair))).tolist() == [15, 0]


def test_wide_samples_are_rounded_to_16_bits():
    samples = np.array([[65536 * 5 + 40000], [-65536], [2**31 - 1], [-(2**31)]], np.int32)
    heard = front_end(mono(name="S32_LE"), "auto").process(chunk(0, samples))
    assert numbers(heard).tolist() == [6, -1, 32767, -32768]


def test_wide_samples_are_resampled_and_mixed_at_the_same_scale():
    wide, narrow = noise(48000, 3, wide=True), noise(48000, 3)
    for listen in ("mix", 1):
        from_wide = joined(hear(front_end(mono(48000, 3, "S32_LE"), listen), wide))
        from_narrow = joined(hear(front_end(mono(48000, 3), listen), narrow))
        assert np.abs(from_wide.astype(int) - from_narrow).max() <= 1


def test_what_16_khz_cannot_hold_is_filtered_out():
    square = np.where(np.arange(48000) % 4 < 2, 32767, -32768).astype(np.int16)[:, None]  # 12 kHz: nothing of it stays.
    ears = front_end(mono(48000), "auto")
    ears.process(chunk(0, square))
    assert np.abs(numbers(ears.process(chunk(48000, square))).astype(int)).max() < 33  # -60 dBFS


def test_what_overshoots_is_clipped_not_wrapped():
    square = np.where(np.arange(48000) // 60 % 2, 32767, -32768).astype(np.int16)[:, None]
    pcm = joined(hear(front_end(mono(48000), "auto"), square))
    middle = pcm[10::20].astype(int)
    assert np.all(np.abs(middle) > 25000)


def test_after_a_hole_the_numbers_go_on_behind_it():
    ears = front_end(mono(48000), "auto")
    before = hear(ears, noise(4800, 1))
    after = hear(ears, noise(4800, 1), start=48000)
    assert before[0].start == 0
    assert before[-1].start + len(numbers(before[-1])) == 1600
    assert after[0].start == 16000
    assert np.array_equal(joined(before), joined(after))


def test_after_a_hole_at_16_khz_the_numbers_go_on_behind_it():
    ears = front_end(mono(channels=2), "mix")
    assert [each.start for each in hear(ears, noise(100, 2))] == [0, 100]
    assert [each.start for each in hear(ears, noise(100, 2), start=500)] == [500, 600]


@pytest.mark.parametrize("listen", ["auto", "mix"])
def test_at_16_khz_nothing_lags(listen):
    ears = front_end(mono(channels=2), listen)
    ears.process(chunk(100, noise(50, 2)))
    assert ears.flush() == Heard(150, b"")


def test_a_flush_without_sound_gives_none():
    assert len(front_end(mono(48000), "auto").flush().pcm) == 0
    assert len(front_end(mono(16000, 2), "auto").flush().pcm) == 0


@given(
    form=st.builds(
        mono, st.sampled_from([8000, 11025, 16000, 44100, 48000]), st.just(3), st.sampled_from(["S16_LE", "S32_LE"])
    ),
    frames=st.integers(1, 6000),
    start=st.integers(0, 10**9),
    cuts=st.lists(st.integers(0, 6000), max_size=5).map(tuple),
    listen=st.sampled_from(["auto", "mix", 2]),
)
def test_cutting_the_input_changes_neither_a_bit_nor_a_number(form, frames, start, cuts, listen):
    samples = noise(frames, 3, wide=form.sample_format == "S32_LE")
    whole = hear(front_end(form, listen), samples, start=start)
    cut = hear(front_end(form, listen), samples, start=start, cuts=cuts)
    assert np.array_equal(joined(whole), joined(cut))
    assert cut[0].start == at_16k(start, form.rate)
    assert [each.start + len(numbers(each)) for each in cut[:-1]] == [each.start for each in cut[1:]]
    assert cut[-1].start + len(numbers(cut[-1])) == at_16k(start + frames, form.rate)
