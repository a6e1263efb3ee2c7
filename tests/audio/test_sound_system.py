"""What is read from a made-up /proc, /sys and /dev; see `tests.rigs.sound_tree`."""

from edgetx.audio.cards import Card, Usb
from edgetx.audio.occupancy import Running, Substream
from edgetx.audio.sound_system import SOUND_SYSTEM
from tests.rigs.sound_tree import PORT_PATH, SoundTree


def test_a_usb_microphone_is_known_by_what_it_is_and_where_it_is(tmp_path):
    tree = SoundTree(tmp_path)
    tree.usb(1, "ArrayUAC10", usb="2886:0018", port=2, serial="A 7\n", by_id="usb-SEEED_ReSpeaker-00")
    assert tree.system.cards() == [
        Card(
            1,
            "ArrayUAC10",
            {0: "USB Audio"},
            Usb("2886", "0018", "A 7"),
            (PORT_PATH.format(port=2),),
            ("usb-SEEED_ReSpeaker-00",),
            "ArrayUAC10",
        )
    ]


def test_a_hat_has_no_usb_numbers_and_cards_come_in_order(tmp_path):
    tree = SoundTree(tmp_path)
    tree.usb(10, "Device", usb="0d8c:0014", port=1)
    tree.hat(2, "sndrpigooglevoi", captures={0: "Google voiceHAT"}, spoken="Google voiceHAT Soundcard")
    hat, stick = tree.system.cards()
    assert (hat.number, hat.usb, hat.paths) == (2, None, ("platform-soc:sound",))
    assert (hat.name, stick.name) == ("Google voiceHAT Soundcard", "Device")
    assert (stick.number, stick.usb) == (10, Usb("0d8c", "0014"))


def test_a_card_that_has_gone_is_not_there(tmp_path):
    tree = SoundTree(tmp_path)
    tree.usb(1, "Device", usb="0d8c:0014", port=1)
    tree.unplug(1)
    assert tree.system.cards() == []


def test_a_machine_without_sound_has_no_cards(tmp_path):
    assert SoundTree(tmp_path).system.cards() == []
    assert all(card.id for card in SOUND_SYSTEM.cards())


def test_links_to_something_else_count_for_no_card(tmp_path):
    tree = SoundTree(tmp_path)
    tree.hat(0, "voice", captures={0: "voice"})
    (tmp_path / "dev/snd/by-path/other").symlink_to("../pcmC0D0c")
    (tmp_path / "dev/snd/by-path/file").write_text("")
    assert [card.paths for card in tree.system.cards()] == [("platform-soc:sound",)]


def test_text_that_is_no_utf_8_is_read_all_the_same(tmp_path):
    tree = SoundTree(tmp_path)
    tree.usb(1, "Device", usb="0d8c:0014", port=1, serial="x")
    (next(tmp_path.rglob("serial"))).write_bytes(b"\xff7")
    (card,) = tree.system.cards()
    assert card.usb.values == ("0d8c:0014:_7", "0d8c:0014")


def test_each_substream_says_who_has_it(tmp_path):
    tree = SoundTree(tmp_path)
    tree.hat(0, "Loopback", captures={1: "Loopback PCM"})
    tree.hold(0, 1, substream=1, thread=4712, process=4711, program="edgetx")
    assert tree.system.substreams(0, 1) == [Substream(), Substream(4712, Running(16000, 6, "S16_LE"))]
    assert tree.system.substreams(0, 7) == []


def test_a_thread_belongs_to_a_process_if_that_is_shown(tmp_path):
    tree = SoundTree(tmp_path)
    tree.hat(0, "voice", captures={0: "voice"})
    tree.hold(0, thread=4712, process=4711, program="edgetx")
    assert tree.system.process_of(4712) == (4711, "edgetx")
    assert tree.system.process_of(99) == (99, "")
