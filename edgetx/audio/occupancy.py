"""Who has a capture device, and what it runs at, from what the kernel writes of its substreams. Pure.

A substream that nobody has says ``closed`` in ``status``, another one ``state: RUNNING`` and ``owner_pid   : 4711``;
its ``hw_params`` are then lines such as ``format: S16_LE``, ``channels: 6`` and ``rate: 16000 (16000/1)``
(sound/core/pcm.c, snd_pcm_substream_proc_status_read and …_hw_params_read).
"""

import re
from dataclasses import dataclass

_FIELD = re.compile(r"^(\w+)\s*: (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Running:
    """What a device runs at: frames a second, samples a frame, and ALSA's name of the sample format."""

    rate: int
    channels: int
    format: str

    def __str__(self) -> str:
        return f"{self.rate} Hz, {self.channels} channel{'s' if self.channels != 1 else ''}, {self.format}"


@dataclass(frozen=True, slots=True)
class Substream:
    """``owner``: the thread that opened it, 0 if it is not shown to us, None if nobody did."""

    owner: int | None = None
    running: Running | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A program that has a device. ``process`` 0, ``program`` empty: not shown to us."""

    process: int
    program: str
    running: Running | None = None

    def __str__(self) -> str:
        program = "".join(letter for letter in self.program if letter.isprintable())
        if not self.process:
            return "a program that is not shown to this user"
        return f"{program} (process {self.process})" if program else f"process {self.process}"


def substream(status: str, hw_params: str) -> Substream:
    """Return what the two files say; a device that has gone meanwhile is nobody's."""
    found = dict(_FIELD.findall(status))
    if "state" not in found:
        return Substream()
    owner = found.get("owner_pid", "")
    return Substream(int(owner) if owner.isdigit() else 0, _running(dict(_FIELD.findall(hw_params))))


def _running(found: dict[str, str]) -> Running | None:
    rate, channels, form = (found.get(name, "") for name in ("rate", "channels", "format"))
    return Running(int(rate), int(channels), form) if rate.isdigit() and channels.isdigit() and form else None
