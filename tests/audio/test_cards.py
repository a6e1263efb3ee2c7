import pytest

from edgetx.audio.cards import Card, Usb, captures, hardware_of, is_missing, names, resolve, stable_name
from edgetx.errors import Refused, TryAgain

PCM_LIST = """\
00-00: bcm2835 Headphones : bcm2835 Headphones : playback 8
01-00: USB Audio : USB Audio : playback 1 : capture 1
02-00: Loopback PCM : Loopback PCM : playback 8 : capture 8
02-01: Loopback PCM : Loopback PCM : playback 8 : capture 8
"""

USB = {0: "USB Audio"}
HEADPHONES = Card(0, "Headphones")
ARRAY = Card(
    1,
    "ArrayUAC10",
    USB,
    Usb("2886", "0018", "A 7"),
    ("pci-0000:00:14.0-usb-0:1:1.0", "pci-0000:00:14.0-usbv2-0:1:1.0"),
    ("usb-SEEED_ReSpeaker-00",),
)
LOOPBACK = Card(2, "Loopback", {0: "Loopback PCM", 1: "Loopback PCM"})
HAT = Card(3, "sndrpigooglevoi", {1: "Google voiceHAT"}, paths=("platform-soc:sound",))
CARDS = [HEADPHONES, ARRAY, LOOPBACK, HAT]


def stick(number: int, serial: str = "") -> Card:
    name = "Device" if number == 4 else f"Device_{number - 4}"
    paths = (f"pci-0000:00:14.0-usbv2-0:{number}:1.0", f"pci-0000:00:14.0-usb-0:{number}:1.0")
    return Card(number, name, USB, Usb("0d8c", "0014", serial), paths)


def test_only_what_captures_is_found_in_the_kernels_list():
    assert captures(PCM_LIST) == {1: {0: "USB Audio"}, 2: {0: "Loopback PCM", 1: "Loopback PCM"}}


def test_the_kernel_s_names_for_people_are_found_by_the_card_s_number():
    listing = """\
 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones
                      bcm2835 Headphones
11 [ArrayUAC10     ]: USB-Audio - ReSpeaker 4 Mic Array (UAC1.0) - x
                      SEEED ReSpeaker 4 Mic Array (UAC1.0) at usb-0000:01:00.0-1.2, high speed
"""
    assert names(listing) == {0: "bcm2835 Headphones", 11: "ReSpeaker 4 Mic Array (UAC1.0) - x"}
    assert names("--- no soundcards ---\n") == {}


@pytest.mark.parametrize(
    ("name", "hardware"),
    [
        ("usb:2886:0018", "hw:CARD=ArrayUAC10,DEV=0"),
        ("usb:2886:0018:A 7", "hw:CARD=ArrayUAC10,DEV=0"),
        ("usb:2886:0018:A_7,0", "hw:CARD=ArrayUAC10,DEV=0"),
        ("usb-path:pci-0000:00:14.0-usb-0:1:1.0", "hw:CARD=ArrayUAC10,DEV=0"),
        ("usb-path:pci-0000:00:14.0-usbv2-0:1:1.0", "hw:CARD=ArrayUAC10,DEV=0"),
        ("by-id:usb-SEEED_ReSpeaker-00", "hw:CARD=ArrayUAC10,DEV=0"),
        ("card:Loopback", "hw:CARD=Loopback,DEV=0"),
        ("card:Loopback,1", "hw:CARD=Loopback,DEV=1"),
        ("usb-path:platform-soc:sound", "hw:CARD=sndrpigooglevoi,DEV=1"),
        ("default", "default"),
        ("hw:CARD=nowhere", "hw:CARD=nowhere"),
    ],
)
def test_a_token_becomes_the_name_that_its_device_has_now(name, hardware):
    assert resolve(name, CARDS) == hardware


@pytest.mark.parametrize("name", ["usb:2886:0019", "usb:2886:0018:B", "card:Headphones", "card:Loopback,2", "by-id:x"])
def test_a_device_that_is_not_there_is_waited_for_and_what_is_there_is_told(name):
    with pytest.raises(TryAgain) as caught:
        resolve(name, CARDS)
    there = "usb:2886:0018:A_7, card:Loopback,0, card:Loopback,1, card:sndrpigooglevoi"
    assert str(caught.value) == f"There is no capture device {name}; there are: {there}."


def test_where_there_is_no_device_at_all_that_is_told():
    with pytest.raises(TryAgain, match=r"^There is no capture device card:x; there is none\.$"):
        resolve("card:x", [HEADPHONES])


def test_two_equal_sticks_are_told_apart_by_their_ports():
    with pytest.raises(Refused) as caught:
        resolve("usb:0d8c:0014", [stick(4), stick(5)])
    assert str(caught.value) == (
        "There are 2 capture devices usb:0d8c:0014; write which is meant: "
        "'usb-path:pci-0000:00:14.0-usb-0:4:1.0' or 'usb-path:pci-0000:00:14.0-usb-0:5:1.0'."
    )


def test_two_sticks_with_serial_numbers_are_told_apart_by_these():
    with pytest.raises(Refused, match="write which is meant: 'usb:0d8c:0014:A' or 'usb:0d8c:0014:B'"):
        resolve("usb:0d8c:0014", [stick(4, "A"), stick(5, "B")])
    assert resolve("usb:0d8c:0014:B", [stick(4, "A"), stick(5, "B")]) == "hw:CARD=Device_1,DEV=0"


def test_sticks_that_are_equal_to_udev_too_have_their_cards_ids():
    bare = [Card(4, "Device", USB, Usb("0d8c", "0014")), Card(5, "Device_1", USB, Usb("0d8c", "0014"))]
    assert [stable_name(card, 0, bare) for card in bare] == ["card:Device", "card:Device_1"]


def test_cards_that_nothing_tells_apart_keep_alsas_name():
    twins = [Card(4, "x", USB), Card(5, "x", USB)]
    assert stable_name(twins[0], 0, twins) == "hw:CARD=x,DEV=0"


@pytest.mark.parametrize("name", ["hw:Loopback,1", "plughw:CARD=Loopback,DEV=1", "dsnoop:2,1,0", "hw:2,1"])
def test_an_alsa_name_of_a_card_leads_to_its_device(name):
    assert hardware_of(name, CARDS) == "hw:CARD=Loopback,DEV=1"


@pytest.mark.parametrize("name", ["default", "hw:CARD=gone", "plug:'hw:2'"])
def test_any_other_name_stands_for_itself(name):
    assert hardware_of(name, CARDS) == name


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("hw:CARD=gone,DEV=1", True),
        ("plughw:9", True),
        ("hw:CARD=Loopback,DEV=1", False),
        ("plughw:2,0", False),
        ("default", False),
        ("mine:CARD=gone", False),
    ],
)
def test_a_card_that_is_not_there_is_known_without_asking_the_library(name, missing):
    assert is_missing(name, CARDS) == missing


def test_without_a_device_alsa_means_the_first():
    assert hardware_of("sysdefault:CARD=Loopback", CARDS) == "hw:CARD=Loopback,DEV=0"
