"""A microphone under the doctor's ear: real ALSA devices, and a made-up system for who holds what."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetx import boards
from edgetx.audio.alsa_devices import Busy
from edgetx.audio.sound_system import SoundSystem
from edgetx.audio.source import Stalled
from edgetx.config import AlsaSettings, MicrophoneSettings, WavSettings
from edgetx.device_commands import listened
from edgetx.doctor import device
from edgetx.doctor.device import Visit
from edgetx.doctor.report import Finding
from edgetx.doctor.service import Unit
from edgetx.errors import SettingsError
from tests.audio.conftest import environment
from tests.rigs.microphones import FifoMicrophone, fifo_microphone, pulse_microphone
from tests.rigs.sound_tree import SoundTree

DESK = MicrophoneSettings("desk", AlsaSettings("fifo", channels=6))
CARD = MicrophoneSettings("desk", AlsaSettings("usb:2886:0018"))
NOWHERE = SoundSystem(Path("/nonexistent"), Path("/nonexistent"), Path("/nonexistent"))
NO_SERVICE = Unit({}, "There is no systemd.")
SERVICE = Unit({"ActiveState": "active", "MainPID": "812", "StatusText": "Running: audio running."})


def told(
    microphone: MicrophoneSettings,
    *,
    system: SoundSystem = NOWHERE,
    unit: Unit = NO_SERVICE,
    state: Mapping[str, Any] | None = None,
    marked: bool | None = False,
) -> list[tuple[str, str, str]]:
    findings: list[Finding] = []
    Visit(microphone, findings.append, system, unit, state or {}, marked, listened, seconds=0.5).run()
    assert {finding.stage for finding in findings} == {"microphone desk"}
    return [(each.name, str(each.verdict), f"{each.text} {each.remedy}".strip()) for each in findings]


def play(microphone: FifoMicrophone, sound: np.ndarray) -> threading.Thread:
    """Hand over so many periods as the doctor takes, and no more; each whole, or the plugin splits a frame."""
    data = np.clip(sound, -32768, 32767).astype("<i2")[: 8 * 1600].tobytes()
    thread = threading.Thread(target=microphone.play, args=(data,), kwargs={"pace": 2.0}, daemon=True)
    thread.start()
    return thread


def heard(tmp_path: Path, sound: np.ndarray, microphone: MicrophoneSettings = DESK) -> list[tuple[str, str, str]]:
    with fifo_microphone(tmp_path, frame_bytes=12) as fifo, environment(fifo.environment):
        writer = play(fifo, sound)
        found = told(microphone)
        writer.join(10)
    return found


@pytest.fixture
def room() -> np.ndarray:
    return np.random.default_rng(7).normal(0, 600, (16_000, 6))


def test_six_channels_that_are_well(tmp_path, room):
    there, sound, channels = heard(tmp_path, room)
    assert there == ("device", "ok", "fifo is there, and nobody else has it.")
    assert sound[:2] == ("sound", "ok")
    assert sound[2].startswith("Sound comes (16000:S16_LE:6): -35 dBFS, peak -2")
    assert channels[:2] == ("channels", "ok")


def test_six_channels_each_with_a_fault_of_its_own(tmp_path, room):
    room[:, 1] = 0
    room[:, 2] = room[:, 0]
    room[:, 3] = -room[:, 0]
    room[:, 4] *= 60
    room[:, 5] += 3000
    found = heard(tmp_path, room)
    assert [(name, verdict) for name, verdict, _ in found[2:]] == [
        (name, "warning") for name in ("dead", "twin", "inverted", "clipping", "off centre")
    ]
    assert "Channel 3 is inverted against channel 0." in found[4][2]


def test_a_dead_channel_fails_where_it_is_the_one_that_is_listened_to(tmp_path, room):
    room[:, 2] = 0
    found = heard(tmp_path, room, replace(DESK, listen=2))
    assert found[2][:2] == ("dead", "FAILED")


def test_of_an_array_all_microphones_are_listened_to_and_the_other_channels_may_be_anything(tmp_path, room):
    room[:, 0] = room[:, 1]
    room[:, 5] = 0
    six = replace(DESK, array=boards.named("respeaker-usb-4mic"))
    found = heard(tmp_path, room, six)
    assert [(name, verdict) for name, verdict, _ in found] == [
        (name, "ok") for name in ("device", "array", "sound", "channels")
    ]
    assert found[1][2].startswith("The array is ReSpeaker USB 4-Mic Array (Mic Array v2.0) (respeaker-usb-4mic). With")
    assert "The 4 channels are alive" in found[3][2]


def test_of_an_array_of_which_one_channel_is_listened_to_that_one_counts(tmp_path, room):
    room[:, 5] = 0
    found = heard(tmp_path, room, replace(DESK, array=boards.named("respeaker-usb-4mic"), listen=5))
    assert [(name, verdict) for name, verdict, _ in found[1:]] == [
        ("array", "ok"),
        ("sound", "warning"),
        ("dead", "FAILED"),
    ]


def test_a_microphone_of_an_array_is_told_by_the_number_of_its_channel(tmp_path, room):
    room[:, 4] = room[:, 2]
    found = heard(tmp_path, room, replace(DESK, array=boards.named("respeaker-usb-4mic")))
    assert found[3][:2] == ("twin", "warning")
    assert "Channel 4 is the same sound as channel 2." in found[3][2]


def test_an_array_whose_microphones_are_not_there_fails(tmp_path, room):
    found = heard(tmp_path, room, replace(DESK, array=boards.named("matrix-voice")))
    assert [(name, verdict) for name, verdict, _ in found] == [
        ("device", "ok"),
        ("array", "FAILED"),
        ("sound", "ok"),
        ("channels", "ok"),
    ]
    assert "matrix-voice has 8 channels, but the source delivers 6. Write the card itself as 'alsa'" in found[1][2]


def test_an_array_behind_what_makes_channels_as_it_is_asked_is_asked_for_the_array_s(tmp_path, room):
    source = AlsaSettings("fifo")
    found = heard(tmp_path, room, MicrophoneSettings("desk", source, array=boards.named("respeaker-usb-4mic")))
    assert [(name, verdict) for name, verdict, _ in found] == [
        (name, "ok") for name in ("device", "array", "sound", "channels")
    ]


def test_an_array_that_is_not_recognised_is_told_with_what_to_write(tmp_path, room):
    found = heard(tmp_path, room, replace(DESK, array="auto"))
    assert found[1][:2] == ("array", "warning")
    assert "write the board's name as 'array'" in found[1][2]


def test_faults_of_a_board_are_told(tmp_path, room, monkeypatch):
    def faulty(*_: object) -> None:
        raise SettingsError(["/etc/edgetx/boards/mine.yaml:1: title: is missing"])

    monkeypatch.setattr(device.boards, "resolve", faulty)
    found = heard(tmp_path, room, replace(DESK, array="auto"))
    assert found[1] == ("array", "FAILED", "/etc/edgetx/boards/mine.yaml:1: title: is missing")
    assert found[2][:2] == ("sound", "ok")


def test_the_settling_of_a_device_does_not_count(tmp_path, room):
    room[:2000] = 0
    room[2000:3900] += np.linspace(20_000, 0, 1900)[:, None]
    assert [verdict for _, verdict, _ in heard(tmp_path, room)] == ["ok"] * 3


def test_a_real_time_device_of_another_kind(tmp_path):
    with pulse_microphone(tmp_path) as pulse, environment(pulse.environment):
        there, sound, dead = told(replace(DESK, source=AlsaSettings("testmic")))
    assert there[:2] == ("device", "ok")
    assert (sound[1], dead[:2]) == ("warning", ("dead", "FAILED"))


def test_a_device_that_is_not_there(tmp_path):
    with fifo_microphone(tmp_path) as fifo, environment(fifo.environment):
        ((name, verdict, words),) = told(replace(DESK, source=AlsaSettings("hw:CARD=none")))
        ((_, _, token),) = told(replace(DESK, source=AlsaSettings("usb:2886:0018")))
        ((_, refused, offers),) = told(replace(DESK, source=AlsaSettings("fifo6", channels=4)))
    assert (name, verdict) == ("device", "FAILED")
    assert words.startswith("There is no capture device hw:CARD=none; there are: fifo")
    assert words.endswith("Is it plugged in? 'edgetx devices' lists what there is.")
    assert token.startswith("There is no capture device usb:2886:0018")
    assert refused == "FAILED"
    assert "offers" in offers


@pytest.mark.parametrize(
    ("trouble", "name", "remedy"),
    [
        (Busy("The capture device hw:1 is in use by pipewire (process 7)."), "device", "Stop what holds it"),
        (Stalled("The capture device hw:1 is open but delivers no sound."), "sound", "Cable, hub or power supply"),
    ],
)
def test_a_device_that_another_program_holds_or_that_delivers_nothing(monkeypatch, trouble, name, remedy):
    def failing(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(device, "captured", failing)
    ((came, verdict, words),) = told(DESK)
    assert (came, verdict) == (name, "FAILED")
    assert words.startswith(f"{trouble} {remedy}")


def test_a_recording(tmp_path):
    path = tmp_path / "talk.wav"
    there = replace(DESK, source=WavSettings(path))
    assert told(there) == [("recording", "FAILED", f"There is no recording {path}. Mend 'wav' in the settings.")]
    path.touch()
    assert told(there) == [("recording", "ok", f"{path} is there.")]


# --- held -------------------------------------------------------------------------------------------------------


def held(tmp_path: Path, *, process: int, program: str) -> SoundSystem:
    tree = SoundTree(tmp_path)
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=2)
    tree.hold(1, thread=process + 3, process=process, program=program)
    return tree.system


@pytest.mark.parametrize(
    ("state", "verdict", "words"),
    [
        ({"capture": "running"}, "ok", "The running daemon has the device and says: capture running."),
        ({"capture": "silent", "detail": "Only 0s"}, "warning", "says: capture silent. Only 0s."),
        ({"capture": "stalled"}, "FAILED", "says: capture stalled."),
        ({}, "ok", "The running daemon has the device and says: Running: audio running."),
    ],
)
def test_the_daemon_that_runs_is_asked_and_not_disturbed(tmp_path, state, verdict, words):
    system = held(tmp_path, process=812, program="python3")
    ((name, came, said),) = told(CARD, system=system, unit=SERVICE, state=state)
    assert (name, came) == ("sound", verdict)
    assert words in said


def test_the_daemon_that_runs_has_the_word_even_where_a_shared_device_hides_who_has_it():
    ((_, verdict, said),) = told(DESK, state={"capture": "running"})
    assert verdict == "ok"
    assert said.endswith("capture running.")


def test_a_service_that_says_nothing_or_that_it_is_stalled(tmp_path):
    system = held(tmp_path, process=812, program="edgetx")
    silent = Unit({"ActiveState": "active", "MainPID": "812"})
    assert told(CARD, system=system, unit=silent)[0][1] == "skipped"
    stalled = Unit({"ActiveState": "active", "MainPID": "812", "StatusText": "Stalled: audio stalled."})
    assert told(CARD, system=system, unit=stalled)[0][1] == "FAILED"


def test_a_daemon_in_somebodys_terminal_is_not_disturbed_either(tmp_path):
    system = held(tmp_path, process=99, program="edgetx")
    ((_, verdict, said),) = told(CARD, system=system)
    assert verdict == "skipped"
    assert "A daemon has the device: edgetx (process 99)." in said


def test_what_somebody_muted_stays_closed(tmp_path):
    tree = SoundTree(tmp_path)
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=2)
    ((name, verdict, said),) = told(CARD, system=tree.system, unit=SERVICE, state={"capture": "muted"})
    assert (name, verdict) == ("sound", "skipped")
    assert said.startswith("Somebody muted it, so it is left closed.")


@pytest.mark.parametrize("unit", [NO_SERVICE, SERVICE])
def test_what_somebody_muted_stays_closed_where_only_the_disk_knows_it(tmp_path, unit):
    tree = SoundTree(tmp_path)
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=2)
    ((name, verdict, said),) = told(CARD, system=tree.system, unit=unit, marked=True)
    assert (name, verdict) == ("sound", "skipped")
    assert said.startswith("Somebody muted it, so it is left closed.")


def test_what_somebody_muted_is_not_listened_to_through_another_program_that_shares_it(tmp_path):
    system = held(tmp_path, process=7, program="pipewire")
    ((_, verdict, said),) = told(CARD, system=system, marked=True)
    assert verdict == "skipped"
    assert said.startswith("Somebody muted it, so it is left closed.")


def test_where_it_may_not_be_read_whether_it_is_muted_it_stays_closed():
    ((_, verdict, said),) = told(DESK, marked=None)
    assert (verdict, said) == (
        "skipped",
        "You may not read whether somebody muted it, so it is left closed. sudo edgetx doctor",
    )
    ((_, verdict, said),) = told(DESK, marked=None, state={"capture": "running"})
    assert verdict == "ok"
