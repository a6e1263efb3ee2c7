"""Reads what is owed from where sound is kept; what is kept no longer is given up."""

from edgetx.audio.format import RATE, Gap
from edgetx.audio.log import Reader, Stretch

MARGIN_FRAMES = 10 * RATE
"""Given up beyond what memory no longer keeps, or half of what it does: else the next chunk would be too old again."""


def read_owed(reader: Reader, wanted: tuple[int, int], count: int, *, remembers: int) -> tuple[Stretch, Gap | None]:
    """Return up to ``count`` frames of those ``wanted``; nothing, and where to go on, if their beginning is not there.

    Besides, what is to be given up. ``remembers``: the oldest frame in memory; what is older is on disk, if anywhere.
    """
    first, last = wanted
    stretch = reader.read(first, min(count, last - first))
    if stretch.pcm and stretch.start == first:
        return stretch, None
    oldest = reader.oldest
    if oldest <= first:  # A hole.
        return Stretch(min(stretch.start, last) if stretch.start > first else last, b""), None
    margin = min((reader.end - oldest) // 2, MARGIN_FRAMES) if oldest >= remembers else 0
    kept = min(last, max(stretch.start, oldest + margin))
    return Stretch(kept, b""), Gap(first, kept - first, "overflow")
