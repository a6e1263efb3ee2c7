import numpy as np
import pytest

from edgetx.audio.channel_levels import ChannelLevels
from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.level import FLOOR_DBFS, Level

SILENCE = Level(FLOOR_DBFS, FLOOR_DBFS, 0)


def levels(channels: int, form: SampleFormat = SampleFormat.S16_LE) -> ChannelLevels:
    return ChannelLevels(AudioFormat(16000, channels, form))


def test_each_channel_has_its_own_level():
    meter = levels(3)
    sine = np.sin(np.arange(1600) * np.pi / 8) * 16384
    meter.feed(np.stack([sine, sine * 0, sine / 10], 1).round().astype("<i2").tobytes())
    loud, none, quiet = meter.read()
    assert (loud.peak_dbfs, loud.rms_dbfs, loud.clipped) == (-6.0, -9.0, 0)
    assert none == SILENCE
    assert quiet.rms_dbfs == pytest.approx(-29, abs=0.1)


def test_pieces_count_as_one_until_the_level_is_read():
    meter = levels(2)
    meter.feed(np.array([[100, 0]] * 50, "<i2").tobytes())
    meter.feed(b"")
    meter.feed(np.array([[0, 32767]] * 50, "<i2").tobytes())
    left, right = meter.read()
    assert left.peak_dbfs - left.rms_dbfs == pytest.approx(3.0, abs=0.11)
    assert (right.peak_dbfs, right.clipped) == (-0.0, 50)
    assert meter.read() == [SILENCE, SILENCE]


@pytest.mark.parametrize("form", [SampleFormat.S24_3LE, SampleFormat.S32_LE])
def test_wide_samples_are_measured_in_full_and_clip_by_their_upper_bits(form):
    wide = np.array([[-(2**31), 0x0000_4000], [0x7FFF_FF00, 0]], "<i4")
    data = wide.tobytes() if form is SampleFormat.S32_LE else wide.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    meter = levels(2, form)
    meter.feed(data)
    loud, quiet = meter.read()
    assert (loud.peak_dbfs, loud.clipped) == (0.0, 2)
    assert (quiet.peak_dbfs, quiet.clipped) == (-102.4, 0)
