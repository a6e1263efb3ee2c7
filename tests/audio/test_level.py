import numpy as np
import pytest

from edgetx.audio.format import AudioFormat, Chunk, SampleFormat
from edgetx.audio.level import FLOOR_DBFS, Level, Meter, clipped, dbfs


def sine(amplitude: float) -> np.ndarray:
    return np.rint(amplitude * np.sin(2 * np.pi * 1000 * np.arange(1600) / 16000)).astype(np.int16)


MONO = AudioFormat(16_000, 1, SampleFormat.S16_LE)


def level(pcm: np.ndarray) -> Level:
    meter = Meter()
    meter.feed(MONO, Chunk(0, len(pcm), pcm.tobytes()), listened=(0,), pcm=pcm.tobytes())
    return meter.read()


def test_a_reading_is_of_all_since_the_last_one_and_clipping_of_what_the_source_delivered():
    meter = Meter()
    assert meter.is_empty
    stereo = AudioFormat(16_000, 2, SampleFormat.S16_LE)
    loud = np.full((10, 2), 32767, np.int16)
    meter.feed(stereo, Chunk(0, 10, loud.tobytes()), listened=(0, 1), pcm=bytes(20))
    meter.feed(stereo, Chunk(10, 10, bytes(40)), listened=(0, 1), pcm=np.full(10, 16384, np.int16).tobytes())
    assert not meter.is_empty
    assert meter.read() == Level(pytest.approx(-9.03, abs=0.06), pytest.approx(-6.02, abs=0.06), 20)
    assert meter.read() == Level(FLOOR_DBFS, FLOOR_DBFS, 0)


def test_a_channel_that_is_not_listened_to_may_be_as_loud_as_it_likes():
    meter = Meter()
    three = AudioFormat(16_000, 3, SampleFormat.S16_LE)
    sound = np.array([[32767, 100, -32768], [100, 32767, -32768]], np.int16).tobytes()
    for listened, found in (((0,), 1), ((1, 0), 2), ((2,), 2), (range(64), 4)):
        meter.feed(three, Chunk(0, 2, sound), listened=listened, pcm=b"")
        assert meter.read().clipped == found


def test_silence_and_nothing_at_all_lie_on_the_floor():
    assert level(np.zeros(1600, np.int16)) == Level(FLOOR_DBFS, FLOOR_DBFS, 0)
    assert level(np.zeros(0, np.int16)) == Level(FLOOR_DBFS, FLOOR_DBFS, 0)


@pytest.mark.parametrize(("amplitude", "peak"), [(32767, 0.0), (16384, -6.02), (328, -40.0), (33, -60.0)])
def test_a_sine_has_its_rms_three_decibels_below_its_peak(amplitude, peak):
    found = level(sine(amplitude))
    assert found.peak_dbfs == pytest.approx(peak, abs=0.5)
    assert found.rms_dbfs == pytest.approx(found.peak_dbfs - 3.01, abs=0.3)


def test_both_ends_of_the_scale_count_as_clipped():
    assert level(np.array([32767, -32768, 32766, -32767, 0], np.int16)).clipped == 2


def test_the_loudest_negative_sample_is_the_peak():
    assert level(np.array([-32768, 5], np.int16)).peak_dbfs == 0.0


def test_clipping_of_wide_samples_is_judged_by_their_upper_16_bits():
    assert clipped(np.array([[2**31 - 256, -(2**31)], [2**30, 0]], np.int32)) == 2
    assert clipped(np.zeros((0, 2), np.int32)) == 0
    assert clipped(np.array([[1], [2]], np.int16)) == 0


def test_no_amplitude_lies_below_the_floor():
    assert dbfs(1e-9) == dbfs(0) == FLOOR_DBFS
    assert dbfs(32768) == 0.0
