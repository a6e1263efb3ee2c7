"""The disk that the state is on: room, whether it can be written, and what wears it. Pure.

/proc/self/mountinfo by proc_pid_mountinfo(5).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from edgetx.doctor.report import Finding, Verdict, several

STAGE = "machine"
SPARE_MEGABYTES = 200
"""Besides what the microphones may keep."""
_MEGABYTE = 1_000_000
_WRITE_AND_ENTER = 0o300


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system: where, what, from which device, and the options of both kinds."""

    point: str
    kind: str
    device: str
    options: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where state is kept. ``exists``: ``path`` itself; what is asked of the disk is asked of the nearest folder.

    ``card``: whether the device is an SD card. ``mode``: permission bits; ``strangers``: files in it of another owner.
    """

    path: str
    exists: bool
    mount: Mount | None
    free_bytes: int
    card: bool
    owner: int
    mode: int
    strangers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """Who is to write there: a name for a person, and the number; 0 may write anywhere."""

    name: str
    number: int


def mount_of(path: str, mountinfo: str) -> Mount | None:
    """Return what is mounted where ``path`` (absolute) lies; of several on one point the last hides the others."""
    found = None
    for mount in _mounts(mountinfo):
        inside = mount.point in ("/", path) or path.startswith(f"{mount.point}/")
        if inside and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def judge(place: Place, writer: Writer, *, kept_megabytes: int, durability: Literal["crash", "power"]) -> list[Finding]:
    """Return findings on room, the right to write, and wear.

    ``kept_megabytes``: what the settings let the microphones keep there.
    """
    return [_room(place, kept_megabytes), _writable(place, writer), *_wear(place, durability)]


def _room(place: Place, kept_megabytes: int) -> Finding:
    free = place.free_bytes // _MEGABYTE
    text = f"{free} MB are free where the state is kept ({place.path})"
    if place.free_bytes < SPARE_MEGABYTES * _MEGABYTE:
        return Finding(STAGE, "room", Verdict.FAILED, f"Only {text}.", "Make room: sudo du -xh / | sort -h | tail")
    if free < kept_megabytes:
        text = f"{text}, but the microphones may keep {kept_megabytes} MB"
        return Finding(STAGE, "room", Verdict.WARNING, f"{text}.", "Make room, or lower 'keep: {disk_megabytes: …}'.")
    return Finding(STAGE, "room", Verdict.OK, f"{text}.")


def _writable(place: Place, writer: Writer) -> Finding:
    if place.mount is not None and "ro" in place.mount.options:
        text = f"{place.mount.point} is mounted read-only, so nothing can be kept."
        return _unwritable(text, "After errors of the disk the kernel does so: sudo dmesg | grep -i -e ext4 -e mmc")
    if not place.exists:
        text = f"{place.path} is not there yet; the first start makes it."
        return Finding(STAGE, "state", Verdict.OK, text)
    may = writer.number == 0 or (writer.number == place.owner and place.mode & _WRITE_AND_ENTER == _WRITE_AND_ENTER)
    mend = f"sudo chown -R {writer.name}: {place.path} && sudo chmod u+rwX {place.path}"
    if not may:
        return _unwritable(f"The user {writer.name} may not write into {place.path}.", mend)
    if place.strangers:
        text = f"In {place.path}, {several(place.strangers)} belong to another user than {writer.name}"
        return _unwritable(f"{text}, as after a run as root.", mend)
    return Finding(STAGE, "state", Verdict.OK, f"The user {writer.name} may write into {place.path}.")


def _unwritable(text: str, remedy: str) -> Finding:
    return Finding(STAGE, "state", Verdict.FAILED, text, remedy)


def _wear(place: Place, durability: str) -> Iterator[Finding]:
    mount = place.mount
    if mount is None:
        yield Finding(STAGE, "wear", Verdict.SKIPPED, "What is mounted there cannot be read.")
    elif mount.kind in {"tmpfs", "overlay"}:
        text = f"{place.path} lies in memory ({mount.kind}): a restart of the machine forgets what is owed."
        remedy = "If that is not meant: mount a disk there, or switch the overlay off in raspi-config."
        yield Finding(STAGE, "wear", Verdict.WARNING, text, remedy)
    elif not place.card:
        yield Finding(STAGE, "wear", Verdict.OK, f"The state is on {mount.device}, which is no SD card.")
    else:
        yield _card(mount, durability)


def _card(mount: Mount, durability: str) -> Finding:
    text = f"The state is on an SD card ({mount.device}, {several(sorted(_wear_options(mount)))})"
    advice = []
    if not mount.options & {"noatime", "relatime"}:
        advice.append("Mount it with noatime, or each read is a write: /etc/fstab.")
    if durability == "power":
        advice.append("'durability: power' writes at once with each final; 'crash' wears less.")
    if advice:
        return Finding(STAGE, "wear", Verdict.WARNING, f"{text}, which wears.", " ".join(advice))
    return Finding(STAGE, "wear", Verdict.OK, f"{text}; settings spare it.")


def _wear_options(mount: Mount) -> list[str]:
    """Return the options that tell how often is written, the file system's kind first."""
    return [
        mount.kind,
        *(each for each in mount.options if each.startswith("commit=") or each in {"noatime", "relatime", "sync"}),
    ]


def _mounts(mountinfo: str) -> Iterator[Mount]:
    for line in mountinfo.splitlines():
        head, dash, tail = (part.split() for part in line.partition(" - "))
        if dash and len(head) >= 6 and len(tail) >= 3:  # noqa: PLR2004  (fields that are always there)
            options = frozenset(head[5].split(",")) | frozenset(tail[2].split(","))
            yield Mount(_unescaped(head[4]), tail[0], tail[1], options)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
