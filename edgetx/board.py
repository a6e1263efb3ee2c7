"""A microphone array as data: where its microphones are, what its channels carry, and how its card is recognised. Pure.

A board's file is `config/boards/NAME.yaml`, read like the settings: every fault at once, with its line.

*Channels* count from 0 as the card delivers them. Each is one of four things: a raw microphone, sound that the board
has *processed* itself, the *playback* that it hears back as a reference, or *unused*. What a card is recognised by is
its USB id if it has one (its id and name depend on what else is plugged in), else its id or name.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import combinations
from math import dist
from typing import Annotated, ClassVar, Literal

from edgetx import document
from edgetx.checks import MAX_CHANNELS, AtMost, Range, shown
from edgetx.decode import Decoder, Fault, Rule, place_name
from edgetx.errors import SettingsError

MIN_MICROPHONES = 2
NEAREST_M = 0.005
FARTHEST_M = 2.0
STRAIGHT_M = 0.001
"""So far may a microphone be beside a line that is called straight."""

_USB = re.compile("[0-9a-f]{4}:[0-9a-f]{4}")

Format = Literal["S16_LE", "S24_3LE", "S32_LE"]


def _is_pair(value: Sequence[float]) -> str | None:
    return None if len(value) == 2 else f"has {len(value)} numbers; a position is [x, y], in metres"  # noqa: PLR2004


def _are_usb_ids(values: Iterable[str]) -> str | None:
    wrong = next((value for value in values if not _USB.fullmatch(value)), None)
    return f"{shown(wrong)} is no USB id; write it as lsusb shows it: 2886:0018" if wrong is not None else None


Position = Annotated[tuple[float, float], _is_pair]
Channel = Annotated[int, Range(0, MAX_CHANNELS - 1)]
Positions = Annotated[tuple[Position, ...], AtMost(MAX_CHANNELS, "positions")]
Channels = Annotated[tuple[Channel, ...], AtMost(MAX_CHANNELS, "channels")]


def one_position_each(positions_m: Sequence[tuple[float, float]], channels: Sequence[int]) -> str | None:
    """Return what is wrong with the numbers of positions and of channels."""
    if len(positions_m) != len(channels):
        return f"there are {len(positions_m)} positions for {len(channels)} channels; each microphone has one of both"
    if len(channels) < MIN_MICROPHONES:
        return f"{len(channels)} is no array; it has at least {MIN_MICROPHONES} microphones"
    return None


def plausible(positions_m: Sequence[tuple[float, float]]) -> str | None:
    """Return what is wrong with the distances between microphones."""
    for (first, one), (second, other) in combinations(enumerate(positions_m), 2):
        metres = dist(one, other)
        if not NEAREST_M <= metres <= FARTHEST_M:
            return (
                f"the microphones {first} and {second} would be {metres:g} m apart; it is {NEAREST_M:g} to "
                f"{FARTHEST_M:g} m, and positions are in metres"
            )
    return None


def no_channel_twice(*channels: Sequence[int]) -> str | None:
    """Return what is wrong when one channel is said to carry several things."""
    seen: set[int] = set()
    for number in (number for numbers in channels for number in numbers):
        if number in seen:
            return f"the channel {number} is named twice; it carries one thing"
        seen.add(number)
    return None


def _all_there(channels: int, *named: Sequence[int]) -> str | None:
    last = max((number for numbers in named for number in numbers), default=0)
    return f"the channel {last} is not there: there are {channels}, counted from 0" if last >= channels else None


@dataclass(frozen=True, slots=True)
class Control:
    """A mixer control worth setting: what amixer calls it, what it should be, and why."""

    name: str = field(metadata={"example": "ADC1 PGA gain"})
    value: str = field(metadata={"example": "'0'"})
    why: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """An array.

    ``microphones``: the channels of the raw microphones, in the order of ``positions_m``, which are [x, y] in metres.
    ``rate``, ``format``, ``channels``: how its card is best opened; None: as it likes, with all the channels it has.
    ``cards``: of a card that is not USB, ids or names; ``*`` stands for anything. ``usb``: idVendor:idProduct.
    ``rotates``: an opening may find all channels moved round by an even number. ``dirty_start_seconds``: so long what
    it delivers at first is not sound. ``mixer`` and ``notes`` are for people. ``sources``: where all this is from.
    """

    name: str
    title: str = field(metadata={"example": "ReSpeaker 4-Mic Array"})
    microphones: Channels = field(metadata={"example": "[0, 1, 2, 3]"})
    positions_m: Positions = field(metadata={"example": "[[-0.03, 0], [0.03, 0]]"})
    rate: Annotated[int, Range(8_000, 96_000)] | None = None
    format: Format | None = None
    channels: Annotated[int, Range(1, MAX_CHANNELS)] | None = None
    processed: Channels = ()
    playback: Channels = ()
    unused: Channels = ()
    cards: tuple[str, ...] = ()
    usb: Annotated[tuple[str, ...], _are_usb_ids] = ()
    rotates: bool = False
    dirty_start_seconds: Annotated[float, Range(0, 5)] = 0.0
    mixer: tuple[Control, ...] = ()
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    RULES: ClassVar = (
        Rule(("positions_m", "microphones"), one_position_each),
        Rule(("positions_m",), plausible),
        Rule(("microphones", "processed", "playback", "unused"), no_channel_twice),
        Rule(
            ("channels", "microphones", "processed", "playback", "unused"),
            lambda channels, *named: _all_there(channels, *named) if channels else None,
        ),
    )

    @property
    def aperture_m(self) -> float:
        """The largest distance between two microphones."""
        return max(dist(one, other) for one, other in combinations(self.positions_m, 2))

    @property
    def linear(self) -> bool:
        """Whether the microphones stand in a line: then nothing tells the two sides of it from each other."""
        first = self.positions_m[0]
        end = max(self.positions_m, key=lambda each: dist(each, first))
        (x, y), length = (end[0] - first[0], end[1] - first[1]), dist(end, first)
        return all(abs(x * (b - first[1]) - y * (a - first[0])) <= STRAIGHT_M * length for a, b in self.positions_m)

    def misfit(self, channels: int) -> str:
        """Return why a source with so many channels cannot be this array, and what to do; "" when it can.

        Where a firmware is the reason, the board's notes say so.
        """
        least = max(self.microphones) + 1
        if channels == self.channels or (self.channels is None and channels >= least):
            return ""
        wanted = self.channels or f"at least {least}"
        text = (
            f"{self.name or 'The array'} has {wanted} channels, but the source delivers {channels}. Write the card "
            "itself as 'alsa' ('edgetx devices' shows its name): what converts makes channels up or leaves some out. "
            "Another firmware may need another 'array'."
        )
        return " ".join([text, *self.notes])

    def fits(self, *, card_id: str, card_name: str, usb_id: str) -> bool:
        """Whether this may be the card; ``usb_id`` is idVendor:idProduct, or empty."""
        if usb_id:
            return usb_id.lower() in self.usb
        names = [name.lower() for name in (card_id, card_name) if name]
        return any(fnmatchcase(name, pattern.lower()) for name in names for pattern in self.cards)


def parse(text: str, *, path: str, name: str) -> Board:
    """Return the board that ``text`` describes; ``path``, where it was read, begins each fault.

    ``name`` comes from the name of the file. Raise SettingsError with every fault.
    """
    decoder = Decoder(converters={}, implied={("name",): name})
    decoder.decode(Board, document.read(text, name=path))
    faults = sorted([*decoder.faults, *_misnamed(decoder, name)], key=lambda fault: fault.line)
    if faults:
        raise SettingsError(
            [f"{path}:{fault.line}: {place_name(fault.at) or 'the board'}: {fault.text}" for fault in faults]
        )
    board: Board = decoder.values[()]
    return board


def fitting(boards: Iterable[Board], *, card_id: str, card_name: str, usb_id: str) -> list[Board]:
    """Return those that a card may be: one, none, or several whose drivers name the card alike."""
    return [board for board in boards if board.fits(card_id=card_id, card_name=card_name, usb_id=usb_id)]


def _misnamed(decoder: Decoder, name: str) -> list[Fault]:
    at = ("name",)
    if at not in decoder.lines or decoder.values.get(at) == name:
        return []
    return [Fault(decoder.lines[at], at, f"the file's name is the board's, {name!r}; take the line away")]
