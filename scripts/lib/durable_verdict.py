"""What the durable path costs, as a table of 80 columns and as JSON. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

WIDTH = 80
CARD_MEGABYTES = 32_000
DAY_HOURS = 24
YEAR_DAYS = 365
TITLES = {
    "quiet_crash": "nobody speaks, crash",
    "quiet_power": "nobody speaks, power",
    "good_crash": "a final every 5 s, crash",
    "good_power": "a final every 5 s, power",
    "no_provider_crash": "provider away, crash",
    "no_provider_power": "provider away, power",
    "no_broker_crash": "broker away, crash",
    "no_broker_power": "broker away, power",
    "official": "official client, sending",
    "reset": "connection reset",
    "away": "nobody there for 3 s",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of an hour: CPU, and what goes to disk (10^6 bytes)."""

    key: str
    cpu_seconds: float
    megabytes: float

    @property
    def card_days(self) -> float | None:
        """After how many days so much has been written as a card of 32 GB holds; None: never."""
        return CARD_MEGABYTES / self.megabytes / DAY_HOURS if self.megabytes else None


@dataclass(frozen=True, slots=True)
class Felt:
    """A kind of cut: how many, and (p50, p99) of the seconds of `cutting.Return`."""

    key: str
    count: int
    live: tuple[float, float]
    live_since_taken: tuple[float, float]
    sound_since_taken: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Backfill:
    """How what is owed was delivered beside the live session, over so many ``seconds``.

    ``speed``: owed seconds a second; ``cpu_per_hour``: of the whole daemon; ``cpu_per_owed_hour``: what an hour of owed
    sound costs beyond what is live; ``live_p50``, ``live_p99``: seconds from a live period's end to its arrival.
    """

    seconds: float
    speed: float
    cpu_per_hour: float
    cpu_per_owed_hour: float
    live_p50: float
    live_p99: float


@dataclass(frozen=True, slots=True)
class Found:
    """All that one run found. ``outage_seconds``: before the backfill; ``disk``: kind of file system."""

    costs: Sequence[Cost]
    felt: Sequence[Felt]
    backfill: Backfill
    outage_seconds: float
    allowed_speed: float
    disk: str


def table(found: Found, notes: Sequence[str]) -> str:
    parts = (_costs(found.costs), _felt(found.felt), _backfill(found))
    return "\n".join([*(line for part in parts for line in (*part, "")), *notes])


def as_json(found: Found, machine: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    return {
        "durable": {
            "cost_per_hour": {
                cost.key: _rounded(
                    {
                        "cpu_seconds": cost.cpu_seconds,
                        "megabytes": cost.megabytes,
                        "days_until_32_gb_are_written": cost.card_days,
                    }
                )
                for cost in found.costs
            },
            "live_again_seconds": {felt.key: _percentiles(felt) for felt in found.felt},
            "backfill": _rounded(
                asdict(found.backfill) | {"allowed": found.allowed_speed, "outage_seconds": found.outage_seconds}
            ),
        },
        "machine": machine,
        "run": run | {"file_system": found.disk},
    }


def _costs(costs: Sequence[Cost]) -> Iterator[str]:
    hour, day = ("CPU, s/h", "disk, MB/h"), ("MB/day", "32 GB after")
    yield f"{'One microphone':30} {hour[0]:>10} {hour[1]:>11} {day[0]:>10} {day[1]:>14}"
    yield "-" * WIDTH
    for cost in costs:
        megabytes = f"{cost.megabytes:11.2f} {cost.megabytes * DAY_HOURS:10.0f}"
        yield f"{TITLES[cost.key]:30} {cost.cpu_seconds:10.2f} {megabytes} {_duration(cost.card_days):>14}".rstrip()


def _duration(days: float | None) -> str:
    if days is None:
        return ""
    return f"{days / YEAR_DAYS:.1f} years" if days > YEAR_DAYS else f"{days:.0f} days"


def _felt(felts: Sequence[Felt]) -> Iterator[str]:
    yield f"{'Live again after a cut':50} {'cuts':>6} {'p50':>10} {'p99':>10}"
    yield "-" * WIDTH
    for felt in felts:
        yield _times(f"{TITLES[felt.key]}: since it can be had again, s", felt.live, count=str(felt.count))
        yield _times("  of it since it took the call, s", felt.live_since_taken)
        yield _times("  since it took the call to any sound, ms", _milliseconds(felt.sound_since_taken), digits=1)


def _times(title: str, times: tuple[float, float], *, count: str = "", digits: int = 2) -> str:
    p50, p99 = times
    return f"{title:50} {count:>6} {p50:10.{digits}f} {p99:10.{digits}f}"


def _milliseconds(seconds: tuple[float, float]) -> tuple[float, float]:
    return seconds[0] * 1000, seconds[1] * 1000


def _backfill(found: Found) -> Iterator[str]:
    backfill = found.backfill
    yield f"{f'Backfill beside the live session, {found.outage_seconds:.0f} s owed and more':57} {'':>10} {'limit':>10}"
    yield "-" * WIDTH
    yield f"{'owed seconds delivered a second':57} {backfill.speed:10.2f} {found.allowed_speed:10.2f}"
    yield f"{'CPU of both sessions, s an hour':57} {backfill.cpu_per_hour:10.2f}"
    yield f"{'CPU for an hour of owed sound, beyond what is live, s':57} {backfill.cpu_per_owed_hour:10.2f}"
    yield f"{'live sound to the provider meanwhile, p50, ms':57} {backfill.live_p50 * 1000:10.1f}"
    yield f"{'live sound to the provider meanwhile, p99, ms':57} {backfill.live_p99 * 1000:10.1f}"


def _percentiles(felt: Felt) -> dict[str, Any]:
    names = ("live", "live_since_taken", "sound_since_taken")
    times = {f"{name}_p{share}": getattr(felt, name)[at] for name in names for at, share in enumerate((50, 99))}
    return {"cuts": felt.count} | _rounded(times)


def _rounded(values: dict[str, float | None]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items() if value is not None}
