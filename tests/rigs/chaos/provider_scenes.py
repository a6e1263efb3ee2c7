"""Trouble with the provider: cut at every step of its protocol, away, refusing, expiring, reading nothing."""

import random
from functools import partial
from pathlib import Path

from tests.rigs.assemblyai_scenario import Fault
from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.play import Play
from tests.rigs.chaos.theatre import Theatre

STEPS = ("before Begin", "after Begin", "after partial", "before unformatted", "after unformatted")
STEPS += ("before final", "after final")
STALLED_MEBIBYTES = 12
"""The sound that is kept (4), what a socket and a WebSocket hold back, and what an allocator does not give back."""


def steps(theatre: Theatre) -> Evidence:
    """Each of the first connections breaks at another step; the order is the seed's."""
    order = random.Random(theatre.seed).sample(STEPS, len(STEPS))
    for step in order:
        theatre.provider.next(cut=step)
    theatre.raise_curtain()
    theatre.until(lambda: len(theatre.provider.connections) > len(order), seconds=60, what="the connection after all")
    theatre.heard()
    return theatre.end()


def stopped(theatre: Theatre, *, step: str) -> Evidence:
    """The first answer to the daemon's farewell is a cut, in the middle of an utterance."""
    theatre.provider.next(cut=step)
    theatre.raise_curtain()
    theatre.speak(4 + random.Random(theatre.seed).random() * 3)
    return theatre.stop_in_mid_speech()


def random_cuts(theatre: Theatre, *, cuts: int, seconds: float) -> Evidence:
    """So many cuts at random moments, in order or by a reset."""
    chance = random.Random(theatre.seed)
    theatre.raise_curtain()
    theatre.heard()
    for _ in range(cuts):
        theatre.speaker.wait(chance.expovariate(cuts / seconds) / theatre.speed)
        theatre.to_provider.cut(reset=chance.random() < 0.5)
    return theatre.end(settle_seconds=60)


def away(theatre: Theatre, *, seconds: float, settle_seconds: float = 60) -> Evidence:
    """Nobody takes the daemon's calls for so long."""
    theatre.raise_curtain()
    theatre.heard()
    theatre.to_provider.close()
    theatre.speak(seconds)
    theatre.to_provider.open()
    theatre.heard()
    return theatre.end(settle_seconds=settle_seconds)


def refusing(theatre: Theatre) -> Evidence:
    """The provider answers 503, then is silent, then has no room; in the end it is well."""
    theatre.raise_curtain()
    theatre.heard()
    theatre.provider.next(fault=Fault.HTTP_503)
    theatre.provider.next(fault=Fault.HTTP_503)
    theatre.provider.next(fault=Fault.CLOSE_BEFORE_BEGIN)
    theatre.provider.next(fault=Fault.ERROR, fault_at_ms=3000)
    theatre.to_provider.cut()
    theatre.until(lambda: len(theatre.provider.connections) >= 6, seconds=60, what="the sixth connection")
    theatre.heard()
    return theatre.end()


def expiring(theatre: Theatre) -> Evidence:
    """Each session expires after so little that it is never left in time."""
    theatre.provider.from_now_on(session_seconds=20 / theatre.speed)
    theatre.raise_curtain()
    theatre.speak(100)
    theatre.provider.from_now_on(session_seconds=10_800)
    return theatre.end()


def rotating(theatre: Theatre) -> Evidence:
    """Each session has to be replaced within a minute, with a token of its own; none is cut."""
    theatre.provider.from_now_on(session_seconds=60 / theatre.speed)
    theatre.raise_curtain()
    theatre.speak(200)
    evidence = theatre.end()
    reasons = [event["reason"] for event in theatre.events("session_closed")]
    if reasons.count("rotated") < 2 or any("Expired" in reason for reason in reasons):
        theatre.faults.append(f"sessions were not left in time: {', '.join(reasons)}")
    return evidence


def stalled(theatre: Theatre, *, seconds: float) -> Evidence:
    """The provider reads nothing for so long: what is lost is reported, and memory stays bounded."""
    theatre.raise_curtain()
    theatre.heard()
    before = _mebibytes(theatre)
    theatre.to_provider.stall()
    theatre.speak(seconds)
    grown = _mebibytes(theatre) - before
    theatre.to_provider.flow()
    theatre.heard()
    if grown > STALLED_MEBIBYTES:
        theatre.faults.append(f"memory grew by {grown:.1f} MiB while the provider read nothing")
    return theatre.end(may_lose=True)


def _mebibytes(theatre: Theatre) -> float:
    status = Path(f"/proc/{theatre.daemon.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


TOKENS = {"provider_settings": {"tokens": True, "token_seconds": 60, "max_session_seconds": 60}}
LONG_MEMORY = {"keep": {"memory_seconds": 3600}}

PLAYS = (
    Play("steps", 1, "provider cut at every step of its protocol", steps, speed=5, short=True),
    Play("at-terminate", 1, "provider cut at our farewell", partial(stopped, step="at Terminate"), short=True),
    Play("before-termination", 1, "provider cut before its farewell", partial(stopped, step="before Termination")),
    Play("cuts", 1, "25 random cuts in 150 s", partial(random_cuts, cuts=25, seconds=150), speed=10, short=True),
    Play("100-cuts", 1, "100 random cuts in ten minutes", partial(random_cuts, cuts=100, seconds=600), speed=10),
    Play("away-5s", 2, "network gone for 5 s", partial(away, seconds=5), speed=5, short=True),
    Play("away-60s", 2, "network gone for 60 s", partial(away, seconds=60), speed=10, needs=("backfill",), short=True),
    Play(
        "away-30min",
        2,
        "network gone for half an hour",
        partial(away, seconds=1800, settle_seconds=180),
        speed=30,
        needs=("backfill",),
        settings=LONG_MEMORY,
    ),
    Play("refusing", 2, "provider refuses for a while", refusing, speed=5),
    Play("expiry", 2, "sessions expire every 20 s", expiring, speed=5),
    Play("rotation", 2, "sessions and tokens of a minute", rotating, speed=10, settings=TOKENS),
    Play("stalled", 7, "provider reads nothing for ten minutes", partial(stalled, seconds=600), speed=20),
    Play("stalled-short", 7, "provider reads nothing for 3 min", partial(stalled, seconds=180), speed=20, short=True),
)
