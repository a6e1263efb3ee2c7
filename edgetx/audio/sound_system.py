"""Reads what Linux says of its sound cards, without opening any: /proc/asound, /sys/class/sound and /dev/snd.

A card may go at any moment, so whatever cannot be read is not there. Sources: the kernel's sound/core/pcm.c and
Documentation/sound/designs/procfile.rst, and udev's 60-persistent-alsa.rules, whose links lead to ``controlCn``.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from edgetx.audio.cards import Card, Usb, captures, names
from edgetx.audio.occupancy import Substream, substream

_HEXADECIMAL = re.compile("[0-9a-f]{4}")
_CONTROL = re.compile(r"controlC(\d+)")
_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class SoundSystem:
    """Where the three trees are."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    dev: Path = Path("/dev")

    def cards(self) -> list[Card]:
        """Return the cards that are there, in the order of their numbers."""
        capture_devices = captures(_text(self.proc / "asound/pcm"))
        spoken = names(_text(self.proc / "asound/cards"))
        paths, ids = self._links("by-path"), self._links("by-id")
        numbers = sorted(int(path.name[4:]) for path in self.proc.glob("asound/card[0-9]*") if path.name[4:].isdigit())
        return [
            Card(
                number,
                name,
                captures=capture_devices.get(number, {}),
                usb=_usb(self.sys / f"class/sound/card{number}/device"),
                paths=paths.get(number, ()),
                ids=ids.get(number, ()),
                name=spoken.get(number, ""),
            )
            for number in numbers
            if (name := _text(self.proc / f"asound/card{number}/id").strip())
        ]

    def substreams(self, card: int, device: int) -> list[Substream]:
        """Return how each substream of a capture device is used."""
        folder = self.proc / f"asound/card{card}/pcm{device}c"
        return [
            substream(_text(each / "status"), _text(each / "hw_params")) for each in sorted(folder.glob("sub[0-9]*"))
        ]

    def process_of(self, thread: int) -> tuple[int, str]:
        """Return number and name of the process that a thread belongs to; the name is empty if that is not shown.

        A process with many threads may have opened the device in any of them; the kernel notes the thread.
        """
        found = re.search(r"^Tgid:\s*(\d+)$", _text(self.proc / f"{thread}/status"), re.MULTILINE)
        process = int(found[1]) if found else thread
        return process, _text(self.proc / f"{process}/comm").strip()

    def _links(self, folder: str) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        try:
            links = sorted(path for path in (self.dev / "snd" / folder).iterdir() if path.is_symlink())
            targets = [(path.name, _CONTROL.fullmatch(path.readlink().name)) for path in links]
        except OSError:
            return found
        for name, target in targets:
            if target:
                found[int(target[1])] = (*found.get(int(target[1]), ()), name)
        return found


def _usb(interface: Path) -> Usb | None:
    """A card's device in sysfs is an interface of the USB device, which is the folder around it."""
    device = interface.resolve().parent
    vendor, product = (_text(device / name).strip().lower() for name in ("idVendor", "idProduct"))
    if not (_HEXADECIMAL.fullmatch(vendor) and _HEXADECIMAL.fullmatch(product)):
        return None
    return Usb(vendor, product, _text(device / "serial").strip())


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode(errors="replace")
    except OSError:
        return ""


SOUND_SYSTEM = SoundSystem()
"""This machine's."""
