import logging
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from edgetx.audio.format import Chunk
from edgetx.audio.samples import decode
from edgetx.audio.wav import WavSource
from edgetx.config import WavSettings
from edgetx.errors import Refused, TryAgain
from tests.rigs.microphones import readings


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def write(path: Path, samples: np.ndarray, *, rate: int = 16000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(samples.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def ramp(frames: int, channels: int = 1) -> np.ndarray:
    return np.arange(frames * channels, dtype="<i2").reshape(frames, channels)


def opened(path: Path, time: Time, **settings) -> WavSource:
    source = WavSource(WavSettings(path, **settings), time.clock, time.sleep)
    source.open()
    return source


def all_of(source: WavSource) -> list[Chunk]:
    return list(iter(source.read, None))


def samples_of(source: WavSource, chunks: list[Chunk]) -> np.ndarray:
    return decode(b"".join(each.data for each in chunks), source.format)


def refusal(path: Path) -> str:
    with pytest.raises(Refused) as caught:
        opened(path, Time())
    return str(caught.value)


def test_a_recording_is_played_to_its_end(tmp_path):
    time = Time()
    source = opened(write(tmp_path / "a.wav", ramp(4000, 2), rate=16000), time, pace="fast")
    chunks = all_of(source)
    source.close()
    assert str(source.format) == "16000:S16_LE:2"
    assert [(each.start, each.frames) for each in chunks] == [(0, 1600), (1600, 1600), (3200, 800)]
    assert np.array_equal(samples_of(source, chunks), ramp(4000, 2))
    assert time.slept == []


def test_in_real_time_a_period_comes_when_its_last_frame_would_have_been_captured(tmp_path):
    time = Time()
    source = opened(write(tmp_path / "a.wav", ramp(44100 // 4), rate=44100), time)
    for chunk in iter(source.read, None):
        assert time.now == pytest.approx(1000 + chunk.end / 44100, abs=1e-9)
    source.close()


def test_a_reader_that_was_late_catches_up(tmp_path):
    time = Time()
    source = opened(write(tmp_path / "a.wav", ramp(8000)), time)
    source.read()
    time.now += 0.25
    source.read()
    source.read()
    source.read()
    assert time.slept == pytest.approx([0.1, 0.05])
    source.close()


def test_a_repeated_recording_counts_on(tmp_path):
    source = opened(write(tmp_path / "a.wav", ramp(2000)), Time(), repeat=True)
    chunks = [source.read() for _ in range(5)]
    source.close()
    assert [(each.start, each.frames, decode(each.data, source.format)[0, 0]) for each in chunks] == [
        (0, 1600, 0),
        (1600, 400, 1600),
        (2000, 1600, 0),
        (3600, 400, 1600),
        (4000, 1600, 0),
    ]


def test_a_repeated_recording_can_be_opened_again(tmp_path):
    source = opened(write(tmp_path / "a.wav", ramp(2000)), Time(), pace="fast")
    all_of(source)
    source.close()
    source.open()
    assert source.read().start == 0
    source.close()


def test_real_speech_plays():
    source = opened(readings()[0], Time(), pace="fast")
    assert all_of(source)[-1].end == (227244 - 44) // 2
    source.close()


def test_a_truncated_recording_plays_what_is_there_and_says_how_much_is_not(tmp_path, caplog):
    path = write(tmp_path / "a.wav", ramp(32000))
    path.write_bytes(path.read_bytes()[: 44 + 2 * 8000 + 1])
    with caplog.at_level(logging.WARNING):
        source = opened(path, Time(), pace="fast")
    assert sum(each.frames for each in all_of(source)) == 8000
    assert source.missing_frames == 24000
    assert caplog.messages == [f"The recording {path} is 1.5 s shorter than its header says; what is there is played."]
    source.close()


def test_what_cannot_be_played_is_refused_by_name_with_the_way_out(tmp_path):
    eight_bits = write(tmp_path / "eight.wav", np.zeros((100, 1), np.uint8))
    real = tmp_path / "float.wav"
    real.write_bytes(
        b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 16000, 64000, 4, 32) + b"data\4\0\0\0" + bytes(4)
    )
    text = tmp_path / "notes.wav"
    text.write_text("To whom it may concern: this is no sound at all.")
    cut = tmp_path / "cut.wav"
    cut.write_bytes(eight_bits.read_bytes()[:30])
    way_out = (
        "; accepted are WAV files of 16-, 24- or 32-bit PCM. To convert: sox in.wav -b 16 -e signed-integer out.wav"
    )
    assert refusal(eight_bits) == f"The recording {eight_bits} holds 8-bit samples{way_out}"
    assert refusal(real) == f"The recording {real} holds 32-bit float samples{way_out}"
    assert refusal(text) == f"The recording {text} is not a WAV file{way_out}"
    assert refusal(cut) == f"The recording {cut} has a damaged header{way_out}"


def test_a_missing_file_a_folder_and_an_empty_recording_are_refused(tmp_path):
    assert refusal(tmp_path / "no.wav") == f"The recording {tmp_path}/no.wav cannot be read: No such file or directory."
    assert refusal(tmp_path) == f"The recording {tmp_path} cannot be read: Is a directory."
    assert "holds no sound" in refusal(write(tmp_path / "empty.wav", ramp(0)))


def test_a_source_that_was_closed_cannot_be_read(tmp_path):
    source = opened(write(tmp_path / "a.wav", ramp(4000)), Time())
    source.close()
    source.close()
    with pytest.raises(TryAgain, match="was closed"):
        source.read()


def test_a_file_that_shrinks_while_it_plays_is_noticed(tmp_path):
    path = write(tmp_path / "a.wav", ramp(40000))
    source = opened(path, Time(), pace="fast")
    with path.open("r+b") as file:
        file.truncate(100)
    with pytest.raises(TryAgain, match="was cut short while it was played"):
        all_of(source)
    source.close()


def test_a_source_that_was_not_opened_has_no_format(tmp_path):
    source = WavSource(WavSettings(tmp_path / "a.wav"), Time().clock, Time().sleep)
    with pytest.raises(RuntimeError, match="not opened"):
        _ = source.format
