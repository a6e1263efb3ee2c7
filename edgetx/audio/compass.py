"""Draws where the talker is as characters: a row for a terminal, or a few letters in a plain line. Pure.

A row is ``talk [....o....|.........|.........|.........]  36 deg  87%``: the word is green while somebody speaks, the
bar goes once around, counter-clockwise from the array's +x axis, with a mark each 90 degrees. Of a linear array it goes
from one end of the axis to the other. All of it is ASCII.
"""

from dataclasses import dataclass

from edgetx.audio.gauge import GREEN, PLAIN, Cells, bar_width

_HEAD = "talk "
_FIGURES_WIDTH = len("  360 deg 100%")
_MARKS = 4


@dataclass(frozen=True, slots=True)
class Talker:
    """Who spoke last: degrees, how likely they are right (0: nobody has spoken yet), and whether it is now."""

    azimuth_deg: float = 0.0
    confidence: float = 0.0
    speaking: bool = False
    cone: bool = False


def row(talker: Talker, width: int) -> Cells:
    """Return the talker's row in a terminal of ``width`` columns."""
    colour = GREEN if talker.speaking else PLAIN
    bar = bar_width(width)
    cells = [(letter, colour) for letter in _HEAD] + _bar(talker, bar, colour)
    cells += [(letter, PLAIN) for letter in _figures(talker).rjust(_FIGURES_WIDTH)]
    return cells[: max(width - 1, 0)]


def line(talker: Talker) -> str:
    """Return the talker for a file or a program: ``talker:36/87%``, with a star while somebody speaks."""
    if not talker.confidence:
        return "talker:-"
    return f"talker:{_degrees(talker)}/{talker.confidence:.0%}" + "*" * talker.speaking


def _figures(talker: Talker) -> str:
    return f"{_degrees(talker)} deg {talker.confidence:4.0%}" if talker.confidence else "nobody yet"


def _degrees(talker: Talker) -> int:
    return round(talker.azimuth_deg) % 360


def _bar(talker: Talker, width: int, colour: str) -> Cells:
    if not width:
        return []
    bar = ["."] * width
    for mark in range(1, _MARKS):
        bar[mark * width // _MARKS] = "|"
    cells = [(letter, PLAIN) for letter in bar]
    if talker.confidence:
        around = 180.0 if talker.cone else 360.0
        cells[min(int(talker.azimuth_deg / around * width), width - 1)] = ("o", colour)
    return [("[", PLAIN), *cells, ("]", PLAIN)]
