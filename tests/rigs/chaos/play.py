"""A scenario: what happens in the theatre, and what it needs of the machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.mounts import may_mount
from tests.rigs.chaos.theatre import Theatre


@dataclass(frozen=True, slots=True)
class Play:
    """``act`` plays it and returns what there is to judge. ``chapter``: the kind of trouble, 1 to 7.

    ``speed``: of simulated time. ``mounts``: it needs the right to mount. ``settings``: what the `Theatre` is given
    besides.
    """

    name: str
    chapter: int
    title: str
    act: Callable[[Theatre], Evidence]
    speed: float = 1.0
    mounts: bool = False
    short: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def playable(self) -> bool:
        """Whether this machine lets it be played."""
        return may_mount() if self.mounts else True
