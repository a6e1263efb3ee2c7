import numpy as np
import pytest

from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.samples import decode, one_channel


def test_16_bit_samples_come_out_as_they_are():
    samples = decode(b"\x01\x00\xff\xff\x00\x80\xff\x7f", AudioFormat(16000, 2, SampleFormat.S16_LE))
    assert samples.dtype == np.int16
    assert samples.tolist() == [[1, -1], [-32768, 32767]]


def test_32_bit_samples_come_out_as_they_are():
    samples = decode(b"\x01\x00\x00\x00\x00\x00\x00\x80", AudioFormat(16000, 1, SampleFormat.S32_LE))
    assert samples.tolist() == [[1], [-(2**31)]]


def test_24_bit_samples_come_out_at_32_bits_full_scale():
    samples = decode(b"\x01\x00\x00\xff\xff\xff\x00\x00\x80\xff\xff\x7f", AudioFormat(16000, 1, SampleFormat.S24_3LE))
    assert samples.dtype == np.int32
    assert samples.ravel().tolist() == [256, -256, -(2**31), 2**31 - 256]


@pytest.mark.parametrize("name", SampleFormat)
def test_samples_are_read_only(name):
    form = AudioFormat(16000, 2, SampleFormat(name))
    assert not decode(bytes(form.frame_bytes * 3), form).flags.writeable


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("S16_LE", b"\x05\x00\xff\xff"),
        ("S24_3LE", b"\x09\x05\x00\x09\xff\xff"),
        ("S32_LE", b"\x09\x09\x05\x00\x09\x09\xff\xff"),
    ],
)
def test_one_channel_is_its_upper_16_bits(name, data):
    form = AudioFormat(16000, 2, SampleFormat(name))
    assert one_channel(data * 2, form, 0) == b"\x05\x00" * 2
    assert one_channel(data, form, 1) == b"\xff\xff"
