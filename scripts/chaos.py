"""The breaking behind scripts/chaos: scenarios with real parts, and what was lost in them.

The sound numbers its own seconds, the provider says what it heard, and the broker's subscriber keeps what it got: these
three are compared. A scenario *passes* when every second is accounted for and nothing was lost that need not be,
*fails* when not, is *broken* when it could not be played to its end, and is *skipped* when the daemon lacks a part
that it needs. Only passed and skipped are good. The daemon's own log of each that is not goes to standard error.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT)]

from tests.rigs.chaos.judge import judge  # noqa: E402
from tests.rigs.chaos.play import Play  # noqa: E402
from tests.rigs.chaos.report import Outcome, as_json, table  # noqa: E402
from tests.rigs.chaos.scenes import PLAYS  # noqa: E402
from tests.rigs.chaos.theatre import SceneError, Theatre  # noqa: E402

LOG_CHARACTERS = 6000


def perform(play: Play, seed: int) -> Outcome:
    """Play one scenario and have it judged."""
    missing = play.missing()
    outcome = Outcome(play.name, play.chapter, play.title, "skipped", tuple(f"needs {part}" for part in missing))
    if missing:
        return outcome
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgetx-chaos-") as name:
        settings = dict(play.settings)
        with Theatre(Path(name), seed, play.speed, **settings) as theatre:
            try:
                verdict = judge(play.act(theatre))
                faults = (*verdict.faults, *theatre.faults)
                outcome = replace(outcome, status="failed" if faults else "passed", why=faults, verdict=verdict)
            except SceneError as error:
                why = (str(error).partition("\n")[0], *theatre.faults)
                outcome = replace(outcome, status="broken", why=why, verdict=judge(theatre.evidence()))
            if outcome.status != "passed":
                print(theatre.log()[-LOG_CHARACTERS:], file=sys.stderr)
    return replace(outcome, took_seconds=time.monotonic() - began)


def chosen(given: argparse.Namespace) -> list[Play]:
    if given.scenario:
        return [play for play in PLAYS if play.name in given.scenario]
    return [play for play in PLAYS if given.all or play.short]


def listing() -> str:
    lines = []
    for play in PLAYS:
        notes = [*(["short"] if play.short else []), *(f"needs {part}" for part in play.missing())]
        told = f" ({', '.join(notes)})" if notes else ""
        lines.append(f"{play.chapter} {play.name:21} {play.title}{told}")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description="See scripts/chaos --help.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=[play.name for play in PLAYS])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def end_in_order(number: int, _frame: FrameType | None) -> None:
    """Leave through every context manager, as for Ctrl-C."""
    sys.exit(128 + number)


def main() -> int:
    given = arguments()
    if given.list:
        print(listing())
        return 0
    signal.signal(signal.SIGTERM, end_in_order)
    signal.signal(signal.SIGHUP, end_in_order)
    outcomes: list[Outcome] = []
    try:
        for play in chosen(given):
            print(f"...    {play.name}: {play.title}", file=sys.stderr, flush=True)
            outcomes.append(perform(play, given.seed))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    told = as_json(outcomes, seed=given.seed)
    if not given.json:
        print(table(outcomes, seed=given.seed), end="\n\n")
    print(json.dumps(told, ensure_ascii=False))
    return 0 if told["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
