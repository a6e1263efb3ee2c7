"""Draws levels as characters: a row a channel for a terminal, or all channels in one plain line. Pure.

A row is ``>0 [########----     ]  -12  -31  1034``: a mark if the channel is listened to, its number, a bar from
`LOWEST_DBFS` to full scale (``#`` up to the rms, ``-`` up to the peak), peak and rms in dBFS, and how many samples were
clipped so far. All of it is ASCII: one byte a character on the line. A terminal that is too narrow for a bar gets the
figures.
"""

from collections.abc import Sequence

from edgetx.audio.level import Level

LOWEST_DBFS = -60.0
SHORTEST_BAR = 8
LONGEST_BAR = 55
"""With which a row has 80 columns less the last one, which would make some terminals go to the next line."""

RED, YELLOW, GREEN, PLAIN = "31", "33", "32", ""
"""What follows ``ESC [`` and comes before ``m``."""

Cells = list[tuple[str, str]]
"""A row: each character and its colour."""

_FIGURES = " peak  rms clipped"
_HEAD = len(">00 ")
_BRACKETS = len("[]")
_RED_FROM, _YELLOW_FROM = -3.0, -12.0
_MANY = 99_999


def heading(width: int) -> Cells:
    """Return the row above the channels' in a terminal of ``width`` columns."""
    bar = bar_width(width)
    scale = f"{LOWEST_DBFS:g}".ljust(bar - 1) + "0"
    return _plain(" ch " + (f" {scale} " if bar else "") + _FIGURES, width)


def row(channel: int, level: Level, *, clipped: int, listened: bool, width: int) -> Cells:
    """Return a channel's row in a terminal of ``width`` columns; ``clipped``: samples since the beginning."""
    head = _plain(f"{'>' if listened else ' '}{channel:2} ", width)
    figures = f" {level.peak_dbfs:z4.0f} {level.rms_dbfs:z4.0f} "
    cells = head + _bar(level, bar_width(width)) + _plain(figures, width)
    cells += [(letter, RED if clipped else PLAIN) for letter in f"{min(clipped, _MANY):7}"]
    return cells[: max(width - 1, 0)]


def note(text: str, width: int) -> Cells:
    """Return words as a row."""
    return _plain(text, width)


def line(levels: Sequence[Level]) -> str:
    """Return all channels for a file or a program: ``0:-12/-31 1:-13/-30!5``, peak/rms and what was clipped."""
    return " ".join(
        f"{channel}:{level.peak_dbfs:z.0f}/{level.rms_dbfs:z.0f}" + (f"!{level.clipped}" if level.clipped else "")
        for channel, level in enumerate(levels)
    )


def bar_width(width: int) -> int:
    """Return how many characters a bar has in a terminal of ``width`` columns; 0: there is no room for one."""
    room = width - 1 - _HEAD - _BRACKETS - len(_FIGURES)
    return 0 if room < SHORTEST_BAR else min(room, LONGEST_BAR)


def _bar(level: Level, width: int) -> Cells:
    if not width:
        return []
    loud, peak = (_filled(dbfs, width) for dbfs in (level.rms_dbfs, level.peak_dbfs))
    text = "#" * loud + "-" * (peak - loud) + " " * (width - peak)
    inside = [(letter, _colour(at, width) if letter != " " else PLAIN) for at, letter in enumerate(text)]
    return [("[", PLAIN), *inside, ("]", PLAIN)]


def _filled(dbfs: float, width: int) -> int:
    return max(0, min(width, round((1 - dbfs / LOWEST_DBFS) * width)))


def _colour(at: int, width: int) -> str:
    dbfs = LOWEST_DBFS * (1 - (at + 1) / width)
    return RED if dbfs > _RED_FROM else YELLOW if dbfs > _YELLOW_FROM else GREEN


def _plain(text: str, width: int) -> Cells:
    return [(letter, PLAIN) for letter in text[: max(width - 1, 0)]]
