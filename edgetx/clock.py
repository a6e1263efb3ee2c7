"""Is the wall clock right? A Pi has no clock of its own: until NTP has set it, it goes on from the last shutdown."""

import ctypes
from functools import cache
from typing import Any

_STA_UNSYNC = 0x0040
_TIMEX_BYTES = 256
"""More than the kernel's struct timex on any architecture; all zeros asks and changes nothing."""
_STATUS_OFFSET = 5 * ctypes.sizeof(ctypes.c_long)
"""Of ``status`` in struct timex: modes (padded), offset, freq, maxerror, esterror stand before it."""


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
