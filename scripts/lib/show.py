"""What the demonstration shows: transcripts as a subscriber gets them, beside what was read, and the final account."""

import os
import shutil
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

ROUNDING_SECONDS = 0.01
EVER = float("inf")
FATES = ("transcribed", "silent", "lost")


@dataclass(slots=True)
class Reading:
    """One recording: what was read, and, once it is played, when (UNIX seconds)."""

    wav: Path
    text: str
    began: float = EVER
    ended: float = EVER

    def overlap(self, start: float, end: float) -> float:
        """Seconds that it shares with [start, end]; negative if none."""
        return min(end, self.ended) - max(start, self.began)


class Screen:
    """Partials replaced in place, finals below each other. Off a terminal: no partials, no colours."""

    def __init__(self) -> None:
        self.moving = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def line(self, text: str) -> None:
        print(f"\r\033[K{text}" if self.moving else text, flush=True)

    def passing(self, prefix: str, text: str) -> None:
        """Show ``text`` until the next line; of a long one its end, for that is what is new."""
        if self.moving:
            room = max(1, shutil.get_terminal_size().columns - len(prefix) - 1)
            print(f"\r\033[K{self.dim(prefix + text[-room:])}", end="", flush=True)

    def dim(self, text: str) -> str:
        return f"\033[2m{text}\033[0m" if self.moving else text


@dataclass(slots=True)
class Show:
    """Takes the subscriber's messages one by one, shows them, and remembers what the summary needs."""

    screen: Screen
    readings: list[Reading]
    online: bool = False
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard: list[Reading] = field(default_factory=list)
    finals: int = 0

    def take(self, topic: str, payload: Any) -> None:
        if topic.endswith("/availability"):
            self.online = payload == "online"
        elif topic.endswith("/state"):
            self._state(topic.split("/")[-2], payload)
        elif topic.endswith("/transcript/partial"):
            self.screen.passing(f"{'…':>10}  {payload['microphone']}  ", payload["text"])
        elif topic.endswith("/transcript/final"):
            self._final(payload)
        elif topic.endswith("/event") and payload["event"] == "gap":
            self.screen.line(f"{'':>10}  {payload['microphone']}  (a gap: {payload.get('cause', 'unknown')})")

    @property
    def listening(self) -> bool:
        states = self.states.values()
        return self.online and any(s["capture"] in {"running", "silent"} and s["provider"] == "ready" for s in states)

    @property
    def all_heard(self) -> bool:
        return all(reading in self.heard for reading in self.readings)

    def _state(self, microphone: str, state: dict[str, Any]) -> None:
        before = self.states.get(microphone, {})
        self.states[microphone] = state
        if any(before.get(key) != state[key] for key in ("capture", "provider")):
            detail = f"  {state['detail']}" if "detail" in state else ""
            self.screen.line(self.screen.dim(f"{microphone}: {state['capture']}, {state['provider']}{detail}"))

    def _final(self, final: dict[str, Any]) -> None:
        start, end = (datetime.fromisoformat(final[key]) for key in ("start", "end"))
        self.finals += 1
        self.screen.line(
            f"{start.astimezone():%H:%M:%S}.{start.microsecond // 100_000}  {final['microphone']}  {final['text']}"
        )
        if (reading := self._read_between(start.timestamp(), end.timestamp())) and reading not in self.heard:
            self.heard.append(reading)
            self.screen.line(self.screen.dim(f"{'read:':>10}  {'':{len(final['microphone'])}}  {reading.text}"))

    def _read_between(self, start: float, end: float) -> Reading | None:
        best = max(self.readings, key=lambda reading: reading.overlap(start, end), default=None)
        return best if best and best.overlap(start, end) > 0 else None


def summarise(show: Show) -> bool:
    """Print what became of every captured second. True: the account of every microphone adds up."""
    adds_up = bool(show.states)
    for microphone, state in show.states.items():
        ledger = {fate: state["ledger"][f"{fate}_seconds"] for fate in ("captured", *FATES)}
        show.screen.line(f"{microphone}: " + ", ".join(f"{seconds:.2f} s {fate}" for fate, seconds in ledger.items()))
        adds_up &= abs(ledger["captured"] - sum(ledger[fate] for fate in FATES)) < ROUNDING_SECONDS
    return adds_up
