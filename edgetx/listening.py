"""What is listened to: a microphone's settings ``array`` and ``listen``, and what they must agree on. Pure.

``array`` is the board that the card is, or ``auto``: the one that it is recognised as when it is opened.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, cast

from edgetx import scalars
from edgetx.board import Board, Channel, Channels, Positions, no_channel_twice, one_position_each, plausible
from edgetx.checks import MAX_CHANNELS, Range
from edgetx.decode import Rule, decoded
from edgetx.document import Entries, Node, Scalar
from edgetx.errors import SettingsError
from edgetx.scalars import Wrong

DEFAULT_WIDTH_DEG = 60.0
HALF_TURN_DEG = 180.0


@dataclass(frozen=True, slots=True)
class Direction:
    """Where who is listened to sits: ``azimuth_deg``, give or take half of ``width_deg``.

    The azimuth is counter-clockwise from +x, seen from above, in [0, 360). A line of microphones knows a cone about
    itself only: from 0, along the line towards its end of greater x (or y), to 180.
    """

    azimuth_deg: Annotated[float, Range(0, 360)] = field(metadata={"example": "90"})
    width_deg: Annotated[float, Range(5, 360)] = DEFAULT_WIDTH_DEG


Listen = Literal["auto", "mix", "delay-and-sum"] | int | Direction
ArraySettings = Board | Literal["auto"]


@dataclass(frozen=True, slots=True)
class _OneChannel:
    channel: Channel = field(metadata={"example": "0"})


@dataclass(frozen=True, slots=True)
class _OwnArray:
    positions_m: Positions = field(metadata={"example": "[[-0.03, 0], [0.03, 0]]"})
    channels: Channels = field(metadata={"example": "[0, 1]"})

    RULES: ClassVar = (
        Rule(("positions_m", "channels"), one_position_each),
        Rule(("positions_m",), plausible),
        Rule(("channels",), no_channel_twice),
    )


def listen(node: Node) -> Listen:
    """Return what ``listen`` says. Raise Wrong."""
    match node:
        case Scalar(text="auto" | "mix" | "delay-and-sum" as word):
            return cast("Listen", word)
        case Entries():
            said: _OneChannel | Direction = decoded(_OneChannel | Direction, node)
            return said.channel if isinstance(said, _OneChannel) else said
    raise Wrong(
        "must be 'auto', 'mix', 'delay-and-sum', {channel: N}, where N counts from 0, or "
        "{azimuth_deg: A, width_deg: W}, where a speaker sits"
    )


def array(node: Node, *, chosen: Callable[[str], ArraySettings]) -> ArraySettings | None:
    """Return what ``array`` says; ``chosen`` knows what a word means, or raises SettingsError. Raise Wrong."""
    if scalars.is_nothing(node):
        return None
    if isinstance(node, Entries):
        own: _OwnArray = decoded(_OwnArray, node)
        return Board(name="", title="an array of its own", microphones=own.channels, positions_m=own.positions_m)
    try:
        return chosen(scalars.text(node))
    except SettingsError as error:
        raise Wrong("; ".join(error.faults)) from error


def as_written(board: Board) -> str | dict[str, object]:
    """Return what the settings say for ``board``: its name, or where its microphones are."""
    if board.name:
        return board.name
    return {"positions_m": [list(each) for each in board.positions_m], "channels": list(board.microphones)}


def channels_of(listen: Listen, board: Board | None) -> Collection[int]:
    """Return the channels that are listened to, of those that are there; ``board``: the array, if it is known."""
    if board is not None and not isinstance(listen, int):
        return board.microphones
    if listen == "mix":
        return range(MAX_CHANNELS)
    return (listen if isinstance(listen, int) else 0,)


def in_words(array: ArraySettings | None) -> str:
    """Return what goes on after the name of a microphone: ``, array respeaker-4mic``; empty for none."""
    if array is None:
        return ""
    return f", array {array.name or 'of its own'}" if isinstance(array, Board) else f", array {array}"


def listens_by_an_array(listen: Listen, array: ArraySettings | None) -> str | None:
    """Return what is wrong with the two together."""
    if array is None and (listen == "delay-and-sum" or isinstance(listen, Direction)):
        return "needs several microphones; write 'array: auto' or the name of the board beside it"
    if not isinstance(listen, Direction) or not isinstance(array, Board) or not array.linear:
        return None
    if listen.azimuth_deg <= HALF_TURN_DEG:
        return None
    azimuth = 360 - listen.azimuth_deg
    return f"the microphones stand in a line, which has no left and right; write the azimuth as {azimuth:g}, 0 to 180"


def channel_is_there(listen: Listen, channels: int | None, array: ArraySettings | None) -> str | None:
    """Return whether what is listened to is there; ``channels``: how many the source is told to have, if it is."""
    known = channels or (array.channels if isinstance(array, Board) else None)
    if known is None or not isinstance(listen, int) or listen < known:
        return None
    return f"channel {listen} is not there: the source has {known}, counted from 0"


def array_is_there(array: ArraySettings | None, channels: int | None) -> str | None:
    """Return whether the microphones are; ``channels`` as above."""
    if not isinstance(array, Board) or channels is None:
        return None
    last = max(array.microphones)
    if last >= channels:
        return f"its microphone on channel {last} is not there: the source has {channels}, counted from 0"
    if array.channels is not None and array.channels != channels:
        return f"it has {array.channels} channels, and the source would have {channels}; leave 'channels' out there"
    return None
