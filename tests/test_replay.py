"""A recording of an array goes through the daemon's own front end and gate, and what came of it is written."""

import csv
import wave
from pathlib import Path

import numpy as np
import pytest

from edgetx import boards, replay
from edgetx.audio.heard import Bearing
from edgetx.audio.wav import WavSource
from edgetx.cli import main
from edgetx.config import WavSettings
from edgetx.errors import SettingsError
from edgetx.replay import Wanted
from tests.rigs.plane_wave import delivered, hiss
from tests.rigs.plane_wave import wave as plane_wave

BOARD = boards.named("respeaker-usb-4mic")
SPEECH = Path(__file__).parent / "rigs/speech"


def spoken(name: str) -> np.ndarray:
    with wave.open(str(SPEECH / f"austen-{name}.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    return np.pad(samples, 24_000)


@pytest.fixture(scope="module")
def talk(tmp_path_factory) -> Path:
    """Somebody at 40 degrees, then somebody at 250, with a second and a half of quiet around each."""
    signals = np.concatenate(
        [plane_wave(spoken(name), BOARD, azimuth) for name, azimuth in (("0880", 40), ("0930", 250))]
    )
    samples = delivered(signals + hiss(len(signals), len(BOARD.microphones)), BOARD)
    path = tmp_path_factory.mktemp("replay") / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return path


def rows(path: Path) -> list[list[float]]:
    with path.open() as file:
        return [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]


def frames(path: Path) -> int:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 16_000, 2)
        return file.getnframes()


def test_a_word_that_the_end_of_the_recording_cuts_off_is_speech(tmp_path, capsys):
    sound = spoken("0880")
    begins = int(np.argmax(np.abs(sound) > 1000))
    with wave.open(str(tmp_path / "cut.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((sound + hiss(len(sound), 1)[:, 0])[: begins + 2400].astype("<i2").tobytes())
    assert main(["replay", str(tmp_path / "cut.wav"), "--output", str(tmp_path)]) == 0
    assert "speech in 1 piece." in capsys.readouterr().out


def test_it_writes_the_sound_the_directions_the_speech_and_a_picture(talk, tmp_path, capsys):
    assert (
        main(["replay", str(talk), "--array", "respeaker-usb-4mic", "--picture", "--output", str(tmp_path / "out")])
        == 0
    )
    out = {path.suffixes[-2] if len(path.suffixes) > 1 else path.suffix: path for path in (tmp_path / "out").iterdir()}
    assert set(out) == {".mono", ".direction", ".speech", ".png"}
    source = WavSource(WavSettings(talk, pace="fast"), lambda: 0.0, lambda _: None)
    source.open()
    assert frames(out[".mono"]) == sum(piece.frames for piece in iter(source.read, None))
    source.close()
    pieces = rows(out[".speech"])
    assert len(pieces) == 2
    for (start, end), azimuth in zip(pieces, (40, 250), strict=True):
        heard = [row[2] for row in rows(out[".direction"]) if start <= row[0] < end]
        assert abs(np.median(heard) - azimuth) <= 5
    said = capsys.readouterr().out
    assert "speech in 2 pieces" in said
    assert "40 degrees" in said or "41 degrees" in said


def test_one_channel_has_no_directions_and_without_a_picture_there_is_none(talk, tmp_path, capsys):
    assert main(["replay", str(talk), "--listen", "{channel: 1}", "--output", str(tmp_path)]) == 0
    assert rows(tmp_path / "talk.direction.csv") == []
    assert not (tmp_path / "talk.png").exists()
    assert "degrees" not in capsys.readouterr().out


def test_a_microphone_of_the_settings_is_replayed_as_it_listens(talk, tmp_path):
    settings = tmp_path / "edgetx.yaml"
    settings.write_text("microphones: [{name: desk, array: respeaker-usb-4mic, listen: {azimuth_deg: 40}}]")
    microphone = Wanted(talk, config=settings, microphone="desk").settings({})
    assert (microphone.array, microphone.source) == (BOARD, WavSettings(talk, pace="fast"))
    assert (
        main(["replay", str(talk), "--config", str(settings), "--microphone", "desk", "--output", str(tmp_path)]) == 0
    )


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        (["--array", "respeaker-usb-4mix"], (78, "--array: 'respeaker-usb-4mix' is no board; did you mean")),
        (["--array", "auto"], (78, "--array: a recording has no card")),
        (["--array", "respeaker-usb-4mic", "--listen", "loud"], (78, "--listen: must be")),
        (["--array", "matrix-voice"], (1, "matrix-voice has 8 channels")),
        (["--microphone", "hall", "--config", "edgetx.yaml"], (1, "There is no microphone 'hall'")),
        (["--microphone", "desk", "--config", "edgetx.yaml"], (1, "name its array with --array")),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(talk, monkeypatch, capsys, options, outcome):
    monkeypatch.chdir(talk.parent)
    Path("edgetx.yaml").write_text("microphones: [{name: desk, array: auto}]")
    code, said = outcome
    assert main(["replay", str(talk), *options]) == code
    assert said in capsys.readouterr().err


def test_a_recording_that_is_not_there_and_a_folder_that_cannot_be_written_are_named(talk, tmp_path, capsys):
    assert main(["replay", str(tmp_path / "no.wav"), "--output", str(tmp_path)]) == 1
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["replay", str(talk), "--output", str(tmp_path / "file" / "out")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_what_is_no_option_at_all_is_said_so(talk):
    with pytest.raises(SettingsError, match=r"^the options: this is not YAML"):
        Wanted(talk, array="[1").settings({})


def test_what_is_written_of_a_direction_is_below_360_degrees():
    nearly = replay.Findings(bearings=[Bearing(0, 16_000, 359.7, 0.9), Bearing(16_000, 32_000, 12.4, 0.25)])
    assert list(replay._bearing_rows(nearly)) == [("0.000", "1.000", "0", "0.90"), ("1.000", "2.000", "12", "0.25")]
