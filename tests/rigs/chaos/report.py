"""What the chaos came to: a table of 80 columns, and JSON. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from tests.rigs.chaos.judge import Verdict

WIDTH = 80


@dataclass(frozen=True, slots=True)
class Outcome:
    """``status``: passed, failed, skipped (it needs what is not there) or broken (it could not be played)."""

    name: str
    chapter: int
    title: str
    status: str
    why: tuple[str, ...] = ()
    took_seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)


def table(outcomes: Sequence[Outcome], *, seed: int) -> str:
    """Return the ledgers of all, what was wrong, and the sum."""
    return "\n".join([*_head(seed), *(line for outcome in outcomes for line in _lines(outcome)), *_sum(outcomes)])


def as_json(outcomes: Sequence[Outcome], *, seed: int) -> dict[str, Any]:
    """Return all of it."""
    return {
        "seed": seed,
        "passed": all(outcome.status in {"passed", "skipped"} for outcome in outcomes),
        "counts": _counts(outcomes),
        "scenarios": {
            outcome.name: {
                "status": outcome.status,
                "why": list(outcome.why),
                "seconds": round(outcome.took_seconds, 1),
                "ledger": outcome.verdict.figures,
            }
            for outcome in outcomes
        },
    }


def _head(seed: int) -> Iterator[str]:
    yield f"seed {seed}; sound in seconds, finals by their ids"
    yield ""
    yield f"{'':23}{'captured':>9}{'transcr.':>9}{'silent':>8}{'lost':>7}{'known':>7}{'deliv.':>7}{'rep.':>5}"
    yield "-" * WIDTH


def _lines(outcome: Outcome) -> Iterator[str]:
    f = outcome.verdict.figures
    if "captured" in f:
        sound = f"{f['captured']:9.2f}{f['transcribed']:9.2f}{f['silent']:8.2f}{f['lost']:7.2f}"
        finals = f"{f['finals_known']:7.0f}{f['finals_delivered']:7.0f}{f['finals_repeated']:5.0f}"
        yield f"{outcome.chapter} {outcome.name:21}{sound}{finals}"
    else:
        yield f"{outcome.chapter} {outcome.name:21}"
    yield f"  {outcome.status:8}{outcome.title}, {outcome.took_seconds:.0f} s"[:WIDTH]
    for reason in outcome.why:
        yield from wrap(reason, WIDTH, initial_indent=" " * 10, subsequent_indent=" " * 12)


def _sum(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "-" * WIDTH
    yield ", ".join(f"{count} {status}" for status, count in _counts(outcomes).items())


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    statuses = [outcome.status for outcome in outcomes]
    return {status: statuses.count(status) for status in ("passed", "failed", "broken", "skipped")}
