"""What the speech gate costs in the whole daemon, as a table of 80 columns and as JSON. Pure."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from measure import HOUR_SECONDS, Span

WIDTH = 80
SOUNDS = ("quiet", "spoken")
GATES = ("off", "send-speech", "close-when-silent")
TITLES = {"quiet": "A quiet room", "spoken": "Spoken a fifth of the time"}
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
_MS = 1000


class Mean(NamedTuple):
    """``error``: the standard error of it."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Gated:
    """What one daemon used in each window; ``key``: which sound, and which gate."""

    key: str
    spans: Sequence[Span]

    @property
    def cpu(self) -> list[float]:
        """Milliseconds a second, in each window."""
        return [span.cpu_seconds_per_hour / HOUR_SECONDS * _MS for span in self.spans]

    @property
    def audio(self) -> float:
        """Of the capture thread, and what else there is beside the loop."""
        return statistics.mean(span.other_threads_per_hour for span in self.spans) / HOUR_SECONDS * _MS

    @property
    def loop(self) -> float:
        """Of the event loop."""
        return statistics.mean(span.main_thread_per_hour for span in self.spans) / HOUR_SECONDS * _MS

    @property
    def wakeups(self) -> float:
        """A second."""
        return statistics.mean(span.wakeups_per_second for span in self.spans)

    def more_than(self, other: "Gated") -> Mean:
        """Return by how much more it used than ``other`` in the same windows, two or more."""
        more = [ours - theirs for ours, theirs in zip(self.cpu, other.cpu, strict=True)]
        return Mean(statistics.mean(more), statistics.stdev(more) / len(more) ** 0.5)


def key(sound: str, gate: str) -> str:
    """Return what a daemon is called."""
    return f"{sound}_{gate.replace('-', '_')}"


def table(found: Sequence[Gated], notes: Sequence[str]) -> str:
    return "\n".join([*_lines({each.key: each for each in found}), *notes])


def as_json(found: Sequence[Gated], machine: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    daemons = {each.key: each for each in found}
    told = {sound: {gate: _told(daemons, sound, gate) for gate in GATES} for sound in SOUNDS}
    return {"gate_ms_per_second": told, "machine": machine, "run": run}


def _lines(daemons: dict[str, Gated]) -> Iterator[str]:
    for sound in SOUNDS:
        title = f"{TITLES[sound]}, ms a second"
        yield f"{title:39} {'CPU':>6} {'audio':>6} {'loop':>6} {'beyond off':>14}"
        yield "-" * WIDTH
        for gate in GATES:
            each = daemons[key(sound, gate)]
            parts = f"{statistics.mean(each.cpu):6.2f} {each.audio:6.2f} {each.loop:6.2f}"
            yield f"{gate:39} {parts} {_beyond(daemons, sound, gate)}".rstrip()
        yield ""


def _beyond(daemons: dict[str, Gated], sound: str, gate: str) -> str:
    if gate == GATES[0]:
        return ""
    more = daemons[key(sound, gate)].more_than(daemons[key(sound, GATES[0])])
    return f"{more.value:+7.2f} {PLUS_MINUS} {more.error:.2f}"


def _told(daemons: dict[str, Gated], sound: str, gate: str) -> dict[str, float]:
    each = daemons[key(sound, gate)]
    told = {"cpu": statistics.mean(each.cpu), "audio": each.audio, "loop": each.loop, "wakeups": each.wakeups}
    if gate != GATES[0]:
        more = each.more_than(daemons[key(sound, GATES[0])])
        told |= {"beyond_off": more.value, "standard_error": more.error}
    return {name: round(value, 4) for name, value in told.items()}
