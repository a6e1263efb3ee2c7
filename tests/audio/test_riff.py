import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.riff import NotPlayable, Recording, read_recording


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack("<4sI", name, len(body) if size is None else size) + body + bytes(len(body) % 2)


def fmt(tag: int = 1, channels: int = 1, rate: int = 16000, bits: int = 16, rest: bytes = b"") -> bytes:
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits) + rest)


def wav(*chunks: bytes) -> io.BytesIO:
    body = b"".join(chunks)
    return io.BytesIO(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)


def refusal(file: io.BytesIO) -> str:
    with pytest.raises(NotPlayable) as caught:
        read_recording(file)
    return str(caught.value)


@pytest.mark.parametrize(("bits", "name"), [(16, "S16_LE"), (24, "S24_3LE"), (32, "S32_LE")])
def test_pcm_of_16_24_and_32_bits_is_read(bits, name):
    found = read_recording(wav(fmt(channels=2, rate=44100, bits=bits), chunk(b"data", bytes(2 * bits // 8 * 10))))
    assert found == Recording(AudioFormat(44100, 2, SampleFormat(name)), 44, 10, 0)


def test_extensible_pcm_is_read():
    rest = struct.pack("<HHIH14s", 22, 16, 4, 1, bytes(14))
    assert read_recording(wav(fmt(0xFFFE, rest=rest), chunk(b"data", bytes(20)))).frames == 10


def test_what_else_stands_before_the_sound_is_skipped():
    odd = chunk(b"LIST", b"abc")
    found = read_recording(wav(odd, fmt(), odd, chunk(b"data", bytes(20)), odd))
    assert (found.frames, found.missing_frames, found.offset) == (10, 0, 8 + 12 + 12 + 12 + 24)


def test_a_recording_that_was_cut_off_has_what_it_has():
    found = read_recording(wav(fmt(), chunk(b"data", bytes(21), size=2000)))
    assert (found.frames, found.missing_frames) == (11, 989)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_recorder_that_could_not_know_the_size_promised_nothing(size):
    found = read_recording(wav(fmt(), chunk(b"data", bytes(20), size=size)))
    assert (found.frames, found.missing_frames) == (10, 0)


def test_8_bit_float_and_other_codings_are_named():
    assert refusal(wav(fmt(bits=8))) == "holds 8-bit samples"
    assert refusal(wav(fmt(3, bits=32))) == "holds 32-bit float samples"
    assert refusal(wav(fmt(6, bits=8))) == "holds sound of format tag 0x0006"


@pytest.mark.parametrize("data", [b"", b"RIFF", b"OggS" + bytes(100), b"RIFF\0\0\0\0AVI " + bytes(100)])
def test_what_is_not_a_wav_file_is_said_to_be_none(data):
    assert refusal(io.BytesIO(data)) == "is not a WAV file"


def test_damaged_headers_are_refused():
    assert refusal(wav(chunk(b"fmt ", bytes(10)))) == "has a damaged header"
    assert refusal(wav(fmt(0xFFFE))) == "has a damaged header"
    assert refusal(wav(fmt(rate=0))) == "has a damaged header"
    assert refusal(wav(fmt(channels=0))) == "has a damaged header"
    assert refusal(wav(fmt())) == "ends before its sound begins"
    assert refusal(wav(fmt(), b"dat")) == "ends before its sound begins"
    assert refusal(wav(chunk(b"data", bytes(8)), fmt())) == "has its sound before its format"


@given(st.binary(max_size=200), st.integers(0, 60))
def test_garbage_is_refused_or_read_but_never_more(garbage, at):
    good = wav(fmt(), chunk(b"data", bytes(20))).getvalue()
    try:
        found = read_recording(io.BytesIO(good[:at] + garbage))
    except NotPlayable:
        return
    assert found.offset + found.frames * found.format.frame_bytes <= at + len(garbage)
