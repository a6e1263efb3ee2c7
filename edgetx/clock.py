"""The clocks of this machine, and whether the wall clock is right.

A Pi has no clock of its own: until NTP has set it, it goes on from the last shutdown.
"""

import ctypes
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_STA_UNSYNC = 0x0040
_TIMEX_BYTES = 256
"""More than the kernel's struct timex on any architecture; all zeros asks and changes nothing."""
_STATUS_OFFSET = 5 * ctypes.sizeof(ctypes.c_long)
"""Of ``status`` in struct timex: modes (padded), offset, freq, maxerror, esterror stand before it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant by every clock, in seconds; a restart leaves some of them right, a reboot others.

    ``boottime``: CLOCK_BOOTTIME, which runs on while the machine sleeps. ``boot_id``: another one after each start of
    the machine; empty: unknown. ``synced``: ``wall`` was synchronised.
    """

    wall: float
    synced: bool
    monotonic: float
    boottime: float
    boot_id: str

    def earlier(self, seconds: float) -> "Moment":
        """Return the moment so many seconds before this one, by the same clocks."""
        return Moment(self.wall - seconds, self.synced, self.monotonic - seconds, self.boottime - seconds, self.boot_id)


def now() -> Moment:
    """Read the clocks."""
    return Moment(time.time(), synchronised(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), _boot_id())


def synchronised() -> bool:
    """Return whether the kernel says that its clock is synchronised (adjtimex(2)), whoever synchronises it."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    if _adjtimex()(timex) < 0:
        return False
    status = ctypes.c_int.from_buffer(timex, _STATUS_OFFSET).value
    return not status & _STA_UNSYNC


@cache
def _adjtimex() -> Any:
    """Look the function up, once: that costs twice what the call does, and each final asks."""
    return ctypes.CDLL(None).adjtimex


@cache
def _boot_id() -> str:
    return BOOT_ID.read_text("ascii").strip() if BOOT_ID.exists() else ""
