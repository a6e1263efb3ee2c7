"""Reads what this machine tells of itself, under a root that tests make up. What cannot be read is not there.

Sources: the kernel's drivers/firmware/raspberrypi.c (get_throttled, hexadecimal without 0x), drivers/hwmon/
raspberrypi-hwmon.c (rpi_volt, in0_lcrit_alarm), Documentation/driver-api/thermal/sysfs-api.rst (temp, thousandths of a
degree), drivers/mmc/core/bus.c (type: SD or MMC); dkms(8) for /var/lib/dkms; depmod(8) for modules.dep.
"""

import os
import re
import subprocess
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetx.audio.sound_system import SoundSystem
from edgetx.doctor.disk import Mount, Place, mount_of
from edgetx.doctor.groups import Accounts
from edgetx.doctor.hats import Boot
from edgetx.doctor.power import throttled
from edgetx.doctor.service import PROPERTIES, UNIT, Unit, properties

RUN_SECONDS = 5.0
_MAX_BYTES = 4_000_000
_CONFIGS = ("boot/firmware/config.txt", "boot/config.txt")
_STATE_FILES = 100

Run = Callable[[Sequence[str]], str | None]


def run(command: Sequence[str]) -> str | None:
    """Return what a program writes; None when it is not there, fails, or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=RUN_SECONDS, check=True, errors="replace"
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine, or one that is made up under ``root``. ``run`` starts a program and returns what it writes."""

    root: Path = Path("/")
    run: Run = run

    @property
    def sound_system(self) -> SoundSystem:
        """Its sound cards."""
        return SoundSystem(self.root / "proc", self.root / "sys", self.root / "dev")

    @property
    def model(self) -> str:
        """As the device tree has it: ``Raspberry Pi 4 Model B Rev 1.4``; empty on other machines."""
        return self._text("proc/device-tree/model").rstrip("\0\n")

    def accounts(self) -> Accounts:
        """Return its users and groups."""
        return Accounts(self._text("etc/passwd"), self._text("etc/group"))

    def boot(self) -> Boot:
        """Return what its boot configuration asks for, and which drivers there are."""
        path = next((path for path in _CONFIGS if self._text(path)), _CONFIGS[0])
        kernel = self._text("proc/sys/kernel/osrelease").strip()
        overlays = {file.stem for file in (self.root / path).parent.glob("overlays/*.dtbo")}
        return Boot(
            f"/{path}",
            self._text(path),
            self.model,
            kernel=kernel,
            overlays=overlays,
            modules=self._modules(kernel),
            dkms=self._dkms(),
        )

    def throttled(self) -> int | None:
        """Return what the firmware says of power and heat, None where it says nothing."""
        told = self.run(["vcgencmd", "get_throttled"]) if self.model.startswith("Raspberry Pi") else None
        files = sorted(self.root.glob("sys/devices/platform/soc*/soc*firmware/get_throttled"))
        return throttled(told or (self._text(files[0]) if files else ""))

    def low_voltage(self) -> bool | None:
        """Return the kernel's alarm of low voltage, None where there is none."""
        for folder in sorted(self.root.glob("sys/class/hwmon/hwmon*")):
            if self._text(folder / "name").strip() == "rpi_volt":
                return self._text(folder / "in0_lcrit_alarm").strip() == "1"
        return None

    def celsius(self) -> float | None:
        """Return how warm the processor is, None where that is not told."""
        told = self._text("sys/class/thermal/thermal_zone0/temp").strip()
        return int(told) / 1000 if re.fullmatch(r"-?\d+", told) else None

    def place(self, path: str) -> Place:
        """Return what there is to know of the folder ``path`` (absolute), or of the nearest around it that is there."""
        folder = there = self.root / path.lstrip("/")
        while not there.is_dir() and there != there.parent:
            there = there.parent
        status, disk = there.stat(), os.statvfs(there)
        mount = mount_of(path, self._text("proc/self/mountinfo"))
        return Place(
            path,
            exists=there == folder,
            mount=mount,
            free_bytes=disk.f_bavail * disk.f_frsize,
            card=mount is not None and self._is_card(mount),
            owner=status.st_uid,
            mode=status.st_mode & 0o777,
            strangers=_strangers(there, status.st_uid) if there == folder else (),
        )

    def unit(self) -> Unit:
        """Return what systemd says of the service."""
        if not (self.root / "run/systemd/system").is_dir():
            return Unit({}, "systemd does not run this machine.")
        told = self.run(["systemctl", "show", UNIT, f"--property={','.join(PROPERTIES)}"])
        return Unit(properties(told)) if told else Unit({}, "systemd does not answer 'systemctl show edgetx'.")

    def _is_card(self, mount: Mount) -> bool:
        """Whether /dev/mmcblk0p2 and its like are an SD card's: a Compute Module's own memory has such a name too."""
        device = mount.device
        if device == "/dev/root":
            found = re.search(r"\broot=(\S+)", self._text("proc/cmdline"))
            device = found[1] if found else ""
            device = "/dev/mmcblk0p2" if device.startswith("PARTUUID=") and self._has_card() else device
        found = re.fullmatch(r"/dev/(mmcblk\d+)(?:p\d+)?", device)
        return found is not None and self._text(f"sys/block/{found[1]}/device/type").strip() == "SD"

    def _has_card(self) -> bool:
        return (self.root / "sys/block/mmcblk0").exists()

    def _modules(self, kernel: str) -> Collection[str] | None:
        folder = self.root / "lib/modules" / kernel
        if not kernel or not folder.is_dir():
            return None
        listed = "\n".join(self._text(folder / name) for name in ("modules.dep", "modules.builtin"))
        paths = (line.partition(":")[0].rpartition("/")[2] for line in listed.splitlines())
        return {path.partition(".ko")[0].replace("_", "-") for path in paths if path}

    def _dkms(self) -> dict[str, Collection[str]]:
        """Return for which kernels each package is built: <package>/<version>/<kernel>/<architecture>/module."""
        base = self.root / "var/lib/dkms"
        found: dict[str, set[str]] = {path.name: set() for path in sorted(base.glob("*")) if path.is_dir()}
        for built in base.glob("*/*/*/*/module"):
            package, _, kernel, *_ = built.relative_to(base).parts
            found[package].add(kernel)
        return {package: frozenset(kernels) for package, kernels in found.items()}

    def _text(self, path: str | Path) -> str:
        try:
            with (self.root / path).open("rb") as file:
                return file.read(_MAX_BYTES).decode(errors="replace")
        except OSError:
            return ""


def _strangers(folder: Path, owner: int) -> list[str]:
    """Return the names in ``folder`` that belong to another user, as far as they may be seen."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)[:_STATE_FILES]
        return [entry.name for entry in entries if entry.stat(follow_symlinks=False).st_uid != owner]
    except OSError:
        return []
