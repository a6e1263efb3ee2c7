"""The measurement behind scripts/bench-arrays: what an array of microphones gains, in rooms that are simulated.

The modules beside this one: `bench_arrays_rooms` where everything is and how it sounds there, `bench_arrays_scenes` who
says what and how loud the noise is, `bench_arrays_daemon` the daemon's ears, `bench_arrays_ways` what they are held
against, `bench_arrays_words` how well each is understood; `bench_arrays_trial`, `bench_arrays_gate`,
`bench_arrays_quirks` and `bench_arrays_cost` what is tried; `bench_arrays_verdict` and `bench_arrays_parts` aims and
tables.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "scripts"), str(CHECKOUT / "scripts/lib")]

import bench_arrays_cost as cost  # noqa: E402
import bench_arrays_gate as gate  # noqa: E402
import bench_arrays_parts as parts  # noqa: E402
import bench_arrays_verdict as verdict  # noqa: E402
from bench_arrays_parts import Cost, Gated, Quirk  # noqa: E402
from bench_arrays_quirks import QuirksTrial  # noqa: E402
from bench_arrays_run import Trial, measured, say  # noqa: E402
from bench_arrays_scenes import CONDITIONS, Condition  # noqa: E402
from bench_arrays_trial import Record, WordsTrial  # noqa: E402
from ending import end_in_order  # noqa: E402

from edgetx import boards  # noqa: E402
from edgetx.board import Board  # noqa: E402

NOT_MET = 3
"""Exit code; 1 is for what could not be measured."""
PARTS = ("words", "gate", "quirks", "cost")
FIRST = verdict.FIRST
SHORT = tuple(
    Condition(noise, snr)
    for noise, snr in (
        ("fan", 30),
        ("babble", 30),
        ("fan", 10),
        ("fan", 0),
        ("babble", 10),
        ("babble", 5),
        ("competitor", 10),
        ("competitor", 5),
    )
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, of which boards, and how widely."""

    boards: tuple[Board, ...]
    parts: frozenset[str]
    seed: int
    short: bool

    def trials(self) -> list[Trial]:
        first = boards.named(FIRST)
        makers: dict[str, Callable[[], Sequence[Trial]]] = {
            "words": self._words,
            "gate": lambda: gate.trials(first, seed=self.seed, rooms=4 if self.short else 8),
            "quirks": lambda: [
                QuirksTrial(board, place, self.seed) for board in self.boards for place in range(2 if self.short else 4)
            ],
        }
        return [trial for part, make in makers.items() if part in self.parts for trial in make()]

    def _words(self) -> list[Trial]:
        return [
            WordsTrial(board, place, SHORT if self.short else CONDITIONS, self.seed)
            for board in self.boards
            for place in range(16 if board.name == FIRST and not self.short else 8)
        ]


@dataclass(slots=True)
class Found:
    """What came of it."""

    records: list[Record] = field(default_factory=list)
    streams: list[Gated] = field(default_factory=list)
    quirks: list[Quirk] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    gate_ms: float | None = None

    def take(self, results: Sequence[Any]) -> None:
        kinds: dict[type, list[Any]] = {Record: self.records, Gated: self.streams, Quirk: self.quirks}
        for each in results:
            kinds[type(each)].append(each)


def measure(plan: Plan) -> Found:
    found = Found()
    trials = plan.trials()
    came = defaultdict(list)
    for trial, results in measured(trials):
        came[id(trial)] = results
    for trial in trials:
        found.take(came[id(trial)])
    if "cost" in plan.parts:
        for board in plan.boards:
            say(f"cost, {board.name}")
            found.costs.append(cost.measured(board, seed=plan.seed))
    if "gate" in plan.parts:
        found.gate_ms = gate.milliseconds(boards.named(FIRST), seed=plan.seed)
    return found


def show(found: Found, judged: Sequence[verdict.Aim], *, with_detail: bool) -> None:
    for board in dict.fromkeys(each.board for each in found.records):
        mine = verdict.chosen(found.records, board=board)
        print(*verdict.table(mine), "", *verdict.told(judged, board), sep="\n", end="\n\n")
        if with_detail:
            print(*verdict.detail(mine), sep="\n", end="\n\n")
    for line in parts.table(found.streams, found.quirks, found.costs, found.gate_ms):
        print(line)
    for line in (line for of in PARTS for line in verdict.told(judged, of)):
        print(line)
    print(f"\n{sum(aim.met for aim in judged)} of {len(judged)} aims are met.\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench-arrays", description="See scripts/bench-arrays --help.")
    parser.add_argument("--boards")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--detail", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    known = {board.name: board for board in boards.all()}
    given.boards = _among(parser, known, given.boards)
    given.only = _among(parser, {part: part for part in PARTS}, given.only)
    return given


def _among(parser: argparse.ArgumentParser, known: dict[str, Any], wanted: str | None) -> tuple[Any, ...]:
    names = wanted.split(",") if wanted else list(known)
    for name in names:
        if name not in known:
            parser.error(f"there is no {name!r}; there are {', '.join(known)}")
    return tuple(known[name] for name in names)


def main() -> int:
    given = arguments()
    end_in_order()
    began = time.monotonic()
    plan = Plan(given.boards, frozenset(given.only), given.seed, given.short)
    try:
        found = measure(plan)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    judged = [
        *verdict.aims(found.records, {board.name: len(board.microphones) for board in plan.boards}),
        *parts.aims(found.streams, found.quirks, found.costs, found.gate_ms),
    ]
    if not given.json:
        show(found, judged, with_detail=given.detail)
    run = {"seed": given.seed, "short": given.short, "seconds": round(time.monotonic() - began)}
    told = parts.as_json(found.streams, found.quirks, found.costs, found.gate_ms)
    print(json.dumps(verdict.as_json(found.records, judged) | told | {"run": run}))
    return 0 if all(aim.met for aim in judged) else NOT_MET


if __name__ == "__main__":
    sys.exit(main())
