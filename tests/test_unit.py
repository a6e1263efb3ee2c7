"""The unit and its drop-ins, judged by systemd itself; a machine without systemd-analyze says that it did not."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
UNITS = PROJECT / "systemd"
UNIT = UNITS / "edgetx.service"
DROP_INS = sorted((UNITS / "edgetx.service.d").glob("*.conf"))
KNOWN = frozenset((PROJECT / "tests/rigs/systemd-252").read_text().splitlines()[1:])
TYPES_OF_252 = {"simple", "exec", "forking", "oneshot", "dbus", "notify", "idle"}
EXPOSURE = 20
"""Tenths: at most 2.0."""

MDWE_REFUSES_EXEC_GAIN = 1
PR_SET_MDWE = 65
SPEECH = PROJECT / "tests/rigs/speech"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="NOT CHECKED: systemd-analyze is not installed here (apt install systemd)",
)


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def directives(text: str) -> Iterator[tuple[str, str, str]]:
    """(section, name, value) of every line that says something."""
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip()
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield section, name, value


def younger_than_252(text: str) -> list[str]:
    return [
        f"{name}={value}"
        for section, name, value in directives(text)
        if f"{section}{name}" not in KNOWN or (name == "Type" and value not in TYPES_OF_252)
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with the unit where scripts/install puts it, Debian's units, and a program that could be run."""
    root = tmp_path / "root"
    shutil.copytree(UNITS, root / "etc/systemd/system", ignore=shutil.ignore_patterns("sysusers.d"))
    shutil.copytree("/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    program = root / "opt/edgetx/.venv/bin/edgetx"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    return root


def verify(root: Path) -> str:
    return analyze("verify", f"--root={root}", "edgetx.service").stdout


# --- what systemd makes of it ----------------------------------------------------------------------------------


@needs_systemd
def test_systemd_understands_every_line_of_the_unit_and_its_drop_ins(root):
    assert verify(root) == ""


@needs_systemd
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("edgetx.service", "WatchdogSec=", "WatchdogSeconds="),
        ("edgetx.service.d/10-mqtt_password.conf", ":\\n\n", ":\n"),
        ("edgetx.service", "OOMPolicy=continue", "OOMPolicy=whatever"),
        ("edgetx.service", "/bin/edgetx reload", "/bin/edgetx-reload"),
    ],
)
def test_systemd_would_have_named_a_wrong_line(root, file, old, new):
    path = root / "etc/systemd/system" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert verify(root) != ""


@needs_systemd
def test_the_sandbox_leaves_an_exposure_of_two_at_most():
    judged = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", UNIT)
    assert judged.returncode == 0, judged.stdout
    assert "Overall exposure level" in judged.stdout


@needs_systemd
def test_a_unit_with_a_hole_in_its_sandbox_would_not_pass(tmp_path):
    leaky = tmp_path / "edgetx.service"
    leaky.write_text(re.sub("^(PrivateUsers|DevicePolicy|DeviceAllow)=.*\n", "", UNIT.read_text(), flags=re.MULTILINE))
    assert analyze("security", "--offline=true", f"--threshold={EXPOSURE}", leaky).returncode != 0


# --- what only some versions of systemd know -------------------------------------------------------------------


@pytest.mark.parametrize("path", [UNIT, *DROP_INS], ids=lambda path: path.name)
def test_systemd_252_knows_every_directive(path):
    assert younger_than_252(path.read_text()) == []


@pytest.mark.parametrize(
    "line", ["RestartSteps=5", "ImportCredential=edgetx.*", "Type=notify-reload", "RestartMaxDelaySec=60"]
)
def test_a_directive_that_came_later_is_named(line):
    assert younger_than_252(f"[Service]\n# Type=notify-reload\nType=notify\n{line}\n") == [line]


# --- what nobody but edgetx would notice -----------------------------------------------------------------------


def lines() -> dict[str, str]:
    return {name: value for _, name, value in directives(UNIT.read_text())}


def test_neither_network_nor_broker_nor_sound_is_required():
    ordered = {"Requires", "Requisite", "BindsTo", "PartOf", "Upholds", "ConditionPathExists", "AssertPathExists"}
    assert not ordered & lines().keys()
    assert [value for _, name, value in directives(UNIT.read_text()) if name == "Wants"] == ["modprobe@snd.service"]


def test_the_sound_cards_are_let_in_before_there_is_one():
    told = list(directives(UNIT.read_text()))
    assert ("[Unit]", "After", "modprobe@snd.service") in told
    assert lines()["DeviceAllow"] == "char-alsa rw"
    assert not {"PrivateDevices", "ProcSubset", "IPAddressDeny", "ProtectClock"} & lines().keys()


def test_the_capture_thread_may_take_real_time_priority():
    assert lines()["LimitRTPRIO"] == "10"
    assert "RestrictRealtime" not in lines()
    assert "~@resources" not in lines()["SystemCallFilter"]


@pytest.mark.parametrize("path", DROP_INS, ids=lambda path: path.name)
def test_a_drop_in_loads_one_credential_and_does_without_it(path):
    identity = path.stem.removeprefix("10-")
    assert list(directives(path.read_text())) == [
        ("[Service]", "LoadCredential", f"{identity}:/etc/edgetx/credentials/{identity}"),
        ("[Service]", "SetCredential", f"{identity}:\\n"),
    ]


def test_each_credential_of_the_documented_settings_has_its_drop_in():
    named = set(re.findall(r"\{credential: ([a-z_]+)\}", (PROJECT / "config/edgetx.yaml").read_text()))
    assert named <= {path.stem.removeprefix("10-") for path in DROP_INS}


def test_numbers_and_the_recogniser_need_no_memory_that_can_be_written_and_run(tmp_path):
    """MemoryDenyWriteExecute=, by the kernel's own means (prctl(2), since 6.3)."""
    program = (
        "import mmap\n"
        "try: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "except PermissionError: pass\n"
        "else: raise SystemExit('it is not denied')\n"
        "import numpy, soxr, ssl, sqlite3, alsaaudio, websockets, socketio, aiohttp, paho.mqtt.client\n"
        "from edgetx import clock, cli\n"
        "clock.synchronised()\n"
        "assert numpy.ones((8, 8)).dot(numpy.ones(8)).sum() == 64\n"
        "assert len(soxr.resample(numpy.zeros(48000, numpy.float32), 48000, 16000)) == 16000\n"
        "raise SystemExit(cli.main(['run', '--config', 'edgetx.yaml']))\n"
    )
    recording = SPEECH / "austen-0880.wav"
    (tmp_path / "edgetx.yaml").write_text(
        "mqtt: {url: 'mqtt://127.0.0.1:1'}\n"
        f"microphones: [{{name: desk, source: {{wav: {recording}, pace: fast}}}}]\n"
    )
    deny = ctypes.CDLL(None).prctl
    if subprocess.run(["true"], preexec_fn=lambda: os._exit(deny(PR_SET_MDWE, 1, 0, 0, 0) & 1), check=False).returncode:
        pytest.skip("NOT CHECKED: this kernel has no PR_SET_MDWE")
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"STATE_DIRECTORY": str(tmp_path / "state")},
        preexec_fn=lambda: deny(PR_SET_MDWE, MDWE_REFUSES_EXEC_GAIN, 0, 0, 0),
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "local for desk: ready" in run.stderr
    assert "local for desk: waiting" not in run.stderr
