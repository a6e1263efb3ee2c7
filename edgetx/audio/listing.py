"""What ``edgetx devices`` shows: as text of at most `WIDTH` columns, or as JSON. Pure.

What a device says of itself is shown without its control characters.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from edgetx.audio.cards import Card, hardware_of, resolve
from edgetx.audio.devices import Device, Offer
from edgetx.errors import EdgetxError
from edgetx.scalars import one_of

WIDTH = 80
_INDENT = "    "

NONE = """\
There is no capture device.

A USB microphone shows in 'lsusb' when it is plugged in, and 'sudo dmesg' says
what became of it.

A Raspberry Pi has no microphone of its own. One on a HAT needs its driver named
in /boot/firmware/config.txt, such as dtoverlay=googlevoicehat-soundcard (its
maker says which), and a reboot.

If 'cat /proc/asound/pcm' has a line with 'capture', only the right to use it is
missing: sudo usermod -aG audio $USER, then log in again."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the settings choose: by ALSA's name of a device, the microphones that use it.

    ``lost``: of each microphone whose device is not listed, its name, what it calls the device, and what about it.
    ``boards``: by ALSA's name of a device, which microphone array it is, or which it may be.
    """

    microphones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lost: tuple[tuple[str, str, str], ...] = ()
    boards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def choices(
    microphones: Iterable[tuple[str, str]],
    devices: Sequence[Device],
    cards: Sequence[Card],
    boards_of: Callable[[Card], Iterable[str]] = lambda _: (),
) -> Choices:
    """Return which of ``devices`` are chosen by ``microphones``: their names, and what they call their device.

    ``boards_of``: the names of the arrays that a card may be.
    """
    found: dict[str, tuple[str, ...]] = {}
    lost = []
    for microphone, name in microphones:
        reason = "It is not in this list."
        try:
            hardware = hardware_of(resolve(name, cards), cards)
        except EdgetxError as error:
            hardware, reason = "", str(error)
        if hardware in (device.name for device in devices):
            found[hardware] = (*found.get(hardware, ()), microphone)
        else:
            lost.append((microphone, name, reason))
    known = {
        card.hardware(device): names for card in cards if (names := tuple(boards_of(card))) for device in card.captures
    }
    return Choices(found, tuple(lost), known)


def table(devices: Sequence[Device], chosen: Choices) -> str:
    """Return ``devices`` as text; a name is never cut or broken, so that it can be copied."""
    blocks = ["\n".join(_lines(device, chosen)) for device in devices] or [NONE]
    blocks += ["\n".join(_lost(*each)) for each in chosen.lost]
    return "\n\n".join(blocks) if chosen.lost or not devices else "\n".join(blocks)


def as_json(devices: Sequence[Device], chosen: Choices) -> dict[str, Any]:
    """Return the same as JSON has it; what is unknown is left out.

    ``{"devices": [{"token", "name", "description", "rates", "channels", "formats", "other_formats", "in_use",
    "users": [{"process", "program", "running": {"rate", "channels", "format"}}], "trouble", "microphones", "boards"}],
    "lost": [{"microphone", "alsa", "detail"}]}``. Empty ``channels``: any number, the device converts. ``boards``: the
    microphone array that it is recognised as, or several that look alike.
    """
    return {
        "devices": [_entry(device, chosen) for device in devices],
        "lost": [dict(zip(("microphone", "alsa", "detail"), each, strict=True)) for each in chosen.lost],
    }


def wrapped(text: str, indent: str = _INDENT) -> list[str]:
    """Return lines of ``text``, broken at spaces only; a word that is too long has a line of its own."""
    lines, line = [], indent
    for word in text.split():
        if line != indent and len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = indent
        line += word if line == indent else f" {word}"
    return [*lines, line]


def _lines(device: Device, chosen: Choices) -> Iterator[str]:
    microphones = chosen.microphones.get(device.name, ())
    yield f"{'*' if microphones else ' '} {device.token}"
    if device.description:
        yield from wrapped("".join(letter if letter.isprintable() else " " for letter in device.description))
    if device.name != device.token:
        yield _INDENT + device.name
    if known := chosen.boards.get(device.name):
        yield from wrapped(f"microphone array: {one_of(known)}{'' if len(known) == 1 else '; only you can tell'}")
    for user in device.users:
        running = f", at {user.running}" if user.running else ""
        yield from wrapped(f"in use by {user}{running}")
    if device.offer:
        yield from wrapped(_offered(device.name, device.offer))
    elif device.trouble:
        yield from wrapped(device.trouble)
    elif not device.users:
        yield from wrapped("in use by another program")
    if microphones:
        yield from wrapped(f"* the settings' {_several('microphone', len(microphones))} {', '.join(microphones)}")


def _lost(microphone: str, name: str, reason: str) -> list[str]:
    return wrapped(f"The settings' microphone {microphone} uses {name}. {reason}", indent="")


def _offered(name: str, offer: Offer) -> str:
    """Of a converter it is no news that it has all the formats that there are."""
    has_others = offer.others and name.startswith("hw:")
    return f"{offer}; not read: {', '.join(offer.others)}" if has_others else str(offer)


def _several(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"


def _entry(device: Device, chosen: Choices) -> dict[str, Any]:
    offer = device.offer
    offered = (
        {"other_formats" if name == "others" else name: value for name, value in asdict(offer).items()} if offer else {}
    )
    entry = {
        "token": device.token,
        "name": device.name,
        "description": device.description,
        **offered,
        "in_use": bool(device.users) or not (offer or device.trouble),
        "users": [_without_nothing(asdict(user)) for user in device.users],
        "trouble": device.trouble,
        "microphones": list(chosen.microphones.get(device.name, ())),
        "boards": list(chosen.boards.get(device.name, ())),
    }
    return {name: value for name, value in entry.items() if value != ""}


def _without_nothing(user: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in user.items() if value}
