"""Trouble with the broker: stopped, refusing, frozen, cut before it could acknowledge, away from before the start."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.rigs.broker import Broker
from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.play import Play
from tests.rigs.chaos.theatre import Theatre


@contextmanager
def _away(theatre: Theatre) -> Iterator[None]:
    """Refuse the daemon's calls meanwhile; let it in when the subscriber is there again: what comes is seen."""
    theatre.to_broker.close()
    try:
        yield
    finally:
        theatre.to_broker.open()


def restarted(theatre: Theatre, *, times: int) -> Evidence:
    """It stops in order or is killed, comes back after a while, and has forgotten everything."""
    chance = random.Random(theatre.seed)
    theatre.raise_curtain()
    theatre.heard()
    for number in range(times):
        with _away(theatre):
            (theatre.broker.stop if chance.random() < 0.5 else theatre.broker.kill)()
            theatre.speak(chance.uniform(1, 6))
            theatre.broker.start()
            if not theatre.subscriber.wait_until_subscribed(number + 2):
                theatre.faults.append("the subscriber did not come back")
        theatre.heard()
    return theatre.end(may_repeat=True)


def refusing(theatre: Theatre) -> Evidence:
    """For a while another broker answers, which does not take our name."""
    theatre.raise_curtain()
    theatre.heard()
    with Broker(login=("somebody", "else")) as strict:
        theatre.to_broker.behind = strict.port
        theatre.to_broker.cut()
        theatre.until(lambda: theatre.to_broker.callers >= 2, what="a call at the other broker")
        theatre.speak(6)
        theatre.to_broker.behind = theatre.broker.port
    theatre.to_broker.cut()
    theatre.happens(lambda: theatre.to_broker.callers >= 3, seconds=90)
    return theatre.end(may_repeat=True, settle_seconds=120)


def frozen(theatre: Theatre, *, seconds: float) -> Evidence:
    """It takes bytes and answers nothing for so long."""
    theatre.raise_curtain()
    theatre.heard()
    theatre.broker.freeze()
    theatre.speak(seconds)
    theatre.broker.thaw()
    theatre.heard()
    return theatre.end(may_repeat=True, settle_seconds=90)


def unacknowledged(theatre: Theatre, *, times: int) -> Evidence:
    """The broker has got it and says so, but the connection breaks before the daemon hears that."""
    chance = random.Random(theatre.seed)
    theatre.raise_curtain()
    theatre.heard()
    for _ in range(times):
        theatre.to_broker.swallow_answers()
        theatre.speak(chance.uniform(2, 5))
        theatre.to_broker.cut(reset=chance.random() < 0.5)
        theatre.heard()
    return theatre.end(may_repeat=True)


def late(theatre: Theatre, *, seconds: float) -> Evidence:
    """It is not there when the daemon starts, and comes after so long."""
    theatre.to_broker.close()
    theatre.start_daemon()
    theatre.until(lambda: "ready" in theatre.daemon.log, what="the daemon's start")
    theatre.speaker.start()
    theatre.speak(seconds)
    theatre.to_broker.open()
    theatre.until(lambda: theatre.to_broker.callers, seconds=90, what="a call at the broker")
    return theatre.end(may_repeat=True, settle_seconds=90)


def stalled(theatre: Theatre, *, seconds: float) -> Evidence:
    """It is called and reads nothing for so long: memory stays bounded, and all comes afterwards."""
    theatre.raise_curtain()
    theatre.heard()
    before, calls = theatre.mebibytes, theatre.to_broker.callers
    theatre.to_broker.stall()
    theatre.speak(seconds)
    grown = theatre.mebibytes - before
    if grown > STALLED_MEBIBYTES:
        theatre.faults.append(f"memory grew by {grown:.1f} MiB while the broker read nothing")
    if theatre.to_broker.callers <= calls:
        theatre.faults.append("no other connection was tried, though the broker read nothing")
    theatre.to_broker.cut()
    theatre.heard()
    return theatre.end(may_repeat=True, settle_seconds=90)


STALLED_MEBIBYTES = 8
"""The messages that wait (2 kB each at most here), and what an allocator does not give back."""

PLAYS = (
    Play("broker-restart", 3, "broker stopped or killed, and back", partial(restarted, times=1), speed=3, short=True),
    Play("broker-restarts", 3, "broker stopped or killed ten times", partial(restarted, times=10)),
    Play("broker-refusing", 3, "broker refuses our name for a while", refusing),
    Play("broker-frozen", 3, "broker frozen for 90 s", partial(frozen, seconds=90)),
    Play("broker-frozen-short", 3, "broker frozen for 4 s", partial(frozen, seconds=4)),
    Play("unheard", 3, "a cut before acknowledgements", partial(unacknowledged, times=1), speed=3, short=True),
    Play("unheard-often", 3, "ten cuts before acknowledgements", partial(unacknowledged, times=10)),
    Play("broker-late", 3, "broker away for 8 s from before the start", partial(late, seconds=8), speed=3, short=True),
    Play("broker-very-late", 3, "broker away for ten minutes", partial(late, seconds=600), speed=10),
    Play("broker-stalled", 7, "broker reads nothing for ten minutes", partial(stalled, seconds=600), speed=20),
)
