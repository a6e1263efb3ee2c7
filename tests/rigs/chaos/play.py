"""A scenario: what happens in the theatre, and which parts of the daemon it needs."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.theatre import Theatre

SOURCES = Path(__file__).parents[3] / "edgetx"


@dataclass(frozen=True, slots=True)
class Play:
    """``act`` plays it and returns what there is to judge. ``chapter``: the kind of trouble, 1 to 7.

    ``speed``: of simulated time. ``needs``: see `PARTS`. ``settings``: what the `Theatre` is given besides.
    """

    name: str
    chapter: int
    title: str
    act: Callable[[Theatre], Evidence]
    speed: float = 1.0
    needs: tuple[str, ...] = ()
    short: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def missing(self, sources: Path = SOURCES) -> list[str]:
        """Return the parts that it needs and that this daemon has not got."""
        return [part for part in self.needs if not _is_there(part, sources)]


PARTS = {
    "state": ("state.py", "app.py", "edgetx.state"),
    "spool": ("audio/spool.py", "wiring.py", "spool"),
    "backfill": ("speech/transcriber.py", "speech/transcriber.py", "backfill"),
}
"""A part: its file, and the file that must name it for it to be in use. Besides: ``mount``, the right to do so."""


def _is_there(part: str, sources: Path) -> bool:
    if part == "mount":
        return os.geteuid() == 0
    own, user, word = PARTS[part]
    return (sources / own).exists() and word in (sources / user).read_text().lower()
