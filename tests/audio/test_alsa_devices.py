"""The real ALSA library finds, asks and opens devices; the cards are made up, and lead to a device in user space."""

import errno
import os
import time

import alsaaudio
import pytest

from edgetx.audio import alsa_devices
from edgetx.audio.alsa import AlsaSource
from edgetx.audio.alsa_devices import Busy, capture_devices, capture_names, card_of, every_channel, users_of
from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.source import Forbidden
from edgetx.config import AlsaSettings
from edgetx.errors import Refused, TryAgain
from tests.rigs.microphones import FifoMicrophone
from tests.rigs.sound_tree import SoundTree


@pytest.fixture
def hardware(fifo) -> FifoMicrophone:
    """Every card's device is the FIFO, with six channels."""
    slave = f'{{ type file slave.pcm {{ type null }} file /dev/null infile "{fifo.fifo}" format raw }}'
    fifo._configuration.write_text(
        fifo.configuration()
        + f"""
        pcm.hw {{
            @args [ CARD DEV ]
            @args.CARD {{ type string }}
            @args.DEV {{ type integer default 0 }}
            type multi slaves.a {{ pcm {slave} channels 6 }}
            bindings.0 {{ slave a channel 0 }} bindings.1 {{ slave a channel 1 }} bindings.2 {{ slave a channel 2 }}
            bindings.3 {{ slave a channel 3 }} bindings.4 {{ slave a channel 4 }} bindings.5 {{ slave a channel 5 }}
        }}
        """
    )
    return fifo


def source(name: str, tree: SoundTree) -> AlsaSource:
    return AlsaSource(AlsaSettings(name), time.monotonic, system=tree.system)


def open_trouble(name: str, tree: SoundTree, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        source(name, tree).open()
    return str(caught.value)


def ours(code: int, name: str, tree: SoundTree) -> Exception:
    return alsa_devices._ours(alsaaudio.ALSAAudioError(f"{os.strerror(code)} [{name}]"), name, tree.system)


@pytest.mark.usefixtures("hardware")
def test_a_token_opens_its_card_and_again_when_it_comes_back_with_another_number_at_another_port(tree):
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=1)
    array = source("usb:2886:0018", tree)
    array.open()
    assert str(array.format) == "16000:S16_LE:6"
    array.close()
    tree.unplug(1)
    assert open_trouble("usb:2886:0018", tree, TryAgain) == "There is no capture device usb:2886:0018; there is none."
    tree.usb(3, "ArrayUAC10_1", usb="2886:0018", port=2)
    array.open()
    array.close()


@pytest.mark.usefixtures("hardware")
def test_a_token_of_two_equal_sticks_is_refused_with_the_tokens_of_each(tree):
    tree.usb(1, "Device", usb="0d8c:0014", port=1)
    tree.usb(2, "Device_1", usb="0d8c:0014", port=2)
    message = open_trouble("usb:0d8c:0014", tree, Refused)
    for token in ("usb-path:platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0", "usb-0:1.2:1.0"):
        assert token in message


@pytest.mark.usefixtures("hardware")
def test_the_devices_of_cards_are_listed_by_their_tokens_with_what_they_offer(tree):
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=1, serial="7")
    array, fifo = capture_devices(tree.system)
    assert (array.name, array.token) == ("hw:CARD=ArrayUAC10,DEV=0", "usb:2886:0018:7")
    assert (array.description, array.offer.channels, array.users) == ("USB Audio", (6,), ())
    assert "S16_BE" in array.offer.others
    assert (fifo.name, fifo.token, fifo.offer.channels) == ("fifo", "fifo", ())
    assert 16000 in fifo.offer.rates
    assert capture_names(tree.system) == ["usb:2886:0018:7", "fifo"]


@pytest.mark.usefixtures("hardware")
def test_a_device_that_somebody_has_is_not_opened_but_told_of(tree):
    tree.usb(1, "Device", usb="0d8c:0014", port=1)
    tree.hold(1, thread=12, process=11, program="edgetx", running="48000:S16_LE:1")
    device, _ = capture_devices(tree.system)
    assert device.offer is None
    assert [(str(user), str(user.running)) for user in device.users] == [
        ("edgetx (process 11)", "48000 Hz, 1 channel, S16_LE")
    ]


@pytest.mark.usefixtures("hardware")
def test_a_device_with_a_substream_to_spare_is_asked_all_the_same(tree):
    tree.hat(0, "Loopback", captures={0: "Loopback PCM"})
    tree.hold(0, substream=1, thread=0)
    device, _ = capture_devices(tree.system)
    assert device.offer.channels == (6,)
    assert [str(user) for user in device.users] == ["a program that is not shown to this user"]


@pytest.mark.usefixtures("fifo")
def test_a_card_whose_device_does_not_open_is_listed_with_the_reason(tree):
    tree.hat(0, "voice", captures={0: "voiceHAT"})
    device, _ = capture_devices(tree.system)
    assert device.trouble == "cannot be opened: No such file or directory"


@pytest.mark.parametrize(
    ("code", "offered"),
    [
        (errno.EBUSY, (None, "")),
        (errno.EACCES, (None, "may not be opened: add the user to the group 'audio'")),
        (errno.ENODEV, (None, "cannot be opened: No such device")),
    ],
)
def test_what_keeps_a_device_from_being_asked_is_told_apart(monkeypatch, code, offered):
    def ask(name: str) -> None:
        raise alsaaudio.ALSAAudioError(f"{os.strerror(code)} [{name}]")

    monkeypatch.setattr(alsa_devices, "_ask", ask)
    assert alsa_devices._try_offer("hw:0") == offered


def test_a_user_space_device_that_does_not_open_is_not_listed(pulse, tree):
    assert [device.name for device in capture_devices(tree.system)] == [pulse.name]
    pulse.vanish()
    assert capture_devices(tree.system) == []


@pytest.mark.usefixtures("fifo")
@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EBUSY, Busy, "The capture device hw:9 is in use by another program."),
        (errno.EACCES, Forbidden, "The capture device hw:9 may not be opened: add the user to the group 'audio'."),
        (errno.ENODEV, TryAgain, "There is no capture device hw:9; there are: fifo."),
        (errno.ECONNREFUSED, TryAgain, "The capture device hw:9 cannot be opened: Connection refused."),
    ],
)
def test_the_librarys_words_are_told_apart(tree, code, kind, words):
    error = ours(code, "hw:9", tree)
    assert (type(error), str(error)) == (kind, words)


def test_a_device_in_use_is_told_with_who_has_it(tree):
    tree.usb(1, "Device", usb="0d8c:0014", port=1)
    tree.hold(1, thread=12, process=11, program="arecord")
    for name in ("usb:0d8c:0014", "hw:1", "plughw:CARD=Device"):
        assert str(ours(errno.EBUSY, name, tree)) == f"The capture device {name} is in use by arecord (process 11)."
    assert users_of("hw:2", tree.system) == ()


@pytest.mark.usefixtures("hardware")
def test_all_channels_of_a_card_are_asked_for_unless_the_settings_say_how_many(tree):
    tree.usb(1, "Device", usb="0d8c:0014", port=1)
    assert every_channel(AlsaSettings("usb:0d8c:0014"), tree.system).channels == 6
    assert every_channel(AlsaSettings("usb:0d8c:0014", channels=2), tree.system).channels == 2
    assert every_channel(AlsaSettings("fifo"), tree.system).channels is None


@pytest.mark.usefixtures("fifo")
def test_a_card_that_cannot_be_asked_for_its_channels_is_told_of_like_at_an_opening(tree):
    tree.hat(0, "voice", captures={0: "voiceHAT"})
    with pytest.raises(TryAgain, match="There is no capture device card:voice; there are: card:voice, fifo"):
        every_channel(AlsaSettings("card:voice"), tree.system)


def test_a_card_that_is_not_there_is_looked_for_without_a_word_of_the_library_s(capfd):
    source = AlsaSource(AlsaSettings("hw:CARD=gone,DEV=0"), time.monotonic)
    with pytest.raises(TryAgain, match="There is no capture device hw:CARD=gone,DEV=0"):
        source.open()
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("hardware")
def test_a_preferred_format_is_taken_where_the_settings_leave_it_open(tree):
    tree.usb(1, "Device", usb="0d8c:0014", port=1)
    preferred = AudioFormat(48000, 6, SampleFormat.S32_LE)
    wide, more = preferred, AudioFormat(48000, 4, SampleFormat.S32_LE)  # There are six channels, so four will be six.
    for wish, settings, granted in (
        (wide, AlsaSettings("card:Device"), "48000:S32_LE:6"),
        (more, AlsaSettings("card:Device"), "48000:S32_LE:6"),
        (wide, AlsaSettings("card:Device", sample_rate=16000, format="S16_LE"), "16000:S16_LE:6"),
    ):
        source = AlsaSource(settings, time.monotonic, prefer=wish, system=tree.system)
        source.open()
        assert str(source.format) == granted
        source.close()


@pytest.mark.usefixtures("hardware")
def test_the_card_behind_a_name_is_found_and_one_that_the_name_does_not_tell_is_asked_for(tree, monkeypatch):
    tree.usb(1, "Device", usb="0d8c:0014", port=1)
    for name in ("usb:0d8c:0014", "card:Device", "hw:1", "plughw:CARD=Device,DEV=0"):
        assert card_of(name, tree.system).id == "Device"
    assert card_of("fifo", tree.system) is None
    monkeypatch.setattr(alsa_devices, "_card_number", lambda _: 1)  # What a plugin says of the card that it leads to.
    assert card_of("fifo", tree.system).id == "Device"


@pytest.mark.usefixtures("fifo")
@pytest.mark.parametrize("name", ["hw:7", "usb:0d8c:0014", "nope"])
def test_the_card_behind_a_name_that_leads_nowhere_is_waited_for(tree, name):
    with pytest.raises(TryAgain, match=f"There is no capture device {name}"):
        card_of(name, tree.system)
