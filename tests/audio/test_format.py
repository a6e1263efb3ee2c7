import numpy as np
import pytest

from edgetx.audio.format import AudioFormat, Chunk, Gap, SampleFormat


def test_format_reads_as_alsa_writes_it():
    assert str(AudioFormat(16000, 6, SampleFormat.S16_LE)) == "16000:S16_LE:6"


@pytest.mark.parametrize(("name", "frame_bytes"), [("S16_LE", 12), ("S24_3LE", 18), ("S32_LE", 24)])
def test_a_frame_holds_one_sample_of_each_channel(name, frame_bytes):
    assert AudioFormat(48000, 6, SampleFormat(name)).frame_bytes == frame_bytes


def test_16_bit_samples_come_out_as_they_are():
    samples = AudioFormat(16000, 2, SampleFormat.S16_LE).decode(b"\x01\x00\xff\xff\x00\x80\xff\x7f")
    assert samples.dtype == np.int16
    assert samples.tolist() == [[1, -1], [-32768, 32767]]


def test_32_bit_samples_come_out_as_they_are():
    samples = AudioFormat(16000, 1, SampleFormat.S32_LE).decode(b"\x01\x00\x00\x00\x00\x00\x00\x80")
    assert samples.tolist() == [[1], [-(2**31)]]


def test_24_bit_samples_come_out_at_32_bits_full_scale():
    samples = AudioFormat(16000, 1, SampleFormat.S24_3LE).decode(b"\x01\x00\x00\xff\xff\xff\x00\x00\x80\xff\xff\x7f")
    assert samples.dtype == np.int32
    assert samples.ravel().tolist() == [256, -256, -(2**31), 2**31 - 256]


@pytest.mark.parametrize("name", SampleFormat)
def test_samples_are_read_only(name):
    form = AudioFormat(16000, 2, SampleFormat(name))
    assert not form.decode(bytes(form.frame_bytes * 3)).flags.writeable


def test_a_chunk_and_a_gap_end_where_the_next_begins():
    assert Chunk(10, np.zeros((5, 2), np.int16)).end == 15
    assert Gap(10, 5, "overrun").end == 15
