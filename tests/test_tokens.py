import pytest

from edgetx.tokens import Token, alsa_name, plain, token


@pytest.mark.parametrize(
    ("name", "kind", "value", "device"),
    [
        ("usb:2886:0018", "usb", "2886:0018", None),
        ("usb:0D8C:013A:AB 12", "usb", "0d8c:013a:AB_12", None),
        ("usb:0d8c:013a:00:11,1", "usb", "0d8c:013a:00:11", 1),
        ("usb-path:pci-0000:00:14.0-usb-0:2:1.0", "usb-path", "pci-0000:00:14.0-usb-0:2:1.0", None),
        (
            "by-id:usb-SEEED_ReSpeaker_4_Mic_Array__UAC1.0_-00",
            "by-id",
            "usb-SEEED_ReSpeaker_4_Mic_Array__UAC1.0_-00",
            None,
        ),
        ("card:Loopback,1", "card", "Loopback", 1),
    ],
)
def test_a_token_is_a_kind_and_a_value_and_perhaps_a_device(name, kind, value, device):
    found = token(name)
    assert found == Token(kind, value, device)
    assert token(str(found)) == found
    assert alsa_name(name) is None


@pytest.mark.parametrize("name", ["default", "hw:CARD=ArrayUAC10,DEV=0", "plughw:1,0", "usbstream:CARD=x", "a:b"])
def test_every_other_name_is_alsas(name):
    assert token(name) is None
    assert alsa_name(name) is None


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("usb:2886", "'usb:2886' names no device; it is usb:VID:PID or usb:VID:PID:SERIAL, with four hexadecimal"),
        ("usb:2886:18", "'usb:2886:18' names no device"),
        ("usb:2886:0018:", "names no device"),
        ("usb-path:", "it is usb-path:NAME, with a name that 'ls /dev/snd/by-path' shows"),
        ("by-id:a b", "it is by-id:NAME"),
        ("card:", "it is card:ID, with the id in brackets in /proc/asound/cards"),
        ("card:Loopback,x", "and perhaps ',N' for its device N"),
        ("card:" + "x" * 16, "it is card:ID"),
        ("/dev/snd/by-id/usb-Mic-00", "'/dev/snd/by-id/usb-Mic-00' is a file; write by-id:usb-Mic-00"),
        ("/dev/snd/by-path/platform-soc:sound", "is a file; write usb-path:platform-soc:sound"),
    ],
)
def test_what_is_meant_as_a_token_and_is_none_is_told_how_to_be_one(name, fault):
    assert token(name) is None
    assert fault in alsa_name(name)


def test_what_a_device_says_of_itself_is_made_harmless():
    assert plain("  Mic \t 7,\x1b[31m/é\n") == "Mic_7___31m__"
