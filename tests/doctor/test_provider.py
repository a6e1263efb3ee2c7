"""What the doctor finds, of real servers: one that is well, and ones that are not."""

import asyncio
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgetx.config import Secret, parse
from edgetx.doctor import provider as doctor
from edgetx.errors import Refused, SettingsError
from edgetx.provider_settings import AssemblyAISettings, LocalSettings
from edgetx.speech import registry
from tests.rigs.assemblyai_scenario import KEY, Fault, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.certificates import certificate
from tests.rigs.http_server import answer, http_server
from tests.rigs.story import story


@dataclass
class Findings:
    """What was shown, line by line."""

    lines: list[str] = field(default_factory=list)
    well: bool = False

    @property
    def verdicts(self) -> list[tuple[str, str]]:
        """Each step with its verdict."""
        return [(line[:12].strip(), line[12:20].strip()) for line in self.lines[1:] if line[0] != " "]

    @property
    def text(self) -> str:
        """Everything, in one line."""
        return " ".join(" ".join(self.lines).split())


async def examined(url: str, *, key: str = KEY) -> Findings:
    findings = Findings()
    provider = registry.provider("aai", AssemblyAISettings(Secret("text", key), url=url), api_key=key)
    findings.well = await doctor.examine([provider], show=findings.lines.append)
    assert all(len(line) <= 80 for line in findings.lines)
    assert key not in findings.text
    return findings


OK = [(step, "ok") for step in ("address", "connection", "authorised", "ready", "heard", "closed")]


@story
async def test_a_provider_that_is_well():
    async with AssemblyAIServer() as server:
        findings = await examined(server.url)
    assert findings.well
    assert findings.verdicts == OK
    assert "127.0.0.1 is 127.0.0.1." in findings.text
    assert "1.0 s of silence sent, 1.0 s of it acknowledged." in findings.text
    (connection,) = server.connections
    assert bytes(connection.audio) == bytes(32_000)
    assert connection.frames[-1][0] - connection.frames[0][0] > 0.6
    assert connection.texts == ['{"type":"Terminate"}']


@story
async def test_a_wrong_key():
    async with AssemblyAIServer(Scenario(key="another")) as server:
        findings = await examined(server.url)
    assert not findings.well
    assert findings.verdicts == [*OK[:2], ("authorised", "FAILED")]
    assert "Invalid API key" in findings.text
    assert "Check the key (api_key)" in findings.text


@story
async def test_a_wrong_key_that_http_refuses():
    async with AssemblyAIServer(Scenario(fault=Fault.HTTP_401)) as server:
        findings = await examined(server.url)
    assert findings.verdicts == [*OK[:2], ("authorised", "FAILED")]
    assert "HTTP status 401" in findings.text


@story
async def test_nobody_there():
    findings = await examined("ws://127.0.0.1:1/v3/ws")
    assert findings.verdicts == [OK[0], ("connection", "FAILED")]
    assert "127.0.0.1:1 cannot be reached: Connection refused." in findings.text
    assert "firewall" in findings.text


@story
async def test_a_name_that_nobody_knows():
    findings = await examined("wss://no-such-host.invalid/v3/ws")
    assert findings.verdicts == [("address", "FAILED")]
    assert "Is it spelt right" in findings.text


@story
async def test_a_server_that_is_none_of_websockets():
    ssh = b"SSH-2.0-OpenSSH_9.2\r\n"
    with http_server(ssh, ssh) as (port, _):
        findings = await examined(f"ws://127.0.0.1:{port}/v3/ws")
    assert findings.verdicts == [*OK[:2], ("ready", "FAILED")]
    assert "does not answer as a WebSocket server" in findings.text
    assert "Check that the address is this provider's" in findings.text


@story
async def test_tls_with_a_certificate_that_nobody_vouches_for(tmp_path):
    with http_server(answer(b""), tls=certificate(tmp_path)) as (port, _):
        findings = await examined(f"wss://127.0.0.1:{port}/v3/ws")
    assert findings.verdicts == [OK[0], ("connection", "FAILED")]
    assert "cannot be trusted; is the clock right, and the certificate?" in findings.text


@story
async def test_a_server_that_takes_us_and_never_answers(monkeypatch):
    monkeypatch.setattr(doctor, "WHOLE_SECONDS", 0.5)
    waiting = threading.Event()
    with http_server(b"", b"", wait=waiting) as (port, _):
        findings = await examined(f"ws://127.0.0.1:{port}/v3/ws")
        waiting.set()
    assert findings.verdicts == [*OK[:2], ("ready", "FAILED")]
    assert "This step was not done after 0.5 s." in findings.text


@story
async def test_a_provider_that_closes_before_it_is_ready():
    async with AssemblyAIServer(Scenario(fault=Fault.CLOSE_BEFORE_BEGIN)) as server:
        findings = await examined(server.url)
    assert findings.verdicts == [*OK[:2], ("ready", "FAILED")]


@story
async def test_a_session_that_breaks_while_it_is_sent_sound():
    async with AssemblyAIServer(Scenario(fault=Fault.RESET, fault_at_ms=500)) as server:
        findings = await examined(server.url)
    assert findings.verdicts == [*OK[:4], ("heard", "FAILED")]


@story
async def test_a_session_that_breaks_at_its_end():
    async with AssemblyAIServer(Scenario(fault=Fault.CLOSE_1000, fault_at_ms=1000)) as server:
        findings = await examined(server.url)
    assert findings.verdicts == [*OK[:5], ("closed", "FAILED")]
    assert not findings.well


@story
async def test_what_the_provider_says_by_the_way_is_shown_without_its_control_characters():
    odd = ((100.0, {"type": "Warning", "warning_code": 7, "warning": "be\x1b[31mware\nsoon"}),)
    async with AssemblyAIServer(Scenario(script=odd)) as server:
        findings = await examined(server.url)
    assert findings.well
    assert "ware" in findings.text
    assert all(line.isprintable() for line in findings.lines)


@story
async def test_the_embedded_recogniser():
    findings = Findings()
    provider = registry.provider("local", LocalSettings(keyphrases=("lights on",)))
    findings.well = await doctor.examine([provider], show=findings.lines.append)
    assert findings.well
    assert findings.verdicts == [(step, "ok") for step in ("started", "ready", "heard", "closed")]


@story
async def test_the_embedded_recogniser_with_a_grammar_that_is_none(tmp_path):
    (tmp_path / "it.gram").write_text("nonsense")
    findings = Findings()
    provider = registry.provider("local", LocalSettings(grammar=tmp_path / "it.gram"))
    assert not await doctor.examine([provider], show=findings.lines.append)
    assert findings.verdicts == [("started", "FAILED")]


# --- which ------------------------------------------------------------------------------------------------------

SETTINGS = """
providers:
  aai: {type: assemblyai, api_key: {env: AAI_KEY}}
microphones: [{name: desk}]
"""


def config(text: str = SETTINGS):
    return parse(text, path="e.yaml", environment={"AAI_KEY": KEY}, host_name="pi", world_readable=False)


def names(name: str | None, environment: dict[str, str]) -> list[str]:
    return [provider.name for provider in doctor.chosen(config(), name, environment)]


def test_the_one_that_is_named_or_those_that_the_microphones_use():
    assert names("aai", {"AAI_KEY": KEY}) == ["aai"]
    assert names("local", {}) == names(None, {}) == ["local"]


def test_a_name_that_is_not_in_the_settings():
    with pytest.raises(Refused, match="'aia' is not under 'providers' in the settings; did you mean 'aai'"):
        names("aia", {})
    with pytest.raises(Refused, match="'zzz' is not under 'providers' in the settings; there is 'aai' or 'local'"):
        names("zzz", {})


def test_a_key_that_is_not_there():
    with pytest.raises(SettingsError, match=r"providers\.aai\.api_key: the environment variable"):
        names("aai", {})


def edgetx(*arguments: str, path: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edgetx.cli", "doctor", "--config", str(path), *arguments]
    environment = {**os.environ, "AAI_KEY": KEY}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@story
async def test_the_command_exits_with_0_when_all_is_well(tmp_path):
    path = tmp_path / "edgetx.yaml"
    async with AssemblyAIServer() as server:
        path.write_text(SETTINGS.replace("{env: AAI_KEY}", f"{{env: AAI_KEY}}, url: '{server.url}'"))
        tried = await asyncio.to_thread(edgetx, "--provider", "aai", path=path)
    assert (tried.returncode, tried.stderr) == (0, "")
    assert tried.stdout.startswith("aai:\naddress     ok      127.0.0.1 is 127.0.0.1.\n")
    assert tried.stdout.endswith("closed      ok      As agreed.\n")


def test_the_command_exits_with_1_when_not_all_is_well_and_with_no_trace(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text(SETTINGS.replace("{env: AAI_KEY}", "{env: AAI_KEY}, url: 'ws://127.0.0.1:1'"))
    tried = edgetx("--provider", "aai", path=path)
    assert tried.returncode == 1
    assert tried.stderr == ""
    assert tried.stdout.startswith("aai:\naddress     ok      127.0.0.1 is 127.0.0.1.\nconnection  FAILED  ")
    named = edgetx("--provider", "ai", path=path)
    assert (named.returncode, named.stdout) == (1, "")
    assert named.stderr == "'ai' is not under 'providers' in the settings; did you mean 'aai'?\n"
