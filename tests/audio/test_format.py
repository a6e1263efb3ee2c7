import pytest

from edgetx.audio.format import AudioFormat, Chunk, Gap, SampleFormat


def test_format_reads_as_alsa_writes_it():
    assert str(AudioFormat(16000, 6, SampleFormat.S16_LE)) == "16000:S16_LE:6"


@pytest.mark.parametrize(("name", "frame_bytes"), [("S16_LE", 12), ("S24_3LE", 18), ("S32_LE", 24)])
def test_a_frame_holds_one_sample_of_each_channel(name, frame_bytes):
    assert AudioFormat(48000, 6, SampleFormat(name)).frame_bytes == frame_bytes


def test_a_chunk_and_a_gap_end_where_the_next_begins():
    assert Chunk(10, 5, bytes(20)).end == 15
    assert Gap(10, 5, "overrun").end == 15
