"""Was anything lost? Judged by what was said, what the provider recorded, and what the broker's subscriber got. Pure.

What counts is at the far ends; what the daemon says of itself (its ledger, its gap events) is checked against them:

* every hop of every spoken second is in exactly one final, or in a gap that was reported;
* a final stands at the frames of the sound that it heard;
* every final that the provider is known to have delivered has reached the subscriber, with one content for each id;
* captured = transcribed + silent + lost, and lost is what the gaps say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.rigs.told_seconds import FIRST, HOP_FRAMES, LAST, RATE, parse

EDGE_HOPS = 2
"""So much of a word's edge may be with either of two sessions, or with none: the stand-in's words are true to one."""
EDGE_FRAMES = EDGE_HOPS * HOP_FRAMES
SECOND_HOPS = RATE // HOP_FRAMES
ROUNDING_SECONDS = 0.0021
"""Four numbers of milliseconds."""
TIME_SECONDS = 0.75
"""A busy machine hands the sound over late."""
SHOWN = 6

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the far ends have. ``messages``: (topic, JSON) as they came, retained ones without.

    ``spoken``: when each second was said, by a clock as fast as the daemon's; by its own wall clock, if ``same_clock``,
    but for one of ``steps`` (seconds). ``known``: the ids of the finals that the daemon must have had. ``unfinished``:
    numbers that were begun and of which the daemon need not have heard all. ``place_seconds``: how far a final's frames
    may be off, where the numbering had to be found again after a restart. ``under_way_seconds``: how much may be given
    up that had been sent, so that its words come all the same. ``forgotten``: the daemon has lost its state on the way,
    so that its numbers and its ledger tell of the last run alone.
    """

    spoken: Mapping[int, float]
    messages: tuple[tuple[str, Any], ...]
    known: frozenset[str]
    unfinished: frozenset[int] = frozenset()
    same_clock: bool = True
    steps: tuple[float, ...] = (0.0,)
    place_seconds: float = 0.0
    under_way_seconds: float = 0.0
    forgotten: bool = False
    may_lose: bool = False
    may_repeat: bool = False


@dataclass(slots=True)
class Verdict:
    """``figures`` are counts by name; ``faults`` are sentences: none, and nothing was lost."""

    figures: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Everything adds up, and nothing was lost that should not be."""
        return not self.faults


def judge(evidence: Evidence) -> Verdict:
    """Return what is to be said of a scenario."""
    verdict = Verdict()
    finals = _once(evidence, "transcript/final", verdict)
    events = _once(evidence, "event", verdict)
    gaps = [tuple(event["frames"]) for event in events if event["event"] == "gap"]
    _seconds(evidence, finals, gaps, verdict)
    _times(evidence, finals, verdict)
    if not evidence.forgotten:
        _places(evidence, finals, verdict)
        _order(finals, verdict)
    verdict.figures["finals_late"] = sum(bool(final.get("late")) for final in finals)
    _known(evidence, finals, verdict)
    _ledger(evidence, finals, gaps, verdict)
    if gaps and not evidence.may_lose:
        causes = sorted({event["cause"] for event in events if event["event"] == "gap"})
        verdict.faults.append(f"sound was lost that need not be: {_some(gaps)} ({', '.join(causes)})")
    return verdict


def _once(evidence: Evidence, kind: str, verdict: Verdict) -> list[dict[str, Any]]:
    """Return each message of a kind once, where it came first; count and check its repeats."""
    found: dict[str, dict[str, Any]] = {}
    repeated = 0
    for topic, payload in evidence.messages:
        if topic.endswith(f"/{kind}"):
            repeated += payload["id"] in found
            first = found.setdefault(payload["id"], payload)
            if first.get("text") != payload.get("text") or first.get("frames") != payload.get("frames"):
                verdict.faults.append(f"the id {payload['id']} came with two contents")
    name = "finals" if kind == "transcript/final" else "events"
    verdict.figures |= {f"{name}_delivered": len(found), f"{name}_repeated": repeated}
    if repeated and not evidence.may_repeat:
        verdict.faults.append(f"{repeated} {name} came more than once")
    return list(found.values())


def _seconds(evidence: Evidence, finals: list[dict[str, Any]], gaps: list[Span], verdict: Verdict) -> None:
    heard = Counter((number, hop) for number, first, last in _heard(finals) for hop in range(first, last))
    missing: dict[int, int] = {}
    doubled: dict[int, int] = {}
    lost = 0
    slack = EDGE_FRAMES + round(evidence.place_seconds * RATE)
    for number in evidence.spoken:
        counts = [heard[(number, hop)] for hop in range(FIRST, LAST + 1)]
        absent = [hop for hop, count in enumerate(counts, FIRST) if not count]
        unexplained = [hop for hop in absent if not _within(number * RATE + hop * HOP_FRAMES, gaps, slack)]
        lost += bool(absent) and not unexplained
        if len(unexplained) > EDGE_HOPS:
            missing[number] = len(unexplained)
        if (twice := sum(count > 1 for count in counts)) > EDGE_HOPS:
            doubled[number] = twice
    strange = sorted({number for number, _ in heard} - set(evidence.spoken) - evidence.unfinished)
    verdict.figures |= {"seconds_spoken": len(evidence.spoken), "seconds_missing": len(missing)}
    verdict.figures |= {"seconds_doubled": len(doubled), "seconds_in_gaps": lost}
    if missing:
        verdict.faults.append(f"{len(missing)} seconds are missing and in no gap: {_some(missing)}")
    if doubled:
        verdict.faults.append(f"{len(doubled)} seconds came twice: {_some(doubled)}")
    if strange:
        verdict.faults.append(f"numbers came that nobody said: {_some(strange)}")


def _places(evidence: Evidence, finals: list[dict[str, Any]], verdict: Verdict) -> None:
    """Each final lies on the frames at which its first and its last word were said."""
    slack = EDGE_FRAMES + round(evidence.place_seconds * RATE)
    wrong = []
    for final in finals:
        heard = list(_heard([final]))
        if heard:
            first = heard[0][0] * RATE + heard[0][1] * HOP_FRAMES
            last = heard[-1][0] * RATE + heard[-1][2] * HOP_FRAMES
            start, end = final["frames"]
            if abs(start - first) > slack or abs(end - last) > slack:
                wrong.append(heard[0][0])
    verdict.figures["finals_misplaced"] = len(wrong)
    if wrong:
        verdict.faults.append(f"{len(wrong)} finals lie at frames where their words were not said: {_some(wrong)}")


def _times(evidence: Evidence, finals: list[dict[str, Any]], verdict: Verdict) -> None:
    """Each final has the time at which its first word was said; where the clocks differ, all by as much."""
    origin = 0.0 if evidence.same_clock else None
    wrong = []
    for final in finals:
        for number, hop, _ in list(_heard([final]))[:1]:
            if number in evidence.spoken:
                ahead = _utc(final["start"]) - evidence.spoken[number] - hop / SECOND_HOPS
                origin = ahead if origin is None else origin
                if min(abs(ahead - origin - step) for step in evidence.steps) > TIME_SECONDS:
                    wrong.append(number)
    verdict.figures["finals_untimely"] = len(wrong)
    if wrong:
        verdict.faults.append(f"{len(wrong)} finals have a time at which they were not said: {_some(wrong)}")


def _order(finals: list[dict[str, Any]], verdict: Verdict) -> None:
    """Live finals come in the order of their sound, and late ones do among themselves."""
    for late in (False, True):
        starts = [final["frames"][0] for final in finals if bool(final.get("late")) is late]
        wrong = sum(after < before for before, after in pairwise(starts))
        if wrong:
            verdict.faults.append(f"{wrong} {'late ' * late}finals came before one that was said earlier")


def _known(evidence: Evidence, finals: list[dict[str, Any]], verdict: Verdict) -> None:
    lost = sorted(evidence.known - {final["id"] for final in finals})
    verdict.figures |= {"finals_known": len(evidence.known), "finals_lost": len(lost)}
    if lost:
        verdict.faults.append(f"{len(lost)} finals that the daemon had did not reach the broker: {_some(lost)}")


def _ledger(evidence: Evidence, finals: list[dict[str, Any]], gaps: list[Span], verdict: Verdict) -> None:
    """What the daemon says of itself adds up, and says what the far ends saw."""
    states = [payload for topic, payload in evidence.messages if topic.endswith("/state")]
    ledger = states[-1].get("ledger") if states else None
    if ledger is None:
        verdict.faults.append("the daemon published no ledger")
        return
    figures = {name: ledger[f"{name}_seconds"] for name in ("captured", "transcribed", "silent", "lost")}
    verdict.figures |= figures
    left = figures["captured"] - figures["transcribed"] - figures["silent"] - figures["lost"]
    if abs(left) > ROUNDING_SECONDS:
        verdict.faults.append(f"captured is not transcribed + silent + lost: {left:+.3f} s are left over")
    covered = _size(tuple(final["frames"]) for final in finals)
    for name, frames in (("transcribed", covered), ("lost", _size(gaps))):
        slack = ROUNDING_SECONDS + evidence.under_way_seconds
        if not evidence.forgotten and abs(figures[name] - frames / RATE) > slack:
            verdict.faults.append(f"the ledger has {figures[name]} s {name}, the messages {frames / RATE:.3f} s")
    twice = sum(last - first for first, last in gaps) - _size(gaps)
    if twice:
        verdict.faults.append(f"{twice} frames were reported lost twice")
    both = _size(gaps) + covered - _size([*gaps, *(tuple(final["frames"]) for final in finals)])
    if both > EDGE_FRAMES + evidence.under_way_seconds * RATE:
        verdict.faults.append(f"{both} frames were both transcribed and reported lost")


def _heard(finals: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, int, int]]:
    for final in finals:
        for word in final.get("words", ()):
            yield from parse(word["text"])


def _utc(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _within(frame: int, gaps: list[Span], slack: int) -> bool:
    return any(first - slack <= frame < last + slack for first, last in gaps)


def _size(spans: Iterable[Span]) -> int:
    """Return how many frames are in any of the spans."""
    total, at = 0, 0
    for first, last in sorted(spans):
        total += max(0, last - max(first, at))
        at = max(at, last)
    return total


def _some(things: Iterable[Any]) -> str:
    shown = [str(thing) for thing in things]
    return ", ".join(shown[:SHOWN]) + (f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else "")
