"""What is to be remembered of each microphone: what of it is new, what is written, what is written next. Pure.

A row that is long is not written with each message: many holes in an outage, told one by one, would each rewrite all of
them. After a crash that one is told again; a final never is, for its range goes with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edgetx.restart import Remembered

LONG = 500
"""Ranges in a row."""
LONG_SECONDS = 10.0
"""How often a long one is written."""


@dataclass(slots=True)
class Memory:
    """``kept``: what a restart would find, by the microphone's name."""

    kept: dict[str, Remembered] = field(default_factory=dict)
    _followed: dict[str, Callable[[], Remembered]] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _again_at: dict[str, float] = field(default_factory=dict)

    def follow(self, microphone: str, remember: Callable[[], Remembered]) -> None:
        """Let ``remember()`` say what there is of a microphone."""
        self._followed[microphone] = remember

    def recall(self, microphone: str) -> Remembered:
        """Return what there is of one that is followed."""
        return self._followed[microphone]()

    def change(self, microphone: str) -> None:
        """Note that there is something new."""
        self._changed.add(microphone)

    def change_all(self) -> None:
        """Note that there may be something new of all."""
        self._changed.update(self._followed)

    @property
    def has_changed(self) -> bool:
        """There is something to write."""
        return bool(self._changed)

    def take(self, *, now: float, all_of_it: bool) -> dict[str, Remembered]:
        """Return what to write ``now`` (monotonic seconds); what has to wait still `has_changed`."""
        names, self._changed = self._changed, set()
        taken = {name: self.recall(name) for name in names}
        for name in [name for name, known in taken.items() if len(known.balance.ahead) > LONG and not all_of_it]:
            if now < self._again_at.get(name, float("-inf")):
                del taken[name]
                self._changed.add(name)
            else:
                self._again_at[name] = now + LONG_SECONDS
        return taken

    def written(self, microphones: Mapping[str, Remembered]) -> None:
        """Note what has been written."""
        self.kept.update(microphones)
