"""What the doctor finds of a real Mosquitto: one that is well, and ones that are not."""

import json
from pathlib import Path

import pytest

from edgetx.config import parse
from edgetx.doctor import broker
from edgetx.doctor.report import Finding
from tests.rigs.broker import Broker, Subscriber, free_port
from tests.rigs.certificates import certificate
from tests.rigs.http_server import http_server
from tests.rigs.scripted_broker import SUBSCRIBE, ScriptedBroker, Visit
from tests.rigs.story import story


class Findings(list[Finding]):
    @property
    def verdicts(self) -> list[tuple[str, str]]:
        return [(finding.name, str(finding.verdict)) for finding in self]

    @property
    def last(self) -> str:
        return f"{self[-1].text} {self[-1].remedy}"


async def examined(url: str, *, login: tuple[str, str] | None = None, ca_file: Path | None = None):
    settings = {"url": url} | ({"username": login[0]} if login else {}) | ({"ca_file": str(ca_file)} if ca_file else {})
    text = json.dumps({"device": "kitchen", "mqtt": settings, "microphones": [{"name": "desk"}]})
    config = parse(text, path="e.yaml", environment={}, host_name="pi", world_readable=False)
    findings = Findings()
    told = await broker.Visit(config, login[1] if login else None, findings.append).run()
    return findings, told


NAME, TCP, NO_TLS, TLS = ("name", "ok"), ("TCP", "ok"), ("TLS", "skipped"), ("TLS", "ok")
WELL = [("login", "ok"), ("messages", "ok")]


@story
async def test_a_broker_that_is_well_and_what_the_daemon_has_retained_there():
    with Broker() as there, Subscriber(there) as peer:
        peer.publish("edgetx/kitchen/desk/state", b'{"capture":"muted"}', retain=True)
        peer.publish("edgetx/kitchen/door/state", b"nonsense", retain=True)
        peer.publish("edgetx/kitchen/availability", b"online", retain=True)
        findings, told = await examined(there.url)
        assert peer.wait_for(lambda received: any(each.topic == "edgetx/kitchen/doctor" for each in received))
    assert findings.verdicts == [NAME, TCP, NO_TLS, *WELL]
    assert "lets us in without a user name; it speaks MQTT 5." in findings[3].text
    assert findings[4].text.startswith("A message to edgetx/kitchen/doctor came back after 0.")
    assert told == {"desk/state": {"capture": "muted"}, "availability": "online"}
    assert not any(each.retained for each in peer.on("/doctor"))


@pytest.mark.parametrize("protocol", ["ws", "mqtts", "wss"])
def test_every_way_to_a_broker(protocol):
    @story
    async def told():
        with Broker(protocol=protocol, login=("edgetx", "secret")) as there:
            ca_file = there.ca_file if protocol in {"mqtts", "wss"} else None
            findings, _ = await examined(there.url, login=("edgetx", "secret"), ca_file=ca_file)
        assert findings.verdicts == [NAME, TCP, TLS if ca_file else NO_TLS, *WELL], findings
        assert "as edgetx" in findings[3].text

    told()


@story
async def test_a_wrong_password():
    with Broker(login=("edgetx", "secret")) as there:
        findings, _ = await examined(there.url, login=("edgetx", "wr0ng"))
    assert findings.verdicts == [NAME, TCP, NO_TLS, ("login", "FAILED")]
    assert "Check mqtt.username and mqtt.password" in findings.last
    assert "wr0ng" not in "".join(map(str, findings))


@story
async def test_a_certificate_that_nobody_vouches_for(tmp_path):
    with Broker(protocol="mqtts") as there:
        findings, _ = await examined(there.url)
        assert findings.verdicts == [NAME, TCP, ("TLS", "FAILED")]
        assert "See mqtt.ca_file" in findings.last
        (tmp_path / "none.pem").write_text("no certificate")
        findings, _ = await examined(there.url, ca_file=tmp_path / "none.pem")
    assert findings.verdicts == [NAME, TCP, ("TLS", "FAILED")]
    assert "mqtt.ca_file, cert_file or key_file cannot be used" in findings.last


@story
async def test_nobody_there():
    findings, told = await examined(f"mqtt://127.0.0.1:{free_port()}")
    assert findings.verdicts == [NAME, ("TCP", "FAILED")]
    assert "Connection refused" in findings.last
    assert told == {}


@story
async def test_a_name_that_nobody_knows():
    findings, _ = await examined("mqtt://no-such-host.invalid")
    assert findings.verdicts == [("name", "FAILED")]


@story
async def test_a_server_that_is_none_of_mqtt(tmp_path):
    certificate(tmp_path)
    ssh = b"SSH-2.0-OpenSSH_9.2\r\n"
    with http_server(*[ssh] * 4) as (port, _):
        findings, _ = await examined(f"mqtt://127.0.0.1:{port}")
    assert findings.verdicts == [NAME, TCP, NO_TLS, ("login", "FAILED")]


def suback(visit: Visit, code: int) -> None:
    kind, _, body, _ = visit.packet()
    assert kind == SUBSCRIBE
    visit.send(9, body[:2] + b"\0" + bytes([code]))


NOT_AUTHORISED = 0x87
STUCK = [NAME, TCP, NO_TLS, ("login", "ok"), ("messages", "FAILED")]


@story
async def test_a_broker_that_lets_us_hear_nothing():
    def script(visit: Visit) -> None:
        visit.accept()
        for _ in range(3):
            suback(visit, NOT_AUTHORISED)
        visit.serve()

    with ScriptedBroker(script) as there:
        findings, _ = await examined(there.url)
    assert findings.verdicts == [*STUCK[:-1], ("messages", "warning")]
    assert "ot authorized" in findings.last
    assert "hears no requests; see the broker's access list" in findings.last


@story
async def test_a_broker_that_lets_us_say_nothing():
    def script(visit: Visit) -> None:
        visit.accept()
        suback(visit, 1)
        suback(visit, NOT_AUTHORISED)  # States need not be had.
        suback(visit, 1)
        visit.acknowledge(visit.next(), NOT_AUTHORISED)
        visit.serve()

    with ScriptedBroker(script) as there:
        findings, _ = await examined(there.url)
    assert findings.verdicts == STUCK
    assert "ot authorized" in findings.last


@story
async def test_a_broker_that_swallows_messages(monkeypatch):
    def script(visit: Visit) -> None:
        visit.accept()
        for _ in range(3):
            suback(visit, 1)
        visit.serve()

    monkeypatch.setattr(broker, "PROBE_SECONDS", 0.3)
    with ScriptedBroker(script) as there:
        findings, _ = await examined(there.url)
    assert findings.verdicts == STUCK
    assert "does not give it back" in findings.last


@story
async def test_a_broker_that_hangs_up_in_the_middle():
    def script(visit: Visit) -> None:
        visit.accept()
        suback(visit, 1)

    with ScriptedBroker(script) as there:
        findings, _ = await examined(there.url)
    assert findings.verdicts == STUCK


@story
async def test_a_broker_of_the_older_version():
    def refusing(visit: Visit) -> None:
        visit.accept(0x84 if visit.version == 5 else 0)
        if visit.version == 5:
            return
        for _ in range(3):
            _, _, body, _ = visit.packet()
            visit.send(9, body[:2] + b"\1")
        message = visit.next()
        visit.send(3, len(message.topic).to_bytes(2, "big") + message.topic.encode() + message.payload)
        visit.serve()

    with ScriptedBroker(refusing) as there:
        findings, _ = await examined(there.url)
    assert findings.verdicts == [NAME, TCP, NO_TLS, *WELL]
    assert "it speaks MQTT 3.1.1" in findings[3].text
