"""The commands as a person types them, each in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.rigs.broker import Broker, Subscriber
from tests.rigs.microphones import fifo_microphone


def edgetx(*arguments: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edgetx.cli", *arguments]
    return subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=60, check=False
    )


def test_help_shows_every_command_and_examples_within_80_columns():
    shown = edgetx("--help").stdout
    for command in ("run", "check", "devices", "levels", "listen", "mute", "unmute", "doctor"):
        assert f"\n    {command} " in shown
    assert "examples:" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("command", ["run", "check", "devices", "levels", "listen", "mute", "unmute", "doctor"])
def test_every_command_has_its_own_help(command):
    shown = edgetx(command, "--help")
    assert shown.returncode == 0
    assert f"usage: edgetx {command}" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_check_says_what_is_right(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text("device: kitchen\nmicrophones: [{name: desk}]\n")
    checked = edgetx("check", "--config", str(path))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == (
        f"{path} is right: device kitchen, broker mqtt://localhost:1883, microphones: desk (local).\n"
    )


def test_check_names_the_arrays(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text("device: pi\nmicrophones: [{name: a, array: auto}, {name: b, array: respeaker-4mic}, {name: c}]\n")
    checked = edgetx("check", "--config", str(path))
    microphones = "a (local, array auto), b (local, array respeaker-4mic), c (local)."
    assert (checked.stdout.partition("microphones: ")[2], checked.stderr) == (f"{microphones}\n", "")


def test_check_shows_every_fault_with_its_line_and_exits_with_78(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text("microphones:\n  - name: desk\n    sauce: {}\n    provider: 12\n")
    checked = edgetx("check", "--config", str(path))
    assert checked.returncode == 78
    assert checked.stdout == ""
    assert checked.stderr.startswith(f"{path}:3: microphones[0].sauce: unknown setting; did you mean 'source'?\n")
    assert len(checked.stderr.splitlines()) == 2


def test_a_settings_file_that_is_not_there_is_said_in_words():
    checked = edgetx("check", "--config", "/nonexistent/edgetx.yaml")
    assert checked.returncode == 78
    assert "/nonexistent/edgetx.yaml" in checked.stderr
    assert "Traceback" not in checked.stderr


def test_devices_lists_what_alsa_has(tmp_path):
    with fifo_microphone(tmp_path) as microphone:
        microphone.silence(1)
        listed = edgetx("devices", environment=microphone.environment)
    assert listed.returncode == 0
    assert "fifo" in listed.stdout
    assert "16000" in listed.stdout
    assert max(map(len, listed.stdout.splitlines())) <= 80


def test_listen_ends_when_whoever_reads_has_enough(tmp_path):
    with Broker() as broker, Subscriber(broker) as peer:
        path = tmp_path / "edgetx.yaml"
        path.write_text(f"mqtt: {{url: '{broker.url}'}}\nmicrophones: [{{name: desk}}]\n")
        command = [sys.executable, "-m", "edgetx.cli", "listen", "--config", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listening:
            assert listening.stdout.readline().startswith("Listening to edgetx/# at localhost:")
            listening.stdout.close()
            for _ in range(200):
                peer.publish("edgetx/kitchen/availability", b"online", retain=False)
                if listening.poll() is not None:
                    break
            assert listening.wait(30) == 0
            assert listening.stderr.read() == ""


def test_without_a_command_it_says_how_to_use_it():
    shown = edgetx()
    assert shown.returncode == 2
    assert "usage: edgetx" in shown.stderr
