"""Sound cards as the system knows them, and which of them a name stands for. Pure; `sound_system` reads.

A card's number depends on which was found first, its id on whether an equal one was, so a token (`edgetx.tokens`) is
looked up anew at each opening and becomes ``hw:CARD=ID,DEV=n``.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edgetx.errors import Refused, TryAgain
from edgetx.scalars import one_of
from edgetx.tokens import Token, token, usb_value

_PCM = re.compile(r"^(\d+)-(\d+): (.*?) :.*\bcapture\b", re.MULTILINE)
_NAME = re.compile(r"^ *(\d+) \[.{15}\]: .*? - (.*)$", re.MULTILINE)
_ARGUMENTS = re.compile(r"[a-z_]+:(?:CARD=)?([\w-]+)(?:,(?:DEV=)?(\d+))?(?:,.*)?")
_REVISION = re.compile(r"-usbv\d-")


@dataclass(frozen=True, slots=True)
class Usb:
    """What a USB device says of itself: idVendor, idProduct (four hexadecimal digits) and its serial number, if any."""

    vendor: str
    product: str
    serial: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """What may follow ``usb:``, the more exact first."""
        exact, plain = (usb_value(self.vendor, self.product, serial) for serial in (self.serial, ""))
        return (exact, plain) if exact != plain else (plain,)


@dataclass(frozen=True, slots=True)
class Card:
    """A card. ``captures``: its capture devices' names by number; ``paths``, ``ids``: its links in /dev/snd/by-….

    ``name``: what its driver calls it, for people.
    """

    number: int
    id: str
    captures: dict[int, str] = field(default_factory=dict)
    usb: Usb | None = None
    paths: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    name: str = ""

    def hardware(self, device: int) -> str:
        """Return ALSA's name of a device."""
        return f"hw:CARD={self.id},DEV={device}"


def captures(pcm_list: str) -> dict[int, dict[int, str]]:
    """Return the capture devices' names, by card and device, in the text of ``/proc/asound/pcm``.

    A line is ``01-00: USB Audio : USB Audio : playback 1 : capture 1``.
    """
    found: dict[int, dict[int, str]] = {}
    for card, device, name in _PCM.findall(pcm_list):
        found.setdefault(int(card), {})[int(device)] = name
    return found


def names(card_list: str) -> dict[int, str]:
    """Return the cards' names for people in the text of ``/proc/asound/cards``.

    A card is `` 1 [ArrayUAC10     ]: USB-Audio - ReSpeaker 4 Mic Array (UAC1.0)``, and a line that we leave out.
    """
    return {int(card): name.strip() for card, name in _NAME.findall(card_list)}


def resolve(name: str, cards: Sequence[Card]) -> str:
    """Return the name that the ALSA library takes: of a token, the device that it stands for now; else ``name``.

    Raise TryAgain when a token's device is not there, Refused when there are several.
    """
    wanted = token(name)
    if wanted is None:
        return name
    there = list(_devices(cards))
    found = [(card, device) for card, device in there if _is_meant(card, device, wanted)]
    if not found:
        names = ", ".join(stable_name(card, device, cards) for card, device in there)
        raise TryAgain(f"There is no capture device {wanted}; there {f'are: {names}' if names else 'is none'}.")
    if len(found) > 1:
        names = one_of(stable_name(card, device, cards) for card, device in found)
        raise Refused(f"There are {len(found)} capture devices {wanted}; write which is meant: {names}.")
    ((card, device),) = found
    return card.hardware(device)


def stable_name(card: Card, device: int, cards: Sequence[Card]) -> str:
    """Return the token for a device that lasts longest of those that stand for no other now."""
    number = device if len(card.captures) > 1 else None
    for kind, value in _tokens(card):
        wanted = Token(kind, value, number)
        if all(other is card for other, each in _devices(cards) if _is_meant(other, each, wanted)):
            return str(wanted)
    return card.hardware(device)  # A card's id is its own, but who knows.


def hardware_of(name: str, cards: Sequence[Card]) -> str:
    """Return ``hw:CARD=ID,DEV=n`` of the device that an ALSA name such as ``plughw:1,0`` leads to; else ``name``."""
    found = _ARGUMENTS.fullmatch(name)
    for card in cards if found else ():
        if found and found[1] in {card.id, str(card.number)}:
            return card.hardware(int(found[2] or 0))
    return name


def is_missing(name: str, cards: Sequence[Card]) -> bool:
    """Return whether an ALSA name such as ``plughw:1,0`` leads to a card that is not there."""
    found = _ARGUMENTS.fullmatch(name) if name.startswith(("hw:", "plughw:")) else None
    return found is not None and not any(found[1] in {card.id, str(card.number)} for card in cards)


def _devices(cards: Sequence[Card]) -> Iterator[tuple[Card, int]]:
    return ((card, device) for card in cards for device in sorted(card.captures))


def _is_meant(card: Card, device: int, wanted: Token) -> bool:
    number = min(card.captures) if wanted.device is None else wanted.device
    return device == number and wanted.value in _values(card)[wanted.kind]


def _values(card: Card) -> dict[str, tuple[str, ...]]:
    usb = card.usb.values if card.usb else ()
    return {"usb": usb, "usb-path": card.paths, "by-id": card.ids, "card": (card.id,)}


def _tokens(card: Card) -> Iterator[tuple[str, str]]:
    """Yield what names the card: a USB device by what it is, else by its port; any other by its id.

    Where udev has two names for a port, the one without the revision of USB is the older and is found on every system.
    """
    if card.usb:
        yield "usb", card.usb.values[0]
        yield from (("usb-path", path) for path in sorted(card.paths, key=lambda path: bool(_REVISION.search(path))))
    yield "card", card.id
