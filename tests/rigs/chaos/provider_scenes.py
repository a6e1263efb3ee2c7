"""Trouble with the provider: cut at every step of its protocol, away, refusing, expiring, reading nothing."""

import random
from functools import partial
from typing import Any

from tests.rigs.assemblyai_scenario import Fault
from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.play import Play
from tests.rigs.chaos.theatre import Theatre

STEPS = (
    *("before Begin", "after Begin", "after partial", "before unformatted", "after unformatted"),
    *("before final", "after final"),
)
UNDER_WAY_SECONDS = 0.3
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


def stopped(theatre: Theatre, **changes: Any) -> Evidence:
    """The first answer to the daemon's farewell is a cut, or silence, in the middle of an utterance."""
    theatre.provider.next(**changes)
    theatre.raise_curtain()
    theatre.speak(4 + random.Random(theatre.seed).random() * 3)
    return theatre.stop_in_mid_speech()


def unanswered(theatre: Theatre) -> Evidence:
    """The provider does not answer our farewell, and what it owes is asked for after a restart."""
    theatre.provider.next(fault=Fault.NO_TERMINATION)
    theatre.raise_curtain()
    theatre.speak(4 + random.Random(theatre.seed).random() * 3)
    theatre.speaker.nobody_listens()
    theatre.stop_daemon()
    theatre.restart_daemon()
    theatre.heard()
    return theatre.end(may_lose=True, may_repeat=True, place_seconds=0.5)


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


def cable(theatre: Theatre, *, seconds: float) -> Evidence:
    """The cable is out for so long: nothing comes or goes, at the provider and at the broker, and nobody hangs up."""
    theatre.raise_curtain()
    theatre.heard()
    ways = theatre.to_provider, theatre.to_broker
    for way in ways:
        way.stall()
    theatre.speaker.wait(UNDER_WAY_SECONDS)
    for way in ways:
        way.swallow_answers()
    theatre.speak(seconds)
    for way in ways:
        way.cut()
    theatre.heard()
    return theatre.end(may_repeat=True, settle_seconds=60)


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
    before = theatre.mebibytes
    theatre.to_provider.stall()
    theatre.speak(seconds)
    grown = theatre.mebibytes - before
    theatre.to_provider.flow()
    theatre.heard()
    if grown > STALLED_MEBIBYTES:
        theatre.faults.append(f"memory grew by {grown:.1f} MiB while the provider read nothing")
    return theatre.end(may_lose=True)


TOKENS = {"provider_settings": {"tokens": True, "token_seconds": 60, "max_session_seconds": 60}}
LONG_MEMORY = {"keep": {"memory_seconds": 3600}}

PLAYS = (
    Play("steps", 1, "provider cut at every step of its protocol", steps, speed=5, short=True),
    Play("at-terminate", 1, "provider cut at our farewell", partial(stopped, cut="at Terminate"), short=True),
    Play("before-termination", 1, "provider cut before its farewell", partial(stopped, cut="before Termination")),
    Play("no-termination", 1, "provider ignores our farewell", unanswered),
    Play("cuts", 1, "25 random cuts in 150 s", partial(random_cuts, cuts=25, seconds=150), speed=10, short=True),
    Play("100-cuts", 1, "100 random cuts in ten minutes", partial(random_cuts, cuts=100, seconds=600), speed=10),
    Play("away-5s", 2, "network gone for 5 s", partial(away, seconds=5), speed=5, short=True),
    Play("away-60s", 2, "network gone for 60 s", partial(away, seconds=60), speed=10, short=True),
    Play(
        "away-30min",
        2,
        "network gone for half an hour",
        partial(away, seconds=1800, settle_seconds=180),
        speed=30,
        settings=LONG_MEMORY,
    ),
    Play("cable", 2, "cable out for 2 min: broker and provider", partial(cable, seconds=120), speed=10),
    Play("refusing", 2, "provider refuses for a while", refusing, speed=5),
    Play("expiry", 2, "sessions expire every 20 s", expiring, speed=5),
    Play("rotation", 2, "sessions and tokens of a minute", rotating, speed=10, settings=TOKENS),
    Play("stalled", 7, "provider reads nothing for ten minutes", partial(stalled, seconds=600), speed=20),
    Play("stalled-short", 7, "provider reads nothing for 3 min", partial(stalled, seconds=180), speed=20, short=True),
)
