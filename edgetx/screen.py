"""A few rows of a terminal, rewritten in place with as few bytes as that takes. Pure.

Only what every terminal knows is used (ECMA-48: CUU, CHA, EL, ED, SGR, and the DEC private mode that hides the cursor).
Between two drawings the cursor stands at the beginning of the first row below.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edgetx.audio.gauge import PLAIN, Cells

HIDE_CURSOR = "\x1b[?25l"
SHOW_CURSOR = "\x1b[?25h"

_NEAR = 4
"""So few unchanged characters are cheaper to write again than to be jumped over."""


@dataclass(slots=True)
class Screen:
    """The rows as they are shown. ``coloured``: whether colours are written at all."""

    coloured: bool
    _rows: list[Cells] = field(default_factory=list)

    def draw(self, rows: Sequence[Cells]) -> str:
        """Return what makes the terminal show ``rows``; empty if it does already.

        The first time, or with another number of rows, all of them are written anew.
        """
        wanted = [row if self.coloured else [(letter, PLAIN) for letter, _ in row] for row in rows]
        if len(wanted) != len(self._rows):
            text = self.clear() + "".join(_styled(row) + "\n" for row in wanted)
        else:
            text = "".join(self._changes(wanted))
        self._rows = wanted
        return text

    def clear(self) -> str:
        """Return what takes the rows away; the next drawing begins where they began."""
        text = f"\x1b[{len(self._rows)}A\x1b[J" if self._rows else ""
        self._rows = []
        return text

    def _changes(self, wanted: list[Cells]) -> Iterator[str]:
        """Go up to the first row that differs, from there on down, and below the last."""
        differing = [n for n, (old, new) in enumerate(zip(self._rows, wanted, strict=True)) if old != new]
        if not differing:
            return
        at = len(wanted)
        for n in differing:
            yield f"\x1b[{at - n}A" if n < at else "\n" * (n - at)
            at = n
            yield from _row_changes(self._rows[n], wanted[n])
        yield "\r" + "\n" * (len(wanted) - at)


def _row_changes(old: Cells, new: Cells) -> Iterator[str]:
    for start, end in _runs([n for n, cell in enumerate(new) if n >= len(old) or cell != old[n]]):
        yield f"\x1b[{start + 1}G" + _styled(new[start:end])
    if len(new) < len(old):
        yield f"\x1b[{len(new) + 1}G\x1b[K"


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the stretches that hold ``places``, as start and end, joined where they are near."""
    start = end = -1
    for place in places:
        if start < 0:
            start = place
        elif place > end + _NEAR:
            yield start, end
            start = place
        end = place + 1
    if start >= 0:
        yield start, end


def _styled(cells: Cells) -> str:
    """Return the characters, with a change of colour where there is one, and none left at the end."""
    text, colour = "", PLAIN
    for letter, wanted in cells:
        if wanted != colour:
            text += f"\x1b[{wanted}m"
            colour = wanted
        text += letter
    return text + "\x1b[m" if colour != PLAIN else text
