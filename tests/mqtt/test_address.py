import socket
import ssl

import pytest

from edgetx.errors import Refused
from edgetx.mqtt.address import Address, cannot_connect, closed_at_once, parse_address


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("mqtt://localhost", "localhost", 1883),
        ("mqtts://broker.lan", "broker.lan", 8883),
        ("mqtts://broker.lan:8884", "broker.lan", 8884),
        ("ws://broker.lan", "broker.lan", 80),
        ("wss://broker.lan/", "broker.lan", 443),
        ("mqtt://[fe80::1]:1884", "fe80::1", 1884),
    ],
)
def test_an_address_says_host_and_port(url, host, port):
    address = parse_address(url)
    assert (address.host, address.port) == (host, port)


def test_the_scheme_says_how_to_talk():
    assert [(a.tls, a.websocket) for a in map(parse_address, ("mqtt://b", "mqtts://b", "ws://b", "wss://b"))] == [
        (False, False),
        (True, False),
        (False, True),
        (True, True),
    ]


def test_a_websocket_has_a_path():
    assert parse_address("ws://broker").path == "/mqtt"
    assert parse_address("ws://broker/bus").path == "/bus"


def test_as_text_it_is_host_and_port_and_no_secret():
    assert str(parse_address("mqtt://me:secret@broker.lan")) == "broker.lan:1883"
    assert str(parse_address("mqtt://[fe80::1]")) == "[fe80::1]:1883"


@pytest.mark.parametrize("url", ["", "broker.lan", "http://broker.lan", "mqtt://", "mqtt://b:99999", "mqtt://b:x"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(Refused, match=r"^mqtt\.url is not .*\.$"):
        parse_address(url)


UNTRUSTED = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]")
UNTRUSTED.verify_message = "self-signed certificate"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UNTRUSTED, r"self-signed certificate\); check mqtt.ca_file"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "does not speak TLS"),
        (socket.gaierror(-2, "Name or service not known"), r"b\.lan is not known \(Name or service not known\)"),
        (ConnectionRefusedError(111, "Connection refused"), r"Nobody listens at b\.lan:1883"),
        (TimeoutError("timed out"), "does not answer"),
        (ConnectionResetError(104, "Connection reset by peer"), "closes the connection at once"),
        (OSError(113, "No route to host"), "cannot be reached: No route to host"),
        (OSError("odd"), "cannot be reached: odd"),
        (ValueError("odd"), "is not an MQTT broker"),
    ],
)
def test_trouble_is_told_in_a_sentence(error, said):
    address = Address("b.lan", 1883, "/mqtt", tls=False, websocket=False)
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(cannot_connect(address, error))


def test_a_door_shut_in_the_face_is_told_too():
    assert closed_at_once(parse_address("mqtt://b.lan")).startswith("What answers at b.lan:1883 closes")
