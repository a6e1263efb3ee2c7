"""The whole of it: a real ALSA device, a real broker, the provider's stand-in; systemd and the Pi are made up."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from edgetx.device_commands import listened
from edgetx.doctor.examination import Examination
from edgetx.doctor.reading import Machine
from edgetx.doctor.report import COLUMNS, Report
from tests.doctor.test_reading import FILES, write
from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.broker import Broker, Subscriber, free_port
from tests.rigs.daemon import Daemon
from tests.rigs.microphones import pulse_microphone, readings
from tests.rigs.story import story
from tests.test_device_commands import in_terminal, read_until

ACTIVE = """\
LoadState=loaded
ActiveState=active
SubState=running
StatusText=Running: audio running, speech ready, mqtt connected.
NRestarts=0
MainPID=812
User=edgetx
UnitFileState=enabled
"""
WELL = {
    **FILES,
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    "boot/firmware/config.txt": "dtparam=audio=on\n",
}


def settings(folder: Path, *, broker: str, provider: str = "", source: str = "alsa: fifo, channels: 6") -> Path:
    path = folder / "edgetx.yaml"
    path.write_text(
        f"device: kitchen\nmqtt: {{url: '{broker}'}}\n"
        f"providers:\n  aai: {{type: assemblyai, url: '{provider}', api_key: {{env: AAI_KEY}}}}\n"
        f"microphones: [{{name: desk, provider: aai, source: {{{source}}}}}]\n"
    )
    return path


async def examined(path: Path, root: Path, *, systemctl: str = "", synchronised: bool = True) -> tuple[int, Report]:
    lines: list[str] = []
    report = Report(lines.append)
    machine = Machine(root, lambda command: systemctl if command[0] == "systemctl" else None)
    told = {"AAI_KEY": KEY, "HOME": str(root)}
    code = await Examination(path, told, report, listened, machine, lambda: synchronised).run()
    assert max(map(len, lines)) <= COLUMNS
    assert KEY not in "".join(lines)
    assert all(re.search(r"[.!?)]$", finding.text) for finding in report.findings), report.findings
    return code, report


def verdicts(report: Report) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in report.findings:
        found.setdefault(finding.stage, []).append(f"{finding.name} {finding.verdict}")
    return found


@story
async def test_a_device_that_is_well_in_every_respect(tmp_path):
    root = tmp_path / "root"
    write(root, WELL)
    (root / "run/systemd/system").mkdir(parents=True)
    async with AssemblyAIServer() as server:
        with Broker() as broker, Subscriber(broker) as peer:
            peer.publish("edgetx/kitchen/desk/state", b'{"capture":"running"}', retain=True)
            path = settings(tmp_path, broker=broker.url, provider=server.url)
            code, report = await examined(path, root, systemctl=ACTIVE)
    assert verdicts(report) == {
        "settings": ["file ok"],
        "service": ["activity ok", "restarts ok"],
        "machine": ["clock ok", "power ok", "heat ok", "room ok", "state ok", "wear ok"],
        "sound": ["you ok" if os.geteuid() == 0 else report_of_you(report), "service ok"],
        "broker": ["name ok", "TCP ok", "TLS skipped", "login ok", "messages ok"],
        "microphone desk": ["sound ok"],
        "provider aai": [f"{step} ok" for step in ("address", "connection", "authorised", "ready", "heard", "closed")],
    }
    assert (code, report.well) == (0, True)


def report_of_you(report: Report) -> str:
    return next(f"{each.name} {each.verdict}" for each in report.findings if each.name == "you")


@story
async def test_a_device_on_which_much_is_wrong(tmp_path):
    root = tmp_path / "root"
    write(
        root,
        {
            **FILES,
            "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
            "etc/group": "audio:x:29:\n",
            "etc/passwd": "edgetx:x:999:999::/:/usr/sbin/nologin\n",
        },
    )
    (root / "run/systemd/system").mkdir(parents=True)
    path = settings(tmp_path, broker=f"mqtt://localhost:{free_port()}", provider="ws://127.0.0.1:1")
    failed = ACTIVE.replace("ActiveState=active", "ActiveState=failed").replace("NRestarts=0", "NRestarts=5")
    code, report = await examined(path, root, systemctl=failed, synchronised=False)
    found = verdicts(report)
    assert found["service"] == ["activity FAILED", "restarts warning"]
    assert found["machine"][:3] == ["clock warning", "power FAILED", "heat warning"]
    assert found["sound"][1:] == ["service FAILED", "driver FAILED"]
    assert found["broker"] == ["name ok", "TCP FAILED"]
    assert found["microphone desk"] == ["device FAILED"]
    assert found["provider aai"] == ["address ok", "connection FAILED"]
    assert code == 1
    assert report.summary == "7 checks FAILED, 3 warnings."
    (driver,) = [finding for finding in report.findings if finding.name == "driver"]
    assert "DKMS has built it for 6.1.21-v8+ only" in driver.text


@story
async def test_wrong_settings_are_shown_whole_and_the_rest_is_examined_all_the_same(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text("microphones:\n  - name: desk\n    sauce: {}\n    provider: 12\n")
    code, report = await examined(path, tmp_path)
    found = verdicts(report)
    assert found["settings"] == ["file FAILED", "file FAILED", "the rest skipped"]
    assert report.findings[0].text.startswith(f"{path}:3: microphones[0].sauce: unknown setting")
    assert found["service"] == ["activity skipped"]
    assert found["machine"][:2] == ["clock ok", "power skipped"]
    assert "broker" not in found
    assert code == 78


@story
async def test_secrets_that_are_not_to_be_had_hold_up_their_own_part_only(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text(
        f"mqtt: {{url: 'mqtt://localhost:{free_port()}', username: a, password: {{file: none}}}}\n"
        "providers:\n  aai: {type: assemblyai, api_key: {file: none}}\n"
        f"microphones: [{{name: desk, provider: aai, source: {{wav: {readings()[0]}}}}}]\n"
    )
    code, report = await examined(path, tmp_path)
    found = verdicts(report)
    assert (found["broker"], found["provider aai"]) == (["login FAILED"], ["key FAILED"])
    assert found["microphone desk"] == ["recording ok"]
    assert code == 1


@story
async def test_a_muted_microphone_stays_closed_while_the_broker_is_down(tmp_path):
    root = tmp_path / "root"
    write(root, WELL | {"var/lib/edgetx/muted/desk": ""})
    (root / "run/systemd/system").mkdir(parents=True)
    path = settings(tmp_path, broker=f"mqtt://localhost:{free_port()}", provider="ws://127.0.0.1:1")
    for name, seen in (("muted", ["sound skipped"]), ("unmuted", ["device FAILED"])):
        (root / "var/lib/edgetx").joinpath("muted").rename(root / "var/lib/edgetx" / name)
        _, report = await examined(path, root, systemctl=ACTIVE)
        assert verdicts(report)["microphone desk"] == seen
    (root / "var/lib/edgetx/muted").touch()
    _, report = await examined(path, root, systemctl=ACTIVE)
    assert verdicts(report)["microphone desk"] == ["sound skipped"], "what cannot be read is left alone"


# --- as a person types it ---------------------------------------------------------------------------------------


def edgetx(*arguments: str, more: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edgetx.cli", "doctor", *arguments]
    told = {**os.environ, "AAI_KEY": KEY, **(more or {})}
    return subprocess.run(command, env=told, capture_output=True, text=True, timeout=60, check=False)


@story
async def test_the_command_in_words_and_as_json(tmp_path):
    async with AssemblyAIServer() as server:
        with Broker() as broker:
            path = settings(tmp_path, broker=broker.url, provider=server.url, source=f"wav: {readings()[0]}")
            words = await asyncio.to_thread(edgetx, "--config", str(path))
            data = await asyncio.to_thread(edgetx, "--config", str(path), "--json")
    told = json.loads(data.stdout)
    assert (words.stderr, data.stderr) == ("", "")
    assert words.stdout.startswith(f"settings:\nfile        ok      {path} is right:"[:40])
    assert "\x1b" not in words.stdout
    assert max(map(len, words.stdout.splitlines())) <= COLUMNS
    assert all(check.keys() == {"stage", "name", "verdict", "text", "remedy"} for check in told["checks"])
    assert told["ok"] is (data.returncode == 0)
    assert words.returncode == data.returncode
    ill = [check for check in told["checks"] if check["verdict"] == "FAILED"]
    assert told["ok"] is not bool(ill)
    assert {"stage": "broker", "name": "messages"}.items() <= told["checks"][-8].items()


def test_the_command_with_wrong_settings_exits_with_78(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text("microphones: 7\n")
    shown = edgetx("--config", str(path))
    assert shown.returncode == 78
    assert shown.stdout.startswith("settings:\nfile        FAILED  ")
    assert " FAILED, " in shown.stdout.splitlines()[-1]
    assert "Traceback" not in shown.stderr


def test_the_command_with_one_provider_as_json(tmp_path):
    path = settings(tmp_path, broker="mqtt://localhost:1", provider="ws://127.0.0.1:1")
    shown = edgetx("--config", str(path), "--provider", "aai", "--json")
    told = json.loads(shown.stdout)
    assert (shown.returncode, told["ok"]) == (1, False)
    assert [(check["stage"], check["name"], check["verdict"]) for check in told["checks"]] == [
        ("aai", "address", "ok"),
        ("aai", "connection", "FAILED"),
    ]


@story
async def test_what_a_daemon_that_is_no_more_has_left_on_the_broker_does_not_count(tmp_path):
    with Broker() as broker, Subscriber(broker) as peer:
        path = settings(tmp_path, broker=broker.url, provider="ws://127.0.0.1:1", source="alsa: fifo")
        peer.publish("edgetx/kitchen/desk/state", b'{"capture":"running"}', retain=True)
        peer.publish("edgetx/kitchen/availability", b"offline", retain=True)
        _, report = await examined(path, tmp_path)
        assert verdicts(report)["microphone desk"] == ["device FAILED"]
        peer.publish("edgetx/kitchen/availability", b"online", retain=True)
        _, report = await examined(path, tmp_path)
        assert verdicts(report)["microphone desk"] == ["sound ok"]


def test_beside_a_daemon_that_holds_the_device_there_is_no_false_alarm_and_no_message_of_its_is_lost(tmp_path):
    (home := tmp_path / "pulse").mkdir()
    with Broker() as broker, Subscriber(broker) as subscriber, pulse_microphone(home) as pulse:
        config = {
            "device": "kitchen",
            "mqtt": {"url": broker.url},
            "microphones": [{"name": "desk", "source": {"alsa": pulse.name}}],
        }
        with Daemon(tmp_path, config, pulse.environment) as daemon, pulse.playing(readings()[0]):
            running = subscriber.wait_for(lambda got: any(b'"capture":"running"' in each.payload for each in got), 40)
            assert running, daemon.log
            shown = edgetx("--config", str(daemon.config), "--json", more=pulse.environment)
            told = [check for check in json.loads(shown.stdout)["checks"] if check["stage"] == "microphone desk"]
            assert [check["name"] for check in told] == ["sound"], told
            assert told[0]["verdict"] in {"ok", "warning"}  # As the reading may have come to its end: silent.
            assert told[0]["text"].startswith("The running daemon has the device and says: capture ")
            assert [each.payload for each in subscriber.on("/availability")][-1] == b"online"
            assert daemon.stop() == 0, daemon.log
        assert "another client" not in daemon.log


def test_colours_are_for_terminals_that_want_them(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text("microphones: 7\n")
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with in_terminal("doctor", "--config", str(path), environment=more) as (process, terminal):
            shown = read_until(terminal, b" FAILED, ")
            assert (b"\x1b[1;31mFAILED\x1b[m" in shown) is coloured
            assert process.wait(30) == 78


def test_whoever_reads_may_have_enough(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text("microphones: 7\n")
    command = [sys.executable, "-m", "edgetx.cli", "doctor", "--config", str(path)]
    read, write_end = os.pipe()
    os.close(read)
    with subprocess.Popen(command, stdout=write_end, stderr=subprocess.PIPE, text=True) as process:
        os.close(write_end)
        assert process.wait(30) == 1
        assert process.stderr.read() == ""
