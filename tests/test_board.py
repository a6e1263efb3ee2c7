"""A board's file: what it means, each fault that it can have, and which cards it knows."""

import pytest

from edgetx.board import Board, Control, fitting, parse
from edgetx.errors import SettingsError

SMALL = "title: Two\nmicrophones: [0, 1]\npositions_m: [[-0.03, 0], [0.03, 0]]\n"
LARGE = """
title: Four and more
microphones: [1, 2, 3, 4]
positions_m: [[-0.03, 0], [0, -0.03], [0.03, 0], [0, 0.03]]
processed: [0]
playback: [5]
unused: [6, 7]
rate: 48000
format: S32_LE
channels: 8
cards: [big*, big-card]
rotates: true
dirty_start_seconds: 0.5
mixer: [{name: Gain, value: '3', why: loud enough}, {name: Boost, value: 'off'}]
notes: [It hums.]
sources: [https://example.org/]
"""


def board(text: str, name: str = "two") -> Board:
    return parse(text, path="two.yaml", name=name)


def faults(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        board(text)
    return caught.value.faults


def test_the_smallest_board() -> None:
    found = board(SMALL)
    assert found == Board("two", "Two", (0, 1), ((-0.03, 0.0), (0.03, 0.0)))
    assert (found.rate, found.format, found.channels) == (None, None, None)


def test_a_board_with_everything() -> None:
    assert board(LARGE, "four") == Board(
        "four",
        "Four and more",
        (1, 2, 3, 4),
        ((-0.03, 0.0), (0.0, -0.03), (0.03, 0.0), (0.0, 0.03)),
        rate=48000,
        format="S32_LE",
        channels=8,
        processed=(0,),
        playback=(5,),
        unused=(6, 7),
        cards=("big*", "big-card"),
        rotates=True,
        dirty_start_seconds=0.5,
        mixer=(Control("Gain", "3", "loud enough"), Control("Boost", "off")),
        notes=("It hums.",),
        sources=("https://example.org/",),
    )


def test_every_fault_is_told_at_once_with_its_line() -> None:
    assert faults("titel: x\nmicrophones: [0, 99]\npositions_m: [[0, 0], [1]]\nrate: 1\n") == [
        "two.yaml:1: titel: unknown setting; did you mean 'title'?",
        "two.yaml:1: title: is missing; write for example 'title: ReSpeaker 4-Mic Array'",
        "two.yaml:2: microphones[1]: 99 is out of range; it is from 0 to 63",
        "two.yaml:3: positions_m[1]: has 1 numbers; a position is [x, y], in metres",
        "two.yaml:4: rate: 1 is out of range; it is from 8000 to 96000",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (SMALL.replace("[0, 1]", "[0, 1, 2]"), "3: positions_m: there are 2 positions for 3 channels; "),
        ("title: t\nmicrophones: [0]\npositions_m: [[0, 0]]", "3: positions_m: 1 is no array; it has at least 2 "),
        (SMALL.replace("[0, 1]", "[1, 1]"), "2: microphones: the channel 1 is named twice; it carries one thing"),
        (SMALL + "unused: [1]", "2: microphones: the channel 1 is named twice; it carries one thing"),
        (SMALL + "channels: 2\nplayback: [5]", "4: channels: the channel 5 is not there: there are 2, counted from 0"),
        (SMALL.replace("0.03", "30"), "3: positions_m: the microphones 0 and 1 would be 60 m apart; it is 0.005 to 2 "),
        (SMALL.replace("-0.03", "0.03"), "3: positions_m: the microphones 0 and 1 would be 0 m apart; it is 0.005 to "),
        (SMALL + "usb: [2886-0018]", "4: usb: '2886-0018' is no USB id; write it as lsusb shows it: 2886:0018"),
        (SMALL + "name: three", "4: name: the file's name is the board's, 'two'; take the line away"),
        (SMALL + "mixer: [{name: Gain}]", "4: mixer[0].value: is missing; write for example"),
        ("[1]", "1: the settings are a list; they must be lines of 'name: value'"),
    ],
)
def test_one_fault(text: str, fault: str) -> None:
    assert len(faults(text)) == 1
    assert faults(text)[0].startswith(f"two.yaml:{fault}")


def test_a_fault_of_the_whole_is_told_too() -> None:
    assert faults("{}") == [
        "two.yaml:1: title: is missing; write for example 'title: ReSpeaker 4-Mic Array'",
        "two.yaml:1: microphones: is missing; write for example 'microphones: [0, 1, 2, 3]'",
        "two.yaml:1: positions_m: is missing; write for example 'positions_m: [[-0.03, 0], [0.03, 0]]'",
    ]


def test_its_own_name_may_be_repeated() -> None:
    assert board(SMALL + "name: two") == board(SMALL)


@pytest.mark.parametrize(
    ("positions", "linear"),
    [
        ("[[-0.03, 0], [0.03, 0]]", True),
        ("[[0, -0.03], [0, 0.01], [0, -0.01], [0, 0.03]]", True),
        ("[[0.1, 0.1], [0, 0], [0.05, 0.05]]", True),
        ("[[0, 0], [0.1, 0.0005], [0.2, 0]]", True),
        ("[[0, 0], [0.1, 0.01], [0.2, 0]]", False),
        ("[[-0.03, 0], [0, -0.03], [0.03, 0], [0, 0.03]]", False),
    ],
)
def test_microphones_in_a_line(positions: str, *, linear: bool) -> None:
    channels = list(range(positions.count("[") - 1))
    assert board(f"title: t\nmicrophones: {channels}\npositions_m: {positions}").linear == linear


def test_the_largest_distance_between_two_microphones() -> None:
    assert board(SMALL).aperture_m == pytest.approx(0.06)
    assert board(LARGE, "four").aperture_m == pytest.approx(0.06)
    wide = "title: t\nmicrophones: [0, 1, 2]\npositions_m: [[0, 0], [0.3, 0.4], [0.1, 0]]"
    assert board(wide).aperture_m == pytest.approx(0.5)


def known(*, card_id: str = "", card_name: str = "", usb_id: str = "") -> list[str]:
    boards = [
        board(SMALL + "cards: [Seeed2mic*]", "hat"),
        board(SMALL + "cards: [other, 'a two-mic card']", "named"),
        board(SMALL + "usb: ['2886:001a', '2886:001b']", "usb"),
        board(SMALL + "usb: ['2886:001a']\ncards: [Seeed*]", "both"),
        board(SMALL, "nothing"),
    ]
    return [found.name for found in fitting(boards, card_id=card_id, card_name=card_name, usb_id=usb_id)]


def test_a_card_is_known_by_its_usb_id_or_else_by_its_id_or_name() -> None:
    assert known(card_id="seeed2micvoicec", card_name="seeed-2mic-voicecard") == ["hat", "both"]
    assert known(card_id="seeed2micvoic_1") == ["hat", "both"]
    assert known(card_id="Device", card_name="A Two-Mic Card") == ["named"]
    assert known(card_id="Array", usb_id="2886:001A") == ["usb", "both"]
    assert known(card_id="seeed2micvoicec", usb_id="dead:beef") == []
    assert known(card_id="another") == []
    assert known() == []


def test_a_source_with_other_channels_is_another_array() -> None:
    small, large = board(SMALL), board(LARGE, "four")
    assert [bool(small.misfit(channels)) for channels in (1, 2, 3)] == [True, False, False]
    assert [bool(large.misfit(channels)) for channels in (7, 8, 9)] == [True, False, True]
    assert small.misfit(1).startswith("two has at least 2 channels, but the source delivers 1. Write the card itself")
    assert large.misfit(7).endswith("Another firmware may need another 'array'. It hums.")
    assert parse(SMALL, path="", name="").misfit(1).startswith("The array has at least 2 channels")
