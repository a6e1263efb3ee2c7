"""What scripts/bench-arrays found of the gate, of boards' quirks and of costs: aims, tables and JSON. Pure."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench_arrays_verdict import FIRST, WIDTH, Aim

Span = tuple[int, int]
"""Frames [start, end)."""

RATE = 16000
ONSET_SECONDS = 0.03
"""A gate that opens so much later than speech begins has not clipped it: what is cut off is not to be heard."""
ECHO_SECONDS = 0.7
"""A gate that opens so soon after speech has heard its reverberation."""
NEAR_M, FAR_M = 1.5, 2.5
GATE_DB = 5.0
MISSED, CLIPPED, FALSE_A_MINUTE = 0.03, 0.05, 0.5
GATE_MILLISECONDS = EARS_MILLISECONDS = 8.0
RECOGNISED = 0.98


@dataclass(frozen=True, slots=True)
class Gated:
    """What the gate did with a stream.

    ``snr_db``: None when nobody spoke. ``minutes``: in which nobody does. ``saved``: the share of all that is held
    back, ``lost``: of speech.
    """

    noise: str
    snr_db: float | None
    down_db: float
    distance_m: float
    utterances: int
    missed: int
    clipped: int
    false_openings: int
    false_minutes: float
    minutes: float
    saved: float
    lost: float


@dataclass(frozen=True, slots=True)
class Quirk:
    """Whether a quirk, planted once, was recognised."""

    board: str
    name: str
    is_found: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds a second of sound: of beam and direction, and with all that a front end does besides."""

    board: str
    microphones: int
    ears: float
    front_end: float


def gated(
    spoken: Sequence[Span], opened: Sequence[Span], frames: int, *, noise: str, snr_db: float | None, **about: float
) -> Gated:
    """Judge a gate that let ``opened`` of ``frames`` through while somebody spoke at ``spoken``.

    An utterance is missed when less than half of it came through; otherwise it is clipped when its first frames did
    not. An opening is false when it touches no utterance, reverberation included.
    """
    missed = [each for each in spoken if sum(_shared(each, open_) for open_ in opened) * 2 < each[1] - each[0]]
    onsets = [start + int(ONSET_SECONDS * RATE) for start, end in spoken if (start, end) not in missed]
    echo = int(ECHO_SECONDS * RATE)
    false = [each for each in opened if not any(_shared((start, end + echo), each) for start, end in spoken)]
    silent = frames - sum(end - start for start, end in spoken)
    return Gated(
        noise,
        snr_db,
        **about,
        utterances=len(spoken),
        missed=len(missed),
        clipped=sum(not any(start <= onset < end for start, end in opened) for onset in onsets),
        false_openings=len(false),
        false_minutes=sum(end - start for start, end in false) / RATE / 60,
        minutes=silent / RATE / 60,
        saved=1 - sum(min(end, frames) - start for start, end in opened) / frames,
        lost=1 - sum(_shared(each, open_) for each in spoken for open_ in opened) / max(1, frames - silent),
    )


def _shared(one: Span, other: Span) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def aims(streams: Sequence[Gated], quirks: Sequence[Quirk], costs: Sequence[Cost], gate_ms: float | None) -> list[Aim]:
    """Return what is aimed at, of all that was measured."""
    return [
        *_of_gate(streams),
        *([Aim("gate", "CPU, ms a second at 20 % speech", gate_ms, GATE_MILLISECONDS)] if gate_ms is not None else []),
        *(
            Aim("quirks", f"{name}: share recognised", found, RECOGNISED, at_least=True)
            for name, (found, _) in _shares(quirks).items()
        ),
        *(
            Aim("cost", f"beam and direction, {cost.board}, ms a second", cost.ears, EARS_MILLISECONDS)
            for cost in costs
            if cost.board == FIRST
        ),
    ]


def _of_gate(streams: Sequence[Gated]) -> Iterator[Aim]:
    if not streams:
        return
    at_5_db = [each for each in streams if each.snr_db == GATE_DB]
    spoken = sum(each.utterances for each in at_5_db)
    missed = sum(each.missed for each in at_5_db)
    yield Aim("gate", "utterances missed at 5 dB, share", missed / spoken, MISSED)
    clipped = sum(each.clipped for each in at_5_db)
    yield Aim("gate", "onsets clipped at 5 dB, share of the heard", clipped / max(1, spoken - missed), CLIPPED)
    noise = [each for each in streams if each.snr_db is None and each.noise != "babble"]
    yield Aim("gate", "false openings a minute, noise alone", _false_a_minute(noise), FALSE_A_MINUTE)
    yield Aim("gate", "false openings a minute, between words at 5 dB", _false_a_minute(at_5_db), FALSE_A_MINUTE)


def _false_a_minute(streams: Sequence[Gated]) -> float:
    return sum(each.false_openings for each in streams) / sum(each.minutes for each in streams)


def _shares(quirks: Sequence[Quirk]) -> dict[str, tuple[float, int]]:
    """Return for each quirk the share that was recognised, and of how many."""
    return {
        name: (statistics.mean(each.is_found for each in mine), len(mine))
        for name in dict.fromkeys(each.name for each in quirks)
        for mine in [[each for each in quirks if each.name == name]]
    }


def rows(streams: Sequence[Gated]) -> dict[str, list[Gated]]:
    """Return the streams of each row of the table."""
    level = [each for each in streams if not each.down_db]
    found = {f"{snr:g} dB": [each for each in level if each.snr_db == snr] for snr in (20, 10, 5, 0)}
    found |= {
        "5 dB, within 1.5 m": [each for each in level if each.snr_db == GATE_DB and each.distance_m <= NEAR_M],
        "5 dB, from 2.5 m": [each for each in level if each.snr_db == GATE_DB and each.distance_m >= FAR_M],
        "5 dB, input 20 dB down": [each for each in streams if each.snr_db == GATE_DB and each.down_db],
    }
    alone = [each for each in streams if each.snr_db is None]
    found |= {f"{noise} alone": [each for each in alone if each.noise == noise] for noise in _noises(alone)}
    return {title: mine for title, mine in found.items() if mine}


def _noises(streams: Sequence[Gated]) -> list[str]:
    return list(dict.fromkeys(each.noise for each in streams))


def table(
    streams: Sequence[Gated], quirks: Sequence[Quirk], costs: Sequence[Cost], gate_ms: float | None
) -> Iterator[str]:
    """Yield lines of 80 columns."""
    if streams:
        yield from _gate_table(streams)
    if gate_ms is not None:
        yield f"CPU at 20 % speech: {gate_ms:.1f} ms a second of sound"
        yield ""
    if quirks:
        yield f"{'quirks, recognised from two seconds':44} {'%':>6} {'of':>6}"
        yield "-" * WIDTH
        yield from (f"{name:44} {100 * share:6.1f} {count:6}" for name, (share, count) in _shares(quirks).items())
        yield ""
    if costs:
        yield f"{'CPU, ms a second of sound':32} {'microphones':>12} {'ears':>8} {'front end':>10}"
        yield "-" * WIDTH
        yield from (f"{c.board:32} {c.microphones:12} {c.ears:8.1f} {c.front_end:10.1f}" for c in costs)
        yield ""


def _gate_table(streams: Sequence[Gated]) -> Iterator[str]:
    yield f"{'speech gate, one microphone':27}   missed     clipped   lost  false/min  min/h  saved"
    yield "-" * WIDTH
    for title, mine in rows(streams).items():
        told = _gate_figures(mine)
        words = f"{told['missed']:6.1%} of {told['utterances']:3} {told['clipped']:8.1%} {told['lost']:6.1%}"
        false = f"{told['false_a_minute']:10.2f} {told['false_minutes_an_hour']:6.1f} {told['saved']:6.0%}"
        yield f"{title:25} {words if told['utterances'] else '':28} {false}"
    yield ""


def _gate_figures(streams: Sequence[Gated]) -> dict[str, float]:
    utterances = sum(each.utterances for each in streams)
    missed = sum(each.missed for each in streams)
    minutes = sum(each.minutes for each in streams)
    return {
        "utterances": utterances,
        "missed": missed / max(1, utterances),
        "clipped": sum(each.clipped for each in streams) / max(1, utterances - missed),
        "lost": sum(each.lost * each.utterances for each in streams) / max(1, utterances),
        "false_a_minute": _false_a_minute(streams),
        "false_minutes_an_hour": 60 * sum(each.false_minutes for each in streams) / minutes,
        "saved": statistics.mean(each.saved for each in streams),
    }


def as_json(
    streams: Sequence[Gated], quirks: Sequence[Quirk], costs: Sequence[Cost], gate_ms: float | None
) -> dict[str, Any]:
    """Return what the tables show, for machines."""
    return {
        "gate": {
            title: {name: round(value, 4) for name, value in _gate_figures(mine).items()}
            for title, mine in rows(streams).items()
        },
        "gate_milliseconds": gate_ms and round(gate_ms, 2),
        "quirks": {name: {"recognised": round(s, 4), "of": n} for name, (s, n) in _shares(quirks).items()},
        "cost_milliseconds": {c.board: {"ears": round(c.ears, 2), "front_end": round(c.front_end, 2)} for c in costs},
    }
