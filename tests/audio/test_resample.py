import numpy as np
import pytest

from edgetx.audio.format import RATE
from edgetx.audio.resample import Pcm, fit, resampler

RATES = [8000, 11025, 22050, 32000, 44100, 48000, 96000]


def tone(hz: float, rate: int, *, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate).astype(np.float32)


def resampled(signal: np.ndarray, rate: int, *, piece: int = 1000) -> np.ndarray:
    stream = resampler(rate)
    pieces = [stream.process(signal[at : at + piece]) for at in range(0, len(signal), piece)]
    return np.concatenate([*pieces, stream.flush()])


def gain_db(signal: np.ndarray) -> float:
    middle = signal[len(signal) // 4 : -len(signal) // 4]
    return 20 * float(np.log10(max(1e-9, np.sqrt(2 * np.mean(middle.astype(float) ** 2)))))


@pytest.mark.parametrize("rate", RATES)
def test_the_pass_band_is_flat(rate):
    highest = min(7000.0, 0.875 * rate / 2)
    gains = [gain_db(resampled(tone(hz, rate), rate)) for hz in np.linspace(100, highest, 12)]
    assert max(map(abs, gains)) < 0.5


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate > RATE])
def test_what_16_khz_cannot_hold_is_gone(rate):
    gains = [gain_db(resampled(tone(hz, rate), rate)) for hz in np.linspace(9000, rate / 2 - 200, 12)]
    assert max(gains) < -60


@pytest.mark.parametrize("rate", [8000, 11025])
def test_upsampling_adds_no_mirror_image(rate):
    up = resampled(tone(1000, rate), rate) - tone(1000, RATE)
    assert gain_db(up) < -60


@pytest.mark.parametrize("rate", RATES)
def test_output_frame_k_stands_at_input_time_k_over_16000(rate):
    pulse = np.zeros(rate, np.float32)
    pulse[rate // 4] = 1
    assert abs(int(np.argmax(resampled(pulse, rate))) - rate // 4 * RATE / rate) <= 1


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frames", [1, 999, 44100])
def test_after_the_flush_nothing_is_missing(rate, frames):
    assert abs(len(resampled(np.ones(frames, np.float32), rate)) - frames * RATE / rate) <= 1


def test_several_channels_come_out_as_each_by_itself_and_so_does_the_rest():
    noise = np.random.default_rng(2).normal(size=(9000, 3)).astype(np.float32)
    together = resampler(48000, channels=3)
    signals = np.concatenate([together.process(noise[:5000]), together.process(noise[5000:]), together.flush()])
    assert np.array_equal(signals, np.stack([resampled(noise[:, n].copy(), 48000) for n in range(3)], axis=1))


@pytest.mark.parametrize("rate", RATES)
def test_the_size_of_the_pieces_makes_no_difference(rate):
    noise = np.random.default_rng(1).normal(size=9000).astype(np.float32)
    assert np.array_equal(resampled(noise, rate, piece=7000), resampled(noise, rate, piece=123))


def test_after_a_flush_it_begins_anew():
    stream = resampler(48000)
    once = np.concatenate([stream.process(tone(440, 48000)), stream.flush()])
    again = np.concatenate([stream.process(tone(440, 48000)), stream.flush()])
    assert np.array_equal(once, again)


def test_bytes_go_the_same_way_to_another_rate_and_what_is_too_loud_is_clipped():
    square = (32767 * np.sign(tone(500, RATE))).astype("<i2").tobytes()
    stream = Pcm(resampler(RATE, 8000))
    out = b"".join([*(stream.process(square[at : at + 640]) for at in range(0, len(square), 640)), stream.flush()])
    assert len(out) == len(square) // 2
    assert np.abs(np.frombuffer(out, "<i2").astype(int)).max() == 32767 + 1


def test_what_a_flush_gave_is_cut_or_lengthened_by_silence_to_what_is_due():
    rest = np.ones(3, np.float32)
    assert fit(rest, 2).tolist() == [1, 1]
    assert fit(rest, 4).tolist() == [1, 1, 1, 0]
    assert fit(np.ones((1, 2), np.float32), 2).tolist() == [[1, 1], [0, 0]]
