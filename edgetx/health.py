"""Who reported what, and when: the verdict on the daemon, and the evidence for the watchdog. Pure.

Every part (a microphone's capture, its provider, the broker) reports a status; each status belongs to one of three
verdicts. Capture also reports progress. The watchdog may be fed only if every capture that is not at rest (at its end,
or muted) has shown progress since it was fed last: sound that arrived, or another attempt to open a device that is not
there or delivers nothing. A new start of the daemon does not bring a missing device; it does free a reader that is
stuck, and such a one shows nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STALLED_SECONDS = 1.75
"""A running capture without a frame for so long is stalled; looked at when that is due, it is shown within two."""

GOOD = frozenset({"running", "ready", "connected", "ended", "idle", "muted", "stopped"})
"""Statuses that are as they should be; any other means `degraded`, and `stalled` itself is the third verdict."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one part said last."""

    stage: str
    status: str
    detail: str


class Health:
    """Collects reports; ``clock`` is monotonic seconds. Progress may be reported by any thread."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._parts: dict[tuple[str, str], Part] = {}
        self._progress: dict[str, float] = {}
        self.changes = 0
        """How often a status or its detail has changed."""

    def report(self, stage: str, name: str, *, status: str, detail: str = "") -> bool:
        """Note the status of a part of a stage; return whether that changes anything."""
        key, part = (stage, name), Part(stage, status, one_line(detail))
        if part == self._parts.get(key):
            return False
        self._parts[key] = part
        self.changes += 1
        return True

    def forget(self, stage: str, name: str) -> None:
        """Drop a part that is no more."""
        if self._parts.pop((stage, name), None):
            self.changes += 1

    def progress(self, capture: str) -> None:
        """Note that a capture has just moved on."""
        self._progress[capture] = self._clock()

    def progressed_since(self, moment: float) -> bool:
        """Return whether every capture that should has moved on after ``moment``."""
        captures = [
            key[1] for key, part in self._parts.items() if part.stage == "audio" and part.status not in _AT_REST
        ]
        return all(self._progress.get(name, float("-inf")) > moment for name in captures)

    def moved_at(self, capture: str) -> float:
        """Return when a capture reported progress last."""
        return self._progress.get(capture, float("-inf"))

    @property
    def verdict(self) -> str:
        """``running``, ``degraded`` or ``stalled``."""
        return max((_verdict(part.status) for part in self._parts.values()), key=_SEVERITY.index, default="running")

    def stages(self) -> dict[str, dict[str, Any]]:
        """Return, by stage, its worst part's status and what it said."""
        stages: dict[str, dict[str, Any]] = {}
        for part in sorted(self._parts.values(), key=lambda part: _SEVERITY.index(_verdict(part.status))):
            stages[part.stage] = {"status": part.status} | ({"detail": part.detail} if part.detail else {})
        return {stage: stages[stage] for stage in sorted(stages, key=_place)}

    @property
    def sentence(self) -> str:
        """The state in one line for `systemctl status`."""
        stages = ", ".join(f"{stage} {told['status']}" for stage, told in self.stages().items())
        troubles = [told for told in self.stages().values() if told["status"] not in GOOD]
        details = " ".join(told["detail"] for told in troubles if "detail" in told)
        return f"{self.verdict.capitalize()}: {stages or 'starting'}. {details}".strip()


_AT_REST = frozenset({"ended", "muted", "stopped"})
_SEVERITY = ("running", "degraded", "stalled")
_STAGES = ("audio", "speech", "mqtt")


def _place(stage: str) -> int:
    """Return where a stage stands when all are told: in the order of the flow, others behind."""
    return _STAGES.index(stage) if stage in _STAGES else len(_STAGES)


def one_line(text: str) -> str:
    """Return ``text`` without line breaks: a provider's words must not begin a line of systemd's, or of a log."""
    return " ".join(text.split())


def _verdict(status: str) -> str:
    if status == "stalled":
        return "stalled"
    return "running" if status in GOOD else "degraded"
