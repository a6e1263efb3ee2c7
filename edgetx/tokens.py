"""Tokens: names of a sound card that stay the same over reboots and, but for ``usb-path:``, at another port.

    usb:VID:PID[:SERIAL]    a USB device by its vendor and product, four hexadecimal digits each as lsusb shows them
    usb-path:NAME           what is at that port, by a name in /dev/snd/by-path (of a HAT as well)
    by-id:NAME              by a name in /dev/snd/by-id
    card:ID                 by its id in /proc/asound/cards, without the brackets

``,N`` behind a token is the device N of the card; without it the card's first that captures is meant. Everything else
that settings may name is ALSA's. Here is what a token looks like; `edgetx.audio.cards` says which card it stands for.
"""

import re
from dataclasses import dataclass

from edgetx.checks import shown

_TOKEN = re.compile(r"(usb|usb-path|by-id|card):(.*?)(?:,([0-9]{1,3}))?", re.DOTALL)
_USB = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})(?::(.+))?", re.IGNORECASE)
_VALUES = {
    "usb": (_USB, "usb:VID:PID or usb:VID:PID:SERIAL, with four hexadecimal digits each as lsusb shows them"),
    "usb-path": (re.compile(r"[^\s/,]+"), "usb-path:NAME, with a name that 'ls /dev/snd/by-path' shows"),
    "by-id": (re.compile(r"[^\s/,]+"), "by-id:NAME, with a name that 'ls /dev/snd/by-id' shows"),
    "card": (re.compile(r"[\w-]{1,15}", re.ASCII), "card:ID, with the id in brackets in /proc/asound/cards"),
}
_LINKS = {"/dev/snd/by-id/": "by-id", "/dev/snd/by-path/": "usb-path"}
_ALLOWED = re.compile(r"[^\w#+.:=@-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """One of the four kinds, what follows it (of ``usb`` as `usb_value` writes it), and the card's device or None."""

    kind: str
    value: str
    device: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}" + ("" if self.device is None else f",{self.device}")


def token(name: str) -> Token | None:
    """Return the token that ``name`` is; None when it is a name of ALSA's, or a token with a fault."""
    found = _TOKEN.fullmatch(name)
    if not found:
        return None
    kind, value, device = found.groups()
    match = _VALUES[kind][0].fullmatch(value)
    if not match:
        return None
    return Token(kind, usb_value(*match.groups()) if kind == "usb" else value, int(device) if device else None)


def alsa_name(name: str) -> str | None:
    """Return what is wrong with a name of a capture device; what ALSA makes of a name of its own is not known here."""
    for folder, kind in _LINKS.items():
        if name.startswith(folder):
            return f"{shown(name)} is a file; write {kind}:{name.removeprefix(folder)}"
    found = _TOKEN.fullmatch(name)
    if not found or token(name):
        return None
    return f"{shown(name)} names no device; it is {_VALUES[found[1]][1]}, and perhaps ',N' for its device N"


def usb_value(vendor: str, product: str, serial: str | None) -> str:
    """Return ``vid:pid[:serial]`` for comparison; ``serial`` as `plain` makes it."""
    number = f"{vendor}:{product}".lower()
    tail = plain(serial or "")
    return f"{number}:{tail}" if tail else number


def plain(text: str) -> str:
    """Return what a device says of itself in characters that are safe everywhere, as udev does: others become ``_``."""
    return _ALLOWED.sub("_", "_".join(text.split()))
