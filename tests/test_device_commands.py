"""``edgetx devices`` and ``edgetx levels`` as processes, with a real ALSA device and, where it counts, a terminal."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgetx import boards, device_commands
from edgetx.audio.alsa_devices import Busy
from edgetx.config import Direction, MicrophoneSettings
from edgetx.device_commands import SettingsFile, devices, levels, listened
from edgetx.errors import SettingsError
from tests.rigs.microphones import FifoMicrophone, fifo_microphone
from tests.rigs.sound_tree import SoundTree

LOUD = (12_000).to_bytes(2, "little", signed=True) * 1600 * 6
"""A period of six channels. Less than a pipe holds is written at a time, so that no writer waits for a dead reader."""

SIX = "microphones: [{name: desk, source: {alsa: fifo, channels: 6}}]"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "edgetx.cli", *arguments]


def edgetx(*arguments: str, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    together = {**os.environ, **environment}
    return subprocess.run(command(*arguments), env=together, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def fifo(tmp_path) -> Iterator[FifoMicrophone]:
    with fifo_microphone(tmp_path, frame_bytes=12) as microphone:
        yield microphone


def settings(folder: Path, text: str) -> str:
    path = folder / "edgetx.yaml"
    path.write_text(text)
    return str(path)


@contextmanager
def in_terminal(*arguments: str, environment: Mapping[str, str]) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """The process, and the end of its terminal, 80 by 24, that a person has."""
    person, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    together = {**os.environ, "TERM": "xterm", **environment}
    try:
        with subprocess.Popen(command(*arguments), env=together, stdin=its, stdout=its, stderr=its) as process:
            try:
                yield process, person
            finally:
                process.kill()
    finally:
        os.close(person)
        os.close(its)


@contextmanager
def reading(*arguments: str, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """The process, whose output is read by a program."""
    together = {**os.environ, **environment}
    pipe = subprocess.PIPE
    with subprocess.Popen(command(*arguments), env=together, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(descriptor: int, what: bytes) -> bytes:
    seen, deadline = b"", time.monotonic() + 30
    while what not in seen:
        ready, _, _ = select.select([descriptor], [], [], deadline - time.monotonic())
        assert ready, f"{what!r} did not come, but {seen!r}"
        seen += os.read(descriptor, 4096)
    return seen


def test_devices_marks_what_the_settings_choose(tmp_path, fifo):
    path = settings(
        tmp_path, "microphones: [{name: desk, source: {alsa: fifo}}, {name: door, source: {alsa: 'card:x'}}]"
    )
    shown = edgetx("devices", "--config", path, environment=fifo.environment)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("* fifo\n    8000, ")
    assert "    * the settings' microphone desk\n" in shown.stdout
    assert "The settings' microphone door uses card:x. There is no capture device card:x" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_devices_as_json(tmp_path, fifo):
    path = settings(tmp_path, "microphones: [{name: desk, source: {alsa: fifo}}, {name: talk, source: {wav: x.wav}}]")
    shown = json.loads(edgetx("devices", "--json", "--config", path, environment=fifo.environment).stdout)
    (device,) = shown["devices"]
    assert (device["token"], device["microphones"], device["in_use"]) == ("fifo", ["desk"], False)
    assert (16000 in device["rates"], device["channels"]) == (True, [])
    assert shown["lost"] == []


def test_devices_tells_which_is_a_microphone_array_and_faults_of_a_board_hide_no_device(tmp_path, monkeypatch):
    tree = SoundTree(tmp_path / "tree")
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=1)
    tree.hat(2, "seeed8micvoicec", captures={0: "ac10x"})
    shown: list[str] = []
    told: list[str] = []

    def show() -> None:
        which = SettingsFile(None, tmp_path / "none", {})
        devices(which, as_json=False, show=shown.append, warn=told.append, system=tree.system)

    show()
    assert "microphone array: 'respeaker-usb-4mic'\n" in shown[0]
    assert "microphone array: 'respeaker-6mic' or 'respeaker-linear4'; only you can tell\n" in shown[0]
    assert told == []

    def faulty() -> list[object]:
        raise SettingsError(["/etc/edgetx/boards/mine.yaml:1: title: is missing"])

    monkeypatch.setattr(device_commands.boards, "all", faulty)
    show()
    assert "usb:2886:0018" in shown[1]
    assert "microphone array" not in shown[1]
    ((about, fault),) = [each.split("\n") for each in told]
    assert about == "Which device is a microphone array is not shown, because a board's file has faults:"
    assert fault == "/etc/edgetx/boards/mine.yaml:1: title: is missing"


def test_settings_that_are_named_must_be_there_and_right(tmp_path, fifo):
    for words in (["devices"], ["levels"]):
        shown = edgetx(*words, "--config", str(tmp_path / "none.yaml"), environment=fifo.environment)
        assert shown.returncode == 78
        assert "there is no such file" in shown.stderr


def test_a_wrong_token_is_a_fault_with_its_line(tmp_path, fifo):
    path = settings(tmp_path, "microphones:\n  - name: desk\n    source: {alsa: 'usb:2886:18'}\n")
    for words in (["check"], ["devices"]):
        shown = edgetx(*words, "--config", path, environment=fifo.environment)
        assert shown.returncode == 78
        assert shown.stderr.startswith(f"{path}:3: microphones[0].source.alsa: 'usb:2886:18' names no device; it is")
    assert edgetx("levels", "--device", "usb:2886:18", environment=fifo.environment).returncode == 2


def test_the_usual_settings_count_if_they_can_be_read_and_their_faults_hide_no_device(tmp_path):
    tree = SoundTree(tmp_path / "tree")
    told: list[str] = []

    def show(path: Path, named: Path | None = None) -> str:
        shown: list[str] = []
        which = SettingsFile(named, path, {})
        devices(which, as_json=False, show=shown.append, warn=told.append, system=tree.system)
        return shown[0]

    path = tmp_path / "edgetx.yaml"
    assert "microphone desk" not in show(path)
    path.write_text("microphones: [{name: desk, source: {alsa: 'card:x'}}]")
    assert "microphone desk" in show(path)
    assert told == []
    path.write_text("microphones: 7")
    assert "microphone desk" not in show(path)
    assert told[0].startswith(f"Which device {path} chooses is not shown, because it has faults:\n{path}:1: ")
    with pytest.raises(SettingsError):
        show(path, named=path)


def test_levels_are_shown_in_a_terminal_until_ctrl_c_which_leaves_the_cursor(tmp_path, fifo):
    path = settings(tmp_path, SIX)
    with in_terminal("levels", "--config", path, environment=fifo.environment) as (process, terminal):
        begun = read_until(terminal, b"Ctrl-C ends it)")
        assert b"fifo  16000:S16_LE:6  (dBFS; > is listened to; " in begun
        fifo.write(LOUD * 2)
        rows = read_until(terminal, b"  5 [")
        assert b"\x1b[32m####" in rows
        process.send_signal(signal.SIGINT)
        read_until(terminal, b"\x1b[?25h")
        assert process.wait(30) == 0


def test_without_colours_none_come(tmp_path, fifo):
    path = settings(tmp_path, SIX)
    environment = {**fifo.environment, "NO_COLOR": "1"}
    with in_terminal("levels", "--config", path, environment=environment) as (process, terminal):
        fifo.write(LOUD * 2)
        assert b"m####" not in read_until(terminal, b"  5 [")
        process.send_signal(signal.SIGTERM)
        read_until(terminal, b"\x1b[?25h")
        assert process.wait(30) == 0


def test_levels_of_the_settings_microphone_are_plain_lines_for_a_program_that_may_have_enough(tmp_path, fifo):
    desk = "{name: desk, source: {alsa: fifo, sample_rate: 8000, channels: 2}}"
    path = settings(tmp_path, f"microphones: [{{name: a, source: {{alsa: none}}}}, {desk}]")
    second = (LOUD * 2)[: 8000 * 2 * 2]
    with reading("levels", "--config", path, "--microphone", "desk", environment=fifo.environment) as process:
        assert process.stdout.readline().startswith("fifo  8000:S16_LE:2  (channel:peak/rms in dBFS")
        fifo.write(second)
        assert process.stdout.readline() == "0:-9/-9 1:-9/-9\n"
        process.stdout.close()
        fifo.write(second)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


def test_a_microphone_that_is_not_there_is_answered_with_those_that_are(tmp_path, fifo):
    path = settings(tmp_path, "microphones: [{name: desk}, {name: talk, source: {wav: x.wav}}]")
    shown = edgetx("levels", "--config", path, "--microphone", "talk", environment=fifo.environment)
    assert shown.returncode == 1
    assert shown.stderr == "There is no microphone 'talk' with an ALSA device; there is 'desk'.\n"


def test_a_device_that_is_held_is_answered_with_how_to_see_its_levels(tmp_path, monkeypatch):
    def held(_settings: object) -> None:
        raise Busy("The capture device fifo is in use by edgetx (process 7).")

    monkeypatch.setattr(device_commands, "every_channel", held)
    with pytest.raises(
        Busy, match=r"by edgetx \(process 7\)\.\nIf that is the edgetx service, .*'level_seconds: 0\.5'"
    ):
        levels(SettingsFile(None, tmp_path / "none", {}), microphone=None, device="fifo")


def test_the_channels_that_are_listened_to_follow_from_the_settings():
    def of(**chosen: object) -> list[int]:
        return list(listened(MicrophoneSettings("desk", **chosen)))

    assert (of(), of(listen=3), list(listened(MicrophoneSettings("")))) == ([0], [3], [])
    assert 5 in of(listen="mix")
    board = boards.named("respeaker-usb-4mic")
    assert of(array=board) == of(array=board, listen=Direction(90.0)) == of(array=board, listen="mix") == [1, 2, 3, 4]
    assert of(array=board, listen=0) == [0]


def test_the_levels_of_an_array_say_where_its_talker_is(tmp_path, fifo):
    """Whether it is the array that the settings name, or one that is named for a device."""
    path = settings(tmp_path, "microphones: [{name: desk, source: {alsa: fifo}, array: respeaker-usb-4mic}]")
    for options in (["--config", path], ["--device", "fifo", "--array", "respeaker-usb-4mic"]):
        with reading("levels", *options, environment=fifo.environment) as process:
            assert process.stdout.readline().startswith("fifo  16000:S16_LE:6  ")
            fifo.write(LOUD * 10)
            assert process.stdout.readline().endswith(" talker:-\n")
    shown = edgetx("levels", "--device", "fifo", "--array", "respeaker-usb-5mic", environment=fifo.environment)
    assert (shown.returncode, shown.stderr[:47]) == (78, "'respeaker-usb-5mic' is no board; did you mean ")
