"""Files that cannot be used are set aside, for a person to look at: under another name, in the same folder."""

import time
from collections.abc import Sequence
from pathlib import Path

KEPT = 3
"""How many are: a dying card must not fill up with them."""


def set_aside(path: Path, *, along: Sequence[str], gone: Sequence[str]) -> Path:
    """Set a file aside; return its new path.

    With it goes what is called like it and ends in one of ``along``; what ends in one of ``gone`` is removed.
    """
    name = path.name
    aside = path.with_name(f"{name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    while aside.exists():
        aside = aside.with_name(f"{aside.name}+")
    for ending in ("", *along):
        if (part := path.with_name(name + ending)).exists():
            part.rename(aside.with_name(aside.name + ending))
    for ending in gone:
        path.with_name(name + ending).unlink(missing_ok=True)
    others = sorted(other for other in path.parent.glob(f"{name}.damaged-*") if not other.name.endswith(tuple(along)))
    others = [other for other in others if other != aside]  # By its name it may be the oldest: clocks go back.
    for other in others[: max(0, len(others) + 1 - KEPT)]:
        for ending in ("", *along):
            other.with_name(other.name + ending).unlink(missing_ok=True)
    return aside
