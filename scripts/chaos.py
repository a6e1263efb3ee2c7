"""The breaking behind scripts/chaos: scenarios with real parts, and what was lost in them.

The sound numbers its own seconds, the provider says what it heard, and the broker's subscriber keeps what it got: these
three are compared. A scenario *passes* when every second is accounted for and nothing was lost that need not be,
*fails* when not, is *broken* when it could not be played to its end, and is *skipped* when the machine lacks what it
needs. Only passed and skipped are good. The daemon's own log of each that is not goes to standard error.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT)]

from tests.rigs.chaos.interruption import Interruption  # noqa: E402
from tests.rigs.chaos.judge import judge  # noqa: E402
from tests.rigs.chaos.play import Play  # noqa: E402
from tests.rigs.chaos.report import Outcome, as_json, table  # noqa: E402
from tests.rigs.chaos.scenes import PLAYS  # noqa: E402
from tests.rigs.chaos.theatre import SceneError, Theatre  # noqa: E402

LOG_CHARACTERS = 6000
NO_MOUNT = "needs the right to mount file systems (root)"


def perform(play: Play, seed: int, interruption: Interruption) -> Outcome:
    """Play one scenario and have it judged."""
    outcome = Outcome(play.name, play.chapter, play.title, "skipped", (NO_MOUNT,))
    if not play.playable:
        return outcome
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgetx-chaos-") as name:
        settings = dict(play.settings)
        with Theatre(Path(name), seed, play.speed, undisturbed=interruption.held, **settings) as theatre:
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
        notes = [*(["short"] if play.short else []), *([] if play.playable else [NO_MOUNT])]
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


def perform_all(plays: Sequence[Play], seed: int, interruption: Interruption) -> Iterator[Outcome]:
    """Play one after another, and say on standard error how far it is."""
    for number, play in enumerate(plays, 1):
        print(f"[{number}/{len(plays)}] {play.name}: {play.title}", file=sys.stderr, flush=True)
        outcome = perform(play, seed, interruption)
        print(f"{outcome.status} after {outcome.took_seconds:.0f} s", file=sys.stderr, flush=True)
        yield outcome


def main() -> int:
    given = arguments()
    if given.list:
        print(listing())
        return 0
    interruption = Interruption()
    interruption.expect()
    outcomes = list(perform_all(chosen(given), given.seed, interruption))
    told = as_json(outcomes, seed=given.seed)
    if not given.json:
        print(table(outcomes, seed=given.seed), end="\n\n")
    print(json.dumps(told, ensure_ascii=False))
    return 0 if told["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
