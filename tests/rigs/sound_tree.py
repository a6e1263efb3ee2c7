"""A made-up /proc, /sys and /dev with sound cards, laid out as Linux 6 and udev 252 do it on a Raspberry Pi 4.

What is under test reads real files and links; only their roots are elsewhere.
"""

from pathlib import Path

from edgetx.audio.sound_system import SoundSystem

HUB = "devices/platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1/1-1"
PORT_PATH = "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.{port}:1.0"

STATUS = """\
state: RUNNING
owner_pid   : {thread}
trigger_time: 6012.482411930
tstamp      : 0.000000000
delay       : 160
avail       : 160
avail_max   : 1600
-----
hw_ptr      : 9600
appl_ptr    : 9440
"""
HW_PARAMS = """\
access: RW_INTERLEAVED
format: {form}
subformat: STD
channels: {channels}
rate: {rate} ({rate}/1)
period_size: 1600
buffer_size: 12800
"""


class SoundTree:
    """Cards are plugged, unplugged and held as a test wants it. ``system`` reads what there is."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lines: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self.system = SoundSystem(root / "proc", root / "sys", root / "dev")

    def usb(self, number: int, name: str, *, usb: str, port: int, serial: str | None = None, by_id: str = "") -> None:
        """Plug a USB microphone ``usb`` ("2886:0018") into a port of the Pi."""
        device = self._root / "sys" / HUB / f"1-1.{port}"
        vendor, _, product = usb.partition(":")
        self._write(device / "idVendor", vendor)
        self._write(device / "idProduct", product)
        if serial is not None:
            self._write(device / "serial", serial)
        self._card(number, name, device / f"1-1.{port}:1.0", captures={0: "USB Audio"})
        self._link("by-path", PORT_PATH.format(port=port), number)
        if by_id:
            self._link("by-id", by_id, number)

    def hat(self, number: int, name: str, *, captures: dict[int, str], spoken: str = "") -> None:
        """A card that is no USB device."""
        self._card(number, name, self._root / "sys/devices/platform/soc/soc:sound", captures=captures, spoken=spoken)
        self._link("by-path", "platform-soc:sound", number)

    def unplug(self, number: int) -> None:
        """What the kernel has of it goes; udev's links follow."""
        (self._root / f"proc/asound/card{number}/id").unlink()
        del self._lines[number], self._names[number]
        self._list()
        (self._root / f"sys/class/sound/card{number}").unlink()
        for link in self._root.glob("dev/snd/by-*/*"):
            if link.readlink().name == f"controlC{number}":
                link.unlink()

    def hold(
        self,
        number: int,
        device: int = 0,
        *,
        substream: int = 0,
        thread: int,
        process: int = 0,
        program: str = "",
        running: str = "16000:S16_LE:6",
    ) -> None:
        """A thread of ``process`` opens the device; without a process, it is one that is not shown to us."""
        folder = self._root / f"proc/asound/card{number}/pcm{device}c/sub{substream}"
        rate, form, channels = running.split(":")
        self._write(folder / "status", STATUS.format(thread=thread))
        self._write(folder / "hw_params", HW_PARAMS.format(rate=rate, form=form, channels=channels))
        if process:
            self._write(self._root / f"proc/{thread}/status", f"Name:\tcapture\nUmask:\t0077\nTgid:\t{process}\n")
            self._write(self._root / f"proc/{thread}/comm", "capture\n")
            self._write(self._root / f"proc/{process}/comm", program + "\n")

    def _card(self, number: int, name: str, device: Path, *, captures: dict[int, str], spoken: str = "") -> None:
        self._write(self._root / f"proc/asound/card{number}/id", name + "\n")
        told = spoken or name
        self._names[number] = f"{number:2} [{name:15}]: {name[:12]} - {told}\n{'':22}{told} at somewhere\n"
        for each in captures:
            for file in ("status", "hw_params"):
                self._write(self._root / f"proc/asound/card{number}/pcm{each}c/sub0/{file}", "closed\n")
        self._lines[number] = "".join(
            f"{number:02}-{each:02}: {text} : {text} : playback 1 : capture 1\n" for each, text in captures.items()
        )
        self._list()
        card = device / f"sound/card{number}"
        card.mkdir(parents=True)
        (card / "device").symlink_to("../..")
        link = self._root / f"sys/class/sound/card{number}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(card)

    def _list(self) -> None:
        self._write(self._root / "proc/asound/pcm", "".join(self._lines.values()))
        self._write(self._root / "proc/asound/cards", "".join(self._names.values()))

    def _link(self, folder: str, name: str, number: int) -> None:
        path = self._root / "dev/snd" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(f"../controlC{number}")

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
