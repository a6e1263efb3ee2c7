"""Cuts of a provider's connection, one after another and on many microphones at once, and how long each was felt.

Each microphone reaches the provider through a passage of its own and is cut by itself, at moments that have nothing to
do with what it is sent just then. What is waited for is the sound of now: after a short break the sound that is owed
goes first, no faster than the provider allows, and only then is the microphone live again.
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from calls import Call, Provider
from trial import BenchError

from tests.rigs.passage import Passage

AWAY_SECONDS = 3.0
REST_SECONDS = (0.5, 5.5)
"""How long a microphone is left alone: any moment of the five seconds between two finals is as likely."""
PATIENCE_SECONDS = 100.0
LOOK_SECONDS = 0.02


class Kind(StrEnum):
    """What happens: the connection is reset, or nobody takes calls for `AWAY_SECONDS`."""

    RESET = "reset"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Return:
    """A cut that is over. Seconds: from the provider's being there until the sound of now came; from its taking the
    call until then; from its taking the call until the first sound, old or new.
    """

    kind: Kind
    live: float
    live_since_taken: float
    sound_since_taken: float


@dataclass(slots=True)
class Victim:
    """One microphone, whose connection is cut in one way, again and again."""

    microphone: str
    kind: Kind
    passage: Passage
    provider: Provider
    chance: random.Random
    due: float
    returns: list[Return] = field(default_factory=list)
    _there: float | None = None
    _calls_before: int = 0

    @property
    def resting(self) -> bool:
        return self._there is None and self.passage.is_open

    def step(self, now: float, *, more: bool) -> None:
        """Do what is due. ``more``: whether to begin another cut."""
        if self.resting:
            if more and now >= self.due:
                self._cut(now)
        elif self._there is None:
            if now >= self.due:
                self.passage.open()
                self._there = time.monotonic()
        elif back := self._back(self._there):
            self.returns.append(back)
            self._there = None
            self.due = now + self.chance.uniform(*REST_SECONDS)
        elif now - self._there > PATIENCE_SECONDS:
            raise BenchError(f"The microphone {self.microphone} did not become live again. {self._plight()}")

    def _cut(self, now: float) -> None:
        self._calls_before = len(self.provider.calls(self.microphone))
        if self.kind is Kind.AWAY:
            self.passage.close()
            self.due = now + AWAY_SECONDS
        else:
            self._there = time.monotonic()
            self.passage.cut(reset=True)

    def _back(self, there: float) -> Return | None:
        for call in self.provider.calls(self.microphone)[self._calls_before :]:
            if (live := call.now()) is not None:
                return self._returned(call, there, live)
        return None

    def _plight(self) -> str:
        calls = self.provider.calls(self.microphone)[self._calls_before :]
        ages = [f"{call.heard()[-1].age}" if call.heard() else "none" for call in calls]
        return f"The provider was called {len(calls)} times since; seconds by which the last sound was late: {ages}."

    def _returned(self, call: Call, there: float, live: float) -> Return:
        return Return(self.kind, live - there, live - call.asked, call.heard()[0].at - call.asked)


def cut_many_times(victims: Sequence[Victim], *, seconds: float) -> Iterator[Return]:
    """Cut for so long, wait until all are live again, and yield how each cut was felt."""
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end or not all(victim.resting for victim in victims):
        for victim in victims:
            victim.step(now, more=now < end)
        time.sleep(LOOK_SECONDS)
    for victim in victims:
        yield from victim.returns
