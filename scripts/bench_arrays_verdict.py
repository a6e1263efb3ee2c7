"""What scripts/bench-arrays found, beside its aims: as tables of 80 columns and as JSON. Pure."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

WIDTH = 80
RIGHT_DEG = 10.0
SURE = 0.8
CONFIDENCES = ((0.0, 0.5), (0.5, SURE), (SURE, 1.01))
WARMTHS = ("cold", "warm")
TITLES = {
    "one": "one channel",
    "mix": "plain mix",
    "known-das": "delay-and-sum (known)",
    "das": "delay-and-sum",
    "auto": "auto",
    "ill": "auto, one mic ill",
    "sector": "sector",
    "oracle": "oracle MVDR (bound)",
}
WORDS_AIMS = {("auto", "cold"): 0.55, ("auto", "warm"): 0.40, ("sector", "cold"): 0.45, ("sector", "warm"): 0.30}
OTHERS_ALLOWANCE = 0.1
"""How much worse than the first board the others of four and more microphones may be."""
FIRST = "respeaker-4mic"
"""The board that the aims are told of: it is measured in more rooms, and with an ill microphone too."""
QUIET_POINTS = 1.0
FAN_AT_10_DB = 0.80
SURE_AND_RIGHT = 0.9


@dataclass(frozen=True, slots=True)
class Record:
    """How one way to listen did with one utterance.

    ``off_deg``: how far from the truth its direction is; None: it tells none. ``left_out``: microphones, all of them
    healthy, that were taken for faulty.
    """

    board: str
    place: int
    noise: str
    snr_db: float
    warmth: str
    way: str
    errors: int
    words: int
    sdr_db: float
    off_deg: float | None = None
    confidence: float | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Aim:
    """``of``: a board or a part of the bench.

    ``bound``: the most, or with ``at_least`` the least, that ``value`` may be. ``spread``:
    what it would differ by in other rooms (one standard error); 0: unknown.
    """

    of: str
    title: str
    value: float
    bound: float
    at_least: bool = False
    spread: float = 0.0

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def chosen(records: Sequence[Record], **wanted: Any) -> list[Record]:
    return [each for each in records if all(getattr(each, key) == value for key, value in wanted.items())]


def word_error_rate(records: Sequence[Record]) -> float:
    """Return errors per word said; more than 1 when much is heard that was not said."""
    return sum(each.errors for each in records) / max(1, sum(each.words for each in records))


def right(records: Sequence[Record]) -> float:
    """Return the share of utterances whose direction is told and right; one without a direction is wrong."""
    return sum(each.off_deg is not None and each.off_deg <= RIGHT_DEG for each in records) / max(1, len(records))


def median_off(records: Sequence[Record]) -> float | None:
    told = [each.off_deg for each in records if each.off_deg is not None]
    return statistics.median(told) if told else None


def sure(records: Sequence[Record]) -> list[Record]:
    return [each for each in records if (each.confidence or 0) >= SURE]


def aims(records: Sequence[Record], microphones: Mapping[str, int]) -> list[Aim]:
    """Return what is aimed at for each board; ``microphones``: how many each has."""
    return [
        aim
        for board, count in microphones.items()
        if count >= 4 and records
        for aim in _aims(chosen(records, board=board), count)
    ]


def _aims(records: list[Record], microphones: int) -> Iterator[Aim]:
    board = records[0].board
    allowance = 0.0 if board == FIRST else OTHERS_ALLOWANCE

    def aim(title: str, some: list[Record], found: Callable[[list[Record]], float], bound: float, **more: bool) -> Aim:
        return Aim(board, title, found(some), bound, spread=spread(some, found), **more)

    for (way, warmth), most in WORDS_AIMS.items():
        some = [each for each in chosen(records, warmth=warmth) if each.way in {way, "one"}]
        title = f"words, {way}, {warmth}: of one channel's errors"
        yield aim(title, some, lambda some, way=way: _ratio(some, way), most + allowance)
    quiet = [each for each in records if each.snr_db >= 30]
    yield aim("words, auto, in quiet: points more than one channel", quiet, _worse, QUIET_POINTS)
    auto = chosen(records, way="auto")
    yield Aim(board, "healthy microphones left out", sum(each.left_out for each in chosen(auto, warmth="cold")), 0)
    cold, warm = (0.75, 0.80) if microphones == 4 else (0.82, 0.82)
    for warmth, least in zip(WARMTHS, (cold, warm), strict=True):
        yield aim(f"direction within 10°, {warmth}", chosen(auto, warmth=warmth), right, least, at_least=True)
    if fan := chosen(auto, noise="fan", snr_db=10):
        yield aim("direction within 10°, fan at 10 dB", fan, right, FAN_AT_10_DB, at_least=True)
    if certain := sure(auto):
        yield aim("direction right where it is sure", certain, right, SURE_AND_RIGHT, at_least=True)


def spread(records: list[Record], found: Callable[[list[Record]], float]) -> float:
    """Return the standard error of what ``found`` tells, were the rooms others: the jackknife's (Efron 1982, 3.1)."""
    rooms = sorted({each.place for each in records})
    without = [found([each for each in records if each.place != room]) for room in rooms]
    return float(statistics.pvariance(without) * (len(rooms) - 1)) ** 0.5


def _worse(records: list[Record]) -> float:
    """Return by how many points the errors of ``auto`` exceed those of one channel."""
    auto, one = (word_error_rate(chosen(records, way=way)) for way in ("auto", "one"))
    return 100 * (auto - one)


def _ratio(records: list[Record], way: str) -> float:
    return word_error_rate(chosen(records, way=way)) / max(1e-9, word_error_rate(chosen(records, way="one")))


def told(judged: Sequence[Aim], of: str) -> Iterator[str]:
    """Yield the aims of a board, or of a part, and whether each is met."""
    for aim in judged:
        if aim.of == of:
            sign = "≥" if aim.at_least else "≤"
            spread = f"± {aim.spread:4.2f}" if aim.spread else ""
            yield f"{aim.title:51}{aim.value:7.2f} {spread:6} {sign}{aim.bound:5.2f} {'met' if aim.met else 'not met'}"


def table(records: list[Record]) -> Iterator[str]:
    """Yield lines of 80 columns on one board."""
    count = len(chosen(records, way="one", warmth="cold"))
    yield f"{records[0].board}: {count} scenes; the first utterance (cold) and the second (warm)"
    yield f"{'':21} word errors, %  of one's    SDR, dB    ≤ 10°, %   median °"
    yield f"{'':21} cold  warm   cold warm   cold  warm  cold warm  cold  warm"
    yield "-" * WIDTH
    for way, title in TITLES.items():
        if mine := chosen(records, way=way):
            words = _both(mine, lambda some: f"{100 * word_error_rate(some):5.1f}")
            yield f"{title:21}{words}  {_rest(records, way)}"
    yield from _calibration(chosen(records, way="auto"))


def _calibration(records: list[Record]) -> Iterator[str]:
    """Yield how often a direction is right (of how many), by how sure it is said to be."""
    parts = [
        f"{least:g}-{min(most, 1):g}: {right(mine):.0%} ({len(mine)})"
        for least, most in CONFIDENCES
        for mine in [[each for each in records if each.confidence is not None and least <= each.confidence < most]]
        if mine
    ]
    yield f"right by confidence  {' '.join(parts)}"


def _rest(records: list[Record], way: str) -> str:
    mine = chosen(records, way=way)
    ratios = " ".join(f"{_ratio(chosen(records, warmth=warmth), way):4.2f}" for warmth in WARMTHS)
    sdr = _both(mine, lambda some: f"{statistics.mean(each.sdr_db for each in some):5.1f}")
    if median_off(mine) is None:
        return f"{ratios}  {sdr}"
    within = _both(mine, lambda some: f"{100 * right(some):4.0f}")
    return f"{ratios}  {sdr}  {within} {_both(mine, lambda some: f'{median_off(some) or 0:5.1f}')}"


def _both(records: list[Record], told: Callable[[list[Record]], str]) -> str:
    return " ".join(told(chosen(records, warmth=warmth)) for warmth in WARMTHS)


def detail(records: Sequence[Record]) -> Iterator[str]:
    """Yield word errors and directions of each noise and level, of one board."""
    ways = [way for way in TITLES if chosen(records, way=way)]
    yield "Word errors in %, and after a slash directions within 10°"
    yield f"{'':20}" + "".join(f"{way:>12}" for way in ways)
    for noise, snr in dict.fromkeys((each.noise, each.snr_db) for each in records):
        for warmth in WARMTHS:
            some = chosen(records, noise=noise, snr_db=snr, warmth=warmth)
            cells = "".join(f"{_cell(chosen(some, way=way)):>12}" for way in ways)
            yield f"{noise:10} {snr:3g} {warmth:5}{cells}"


def _cell(records: list[Record]) -> str:
    words = f"{100 * word_error_rate(records):.0f}"
    return words if median_off(records) is None else f"{words} / {100 * right(records):.0f}"


def as_json(records: Sequence[Record], judged: Sequence[Aim]) -> dict[str, Any]:
    return {
        "boards": {
            board: {
                way: {warmth: _figures(chosen(records, board=board, way=way, warmth=warmth)) for warmth in WARMTHS}
                for way in TITLES
                if chosen(records, board=board, way=way)
            }
            for board in dict.fromkeys(each.board for each in records)
        },
        "aims": {
            "met": sum(aim.met for aim in judged),
            "of": len(judged),
            "not_met": [_rounded(asdict(aim)) for aim in judged if not aim.met],
        },
    }


def _figures(records: list[Record]) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "utterances": len(records),
        "word_error_rate": word_error_rate(records),
        "sdr_db": statistics.mean(each.sdr_db for each in records),
    }
    if (median := median_off(records)) is not None:
        figures |= {"right": right(records), "median_off_deg": median}
        figures |= {"sure": len(sure(records)), "sure_and_right": right(sure(records))}
    return _rounded(figures)


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}
