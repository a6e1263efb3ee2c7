"""Which array a device is, with the real ALSA library; the cards are made up, and lead to a device in user space."""

import time

import pytest

from edgetx import boards
from edgetx.audio.arrangement import Arrangement
from edgetx.audio.arrayed import Arrayed
from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.mixing import Picking
from edgetx.config import AlsaSettings
from edgetx.errors import Refused, SettingsError, TryAgain
from edgetx.listening import ArraySettings, Listen
from tests.rigs.microphones import FifoMicrophone
from tests.rigs.sound_tree import SoundTree

USB = "usb:2886:0018"
SIX = AudioFormat(16_000, 6, SampleFormat.S16_LE)
TWO = AudioFormat(16_000, 2, SampleFormat.S16_LE)


@pytest.fixture
def card(fifo) -> FifoMicrophone:
    """Every card's device is the FIFO, with six channels."""
    slave = f'{{ type file slave.pcm {{ type null }} file /dev/null infile "{fifo.fifo}" format raw }}'
    bindings = " ".join(f"bindings.{n} {{ slave a channel {n} }}" for n in range(6))
    fifo._configuration.write_text(
        fifo.configuration()
        + f"""
        pcm.hw {{
            @args [ CARD DEV ]
            @args.CARD {{ type string }}
            @args.DEV {{ type integer default 0 }}
            type multi slaves.a {{ pcm {slave} channels 6 }} {bindings}
        }}
        """
    )
    return fifo


class Bench:
    """An arrangement and what it tells."""

    def __init__(self, tree: SoundTree, array: ArraySettings | None, listen: Listen = "auto") -> None:
        self.told: list[str] = []
        self.arrangement = Arrangement(array, listen, tell=self.told.append, clock=time.monotonic, system=tree.system)

    def opened(self, settings: AlsaSettings) -> tuple[str, object]:
        """The format as which the device opens, and its front end."""
        source = self.arrangement.device(settings)
        source.open()
        try:
            return str(source.format), self.arrangement.front_end(source.format)
        finally:
            source.close()


@pytest.mark.usefixtures("card")
def test_an_array_is_recognised_by_its_card_and_opened_as_it_delivers(tree):
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=1)
    bench = Bench(tree, "auto")
    form, ears = bench.opened(AlsaSettings(USB))
    assert form == "16000:S16_LE:6"
    assert isinstance(ears, Arrayed)
    bench.opened(AlsaSettings(USB))
    assert bench.told == ["the array is ReSpeaker USB 4-Mic Array (Mic Array v2.0) (respeaker-usb-4mic)"]
    assert bench.arrangement.board.name == "respeaker-usb-4mic"


@pytest.mark.usefixtures("fifo")
def test_an_array_that_is_named_needs_no_card_and_the_settings_have_the_last_word_on_the_format(tree):
    bench = Bench(tree, boards.named("respeaker-6mic"))
    form, ears = bench.opened(AlsaSettings("fifo"))
    assert form == "16000:S32_LE:8"
    assert isinstance(ears, Arrayed)
    form, _ = bench.opened(AlsaSettings("fifo", sample_rate=48000, format="S16_LE"))
    assert form == "48000:S16_LE:8"
    assert bench.told == []


@pytest.mark.usefixtures("card")
def test_a_device_without_the_array_s_channels_is_refused_with_what_to_do(tree):
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=1)
    bench = Bench(tree, boards.named("respeaker-6mic"))
    with pytest.raises(Refused, match=r"respeaker-6mic has 8 channels, but the source delivers 6\. Write the card"):
        bench.opened(AlsaSettings(USB))
    with pytest.raises(Refused, match="respeaker-usb-4mic has 6 channels, but the source delivers 2"):
        Bench(tree, boards.named("respeaker-usb-4mic")).opened(AlsaSettings("fifo", channels=2))


@pytest.mark.usefixtures("card")
def test_a_card_that_is_no_array_is_listened_to_as_without_one_and_that_is_said_once(tree):
    tree.usb(1, "Device", usb="0d8c:0014", port=1)
    bench = Bench(tree, "auto", "delay-and-sum")
    for _ in range(2):
        form, ears = bench.opened(AlsaSettings("card:Device"))
        assert form == "16000:S16_LE:6"
        assert isinstance(ears, Picking)
    (told,) = bench.told
    assert told == (
        "The card Device is no array that is known; 'array' may say where its microphones are. "
        "Until then it is listened to as without an array."
    )


@pytest.mark.usefixtures("card")
def test_an_array_whose_firmware_has_other_channels_is_heard_as_without_one_and_is_told_what_helps(tree):
    tree.usb(1, "XVF", usb="2886:001a", port=1)
    bench = Bench(tree, "auto")
    arrangement = bench.arrangement
    for _ in range(2):
        arrangement.device(AlsaSettings("usb:2886:001a"))
        assert isinstance(arrangement.front_end(TWO), Picking)
    _, told = bench.told
    assert told.startswith("respeaker-xvf3800 has 6 channels, but the source delivers 2. ")
    assert "With the two-channel firmware it has the same USB id, and no raw microphones." in told
    assert told.endswith("Until then it is listened to as without an array.")
    assert (arrangement.board, arrangement.described(TWO)) == (None, f"16000:S16_LE:2; {told}")
    form, ears = bench.opened(AlsaSettings("usb:2886:001a"))
    assert isinstance(ears, Arrayed)
    assert arrangement.board.name == "respeaker-xvf3800"
    assert arrangement.described(SIX) == form == "16000:S16_LE:6"


@pytest.mark.usefixtures("fifo")
def test_a_device_that_is_no_card_is_listened_to_as_without_an_array(tree):
    bench = Bench(tree, "auto")
    assert bench.opened(AlsaSettings("fifo")) == ("16000:S16_LE:1", None)
    assert bench.told[0].startswith("The device is no sound card, so it cannot be told which array it is")


@pytest.mark.usefixtures("card")
def test_what_is_known_of_an_array_s_microphones_is_known_at_the_next_opening_too(tree):
    bench = Bench(tree, boards.named("respeaker-usb-4mic"))
    _, first = bench.opened(AlsaSettings("fifo"))
    _, second = bench.opened(AlsaSettings("fifo"))
    usb, other = boards.named("respeaker-usb-4mic"), boards.named("respeaker-xvf3800")
    assert second is not first
    assert second.standings_of(usb) is first.standings_of(usb)
    assert second.standings_of(other) is None


@pytest.mark.usefixtures("card")
def test_another_card_in_its_place_is_recognised_anew(tree):
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=1)
    bench = Bench(tree, "auto")
    bench.opened(AlsaSettings("hw:1"))
    tree.unplug(1)
    with pytest.raises(TryAgain, match="There is no capture device hw:1"):
        bench.opened(AlsaSettings("hw:1"))
    tree.usb(1, "Device", usb="0d8c:0014", port=2)
    bench.opened(AlsaSettings("hw:1"))
    assert bench.arrangement.board is None


@pytest.mark.usefixtures("card")
def test_a_board_s_file_with_a_fault_is_a_refusal(tree, monkeypatch):
    def faulty(*_: object) -> None:
        raise SettingsError(["/etc/edgetx/boards/mine.yaml:2: title: is missing"])

    monkeypatch.setattr(boards, "resolve", faulty)
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=1)
    with pytest.raises(Refused, match=r"/etc/edgetx/boards/mine\.yaml:2: title: is missing"):
        Bench(tree, "auto").opened(AlsaSettings(USB))


@pytest.mark.usefixtures("card")
def test_a_fault_that_comes_into_a_board_s_file_later_does_no_harm_to_a_card_that_was_looked_up(tree, monkeypatch):
    tree.usb(1, "Device", usb="0d8c:0014", port=1)
    bench = Bench(tree, "auto")
    bench.opened(AlsaSettings("card:Device"))

    def faulty(*_: object) -> None:
        raise SettingsError(["/etc/edgetx/boards/mine.yaml:2: title: is missing"])

    monkeypatch.setattr(boards, "all", faulty)
    _, ears = bench.opened(AlsaSettings("card:Device"))
    assert isinstance(ears, Picking)


@pytest.mark.usefixtures("fifo")
def test_without_an_array_nothing_is_looked_for(tree):
    bench = Bench(tree, None)
    assert bench.opened(AlsaSettings("fifo")) == ("16000:S16_LE:1", None)
    assert bench.told == []
