"""What the bench measured, beside its aims: as a table of 80 columns and as JSON. Pure."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

WIDTH = 80
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. ``aim``: the most that ours may be; ``of_theirs``: times theirs, else in ``unit``."""

    key: str
    title: str
    unit: str
    ours: float
    theirs: float | None = None
    aim: float | None = None
    of_theirs: bool = True

    @property
    def ratio(self) -> float | None:
        return self.ours / self.theirs if self.theirs else None

    @property
    def met(self) -> bool | None:
        """None: there is no aim."""
        measured = self.ratio if self.of_theirs else self.ours
        return None if self.aim is None or measured is None else measured <= self.aim

    def as_json(self) -> dict[str, Any]:
        known = asdict(self) | {"ratio": self.ratio, "met": self.met}
        del known["key"]
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in known.items() if v is not None}


@dataclass(frozen=True, slots=True)
class Share:
    """What one part of the daemon costs: CPU seconds per hour of microphone, and how that was found."""

    key: str
    title: str
    cpu_seconds_per_hour: float
    how: str


def table(figures: list[Figure], shares: list[Share], notes: list[str]) -> str:
    return "\n".join([*_figures(figures), "", *_shares(shares), "", *notes])


def as_json(figures: list[Figure], shares: list[Share], machine: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    aims = [figure.met for figure in figures if figure.met is not None]
    return {
        "figures": {figure.key: figure.as_json() for figure in figures},
        "stages": {
            share.key: {"cpu_seconds_per_hour": round(share.cpu_seconds_per_hour, 4), "how": share.how}
            for share in shares
        },
        "aims": {"met": sum(aims), "of": len(aims)},
        "machine": machine,
        "run": run,
    }


def _figures(figures: list[Figure]) -> Iterator[str]:
    yield f"{'':35} {'edgetx':>8} {'official':>8} {'ratio':>7} {'aim':>8}"
    yield "-" * WIDTH
    for figure in figures:
        title = f"{figure.title}, {figure.unit}" if figure.unit else figure.title
        theirs = "" if figure.theirs is None else f"{figure.theirs:.2f}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} {TIMES}"
        verdict = {None: "", True: "met", False: "not met"}[figure.met]
        yield f"{title:35} {figure.ours:8.2f} {theirs:>8} {ratio:>7} {_aim(figure):>8} {verdict}".rstrip()


def _aim(figure: Figure) -> str:
    if figure.aim is None:
        return ""
    return f"≤ {figure.aim:.2f} {TIMES}" if figure.of_theirs else f"≤ {figure.aim:g}"


def _shares(shares: list[Share]) -> Iterator[str]:
    yield "Where the daemon's CPU goes, CPU s per hour of microphone"
    yield "-" * WIDTH
    for share in shares:
        yield f"{share.title:35} {share.cpu_seconds_per_hour:8.2f}  {share.how}"
