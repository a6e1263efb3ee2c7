"""What was seen, as it is seen: a line each, good or bad; figures for the record; at the end the sum as JSON."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.rigs.vm.machine import MachineError


@dataclass(slots=True)
class Report:
    """``say`` prints a line; ``broken`` are the scenes that were not played to their end."""

    say: Callable[[str], None]
    faults: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    scene: str = ""
    broken: set[str] = field(default_factory=set)

    @contextmanager
    def playing(self, name: str, title: str) -> Iterator[None]:
        """A scene; what the machine refuses to do ends it, and is a fault."""
        self.scene = name
        self.say(f"\n== {name}: {title}")
        began = time.monotonic()
        try:
            yield
        except (MachineError, LookupError, ValueError) as error:  # The last two: it said something else than we know.
            self.broken.add(name)
            self.check("played to its end", False, f"{type(error).__name__}: {error}")
        self.seconds[name] = round(time.monotonic() - began, 1)

    def check(self, what: str, holds: object, saw: object = "") -> bool:
        told = f"{what}: {saw}" if saw != "" else what
        self.say(f"{'ok    ' if holds else 'FAILED'} {told}")
        if not holds:
            self.faults.append(f"{self.scene}: {told}")
        return bool(holds)

    def within(self, what: str, seconds: float, limit: float) -> None:
        self.check(what, seconds <= limit, f"{seconds:.2f} s (at most {limit:g})")

    def show(self, text: str) -> None:
        for line in text.rstrip("\n").splitlines():
            self.say(f"  | {line}")

    def figure(self, name: str, value: Any, unit: str = "") -> None:
        self.figures[name] = value
        self.say(f"       {name}: {value} {unit}".rstrip())

    def close(self) -> int:
        """Print the sum; return the exit code."""
        for fault in self.faults:
            self.say(f"FAILED {fault}")
        self.say(
            json.dumps(
                {
                    "passed": not self.faults,
                    "faults": self.faults,
                    "figures": self.figures,
                    "scene_seconds": self.seconds,
                },
                ensure_ascii=False,
            )
        )
        return 1 if self.faults else 0
