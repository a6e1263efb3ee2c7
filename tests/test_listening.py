"""What `array` and `listen` mean, and what they must agree on. (Their faults in a whole file: test_config.)"""

from dataclasses import replace

import pytest

from edgetx.board import Board
from edgetx.document import Entries, Node, read
from edgetx.errors import SettingsError
from edgetx.listening import (
    ArraySettings,
    Direction,
    array,
    array_is_there,
    as_written,
    channel_is_there,
    channels_of,
    in_words,
    listen,
    listens_by_an_array,
)
from edgetx.scalars import Wrong

LINE = Board("line", "A line", (0, 1), ((-0.03, 0.0), (0.03, 0.0)), channels=2)
SQUARE = Board("square", "A square", (1, 2, 3, 4), ((-0.03, 0.0), (0.0, -0.03), (0.03, 0.0), (0.0, 0.03)), channels=6)


def node(text: str) -> Node:
    found = read(f"a: {text}", name="t")
    assert isinstance(found, Entries)
    return found.pairs[0][1]


def chosen(name: str) -> ArraySettings:
    if name == "auto":
        return "auto"
    if name == "square":
        return SQUARE
    raise SettingsError([f"{name} is no board", "and that is that"])


def wrong(text: str) -> str:
    with pytest.raises(Wrong) as caught:
        array(node(text), chosen=chosen)
    return str(caught.value)


@pytest.mark.parametrize("word", ["auto", "mix", "delay-and-sum"])
def test_a_word(word: str) -> None:
    assert listen(node(word)) == word


def test_a_channel_or_a_direction() -> None:
    assert listen(node("{channel: 2}")) == 2
    assert listen(node("{azimuth_deg: 90, width_deg: 30}")) == Direction(90.0, 30.0)


@pytest.mark.parametrize("text", ["both", "2", "[auto]"])
def test_another_word_or_thing_is_wrong(text: str) -> None:
    with pytest.raises(Wrong, match="must be 'auto', 'mix', 'delay-and-sum', "):
        listen(node(text))


@pytest.mark.parametrize(
    "text", ["{}", "{chanel: 2}", "{azimuth_deg: 90, width_deg: 1}", "{azimuth_deg: 90, channel: 1}"]
)
def test_another_mapping_is_wrong(text: str) -> None:
    with pytest.raises(Wrong):
        listen(node(text))


def test_an_array_is_nothing_or_auto_or_a_board_or_positions_and_channels() -> None:
    assert array(node(""), chosen=chosen) is None
    assert array(node("auto"), chosen=chosen) == "auto"
    assert array(node("square"), chosen=chosen) is SQUARE
    own = array(node("{positions_m: [[0, 0], [0, 0.1]], channels: [5, 4]}"), chosen=chosen)
    assert own == Board("", "an array of its own", (5, 4), ((0.0, 0.0), (0.0, 0.1)))
    assert wrong("hexagon") == "hexagon is no board; and that is that"
    assert wrong("[square]") == "is a list; it must be text"
    assert wrong("{channels: [0, 1]}").startswith(
        "positions_m: is missing; write for example 'positions_m: [[-0.03, 0]"
    )


def test_an_array_is_shown_as_it_was_written() -> None:
    own = Board("", "an array of its own", (5, 4), ((0.0, 0.0), (0.0, 0.1)))
    assert as_written(SQUARE) == "square"
    assert as_written(own) == {"positions_m": [[0.0, 0.0], [0.0, 0.1]], "channels": [5, 4]}
    assert [in_words(each) for each in (None, "auto", SQUARE, own)] == [
        "",
        ", array auto",
        ", array square",
        ", array of its own",
    ]


def test_the_channels_that_are_listened_to_are_an_arrays_microphones_or_one_or_all() -> None:
    board = Board(name="six", title="Six", microphones=(1, 2, 3, 4), positions_m=((0, 0), (1, 0), (2, 0), (3, 0)))
    assert channels_of("auto", board) == (1, 2, 3, 4)
    assert channels_of("mix", board) == (1, 2, 3, 4)
    assert channels_of(5, board) == (5,)
    assert channels_of(5, None) == (5,)
    assert channels_of("auto", None) == (0,)
    assert list(channels_of("mix", None)) == list(range(64))


def test_a_direction_and_delay_and_sum_need_an_array() -> None:
    for how in ("delay-and-sum", Direction(90.0)):
        assert listens_by_an_array(how, None)
        assert listens_by_an_array(how, "auto") is None
        assert listens_by_an_array(how, SQUARE) is None
    for how in ("auto", "mix", 3):
        assert listens_by_an_array(how, None) is None
        assert listens_by_an_array(how, LINE) is None


def test_a_line_knows_no_side() -> None:
    assert listens_by_an_array(Direction(180.0), LINE) is None
    assert listens_by_an_array(Direction(180.5), SQUARE) is None
    assert listens_by_an_array(Direction(180.5), LINE) == (
        "the microphones stand in a line, which has no left and right; write the azimuth as 179.5, 0 to 180"
    )


def test_the_channels_must_be_there_as_far_as_it_is_known_how_many_there_are() -> None:
    assert channel_is_there(7, None, None) is None
    assert channel_is_there(7, None, "auto") is None
    assert channel_is_there("mix", 1, None) is None
    assert channel_is_there(5, None, SQUARE) is None
    assert channel_is_there(6, None, SQUARE) == "channel 6 is not there: the source has 6, counted from 0"
    assert channel_is_there(6, 8, SQUARE) is None
    assert channel_is_there(1, 1, None) == "channel 1 is not there: the source has 1, counted from 0"
    assert array_is_there(None, 1) is None
    assert array_is_there("auto", 1) is None
    assert array_is_there(SQUARE, None) is None
    assert array_is_there(SQUARE, 6) is None
    assert array_is_there(replace(SQUARE, channels=None), 5) is None
    assert array_is_there(SQUARE, 8) == ("it has 6 channels, and the source would have 8; leave 'channels' out there")
    assert array_is_there(SQUARE, 4) == "its microphone on channel 4 is not there: the source has 4, counted from 0"
