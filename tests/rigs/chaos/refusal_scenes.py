"""A peer that will not have us: every way in which a session can be ended or refused, and how often we come again."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.rigs.assemblyai_scenario import ODD_MESSAGES, Fault
from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.play import Play
from tests.rigs.chaos.theatre import Theatre
from tests.rigs.passage import Passage

PASSING_CLOSES = (
    (1001, "Going away"),
    (1008, "Too many concurrent sessions"),
    (1011, "Internal error"),
    (1012, "Service restart"),
    (1013, "Try again later"),
    (3005, "Session Cancelled: An error occurred"),
    (3007, "Input Duration Error: Input Duration Violation: 20.0 ms. Expected between 50 and 1000 ms"),
    (3007, "Audio Transmission Rate Exceeded: Received 9.0 sec. audio in 3.0 sec"),
    (3008, "Session Expired: Maximum session duration exceeded"),
    (3009, "Too many concurrent sessions"),
    *((code, "one of the older protocol's") for code in (4004, 4008, 4010, 4029, 4030, 4031, 4032, 4102, 4103)),
    (4999, "one that nobody knows"),
)
"""After each of these another session is worth a try."""
FAULTS = tuple(fault for fault in Fault if fault not in {Fault.NONE, Fault.HTTP_401, Fault.ERROR, Fault.NO_TERMINATION})
REFUSALS: tuple[dict[str, Any], ...] = (
    {"fault": Fault.HTTP_401},
    {"key": "another"},
    {"fault": Fault.ERROR, "fault_at_ms": 0, "error": (3006, "User Input Validation Error: Invalid speech_model")},
)
QUARTER_SECONDS = 900.0
SLACK_SECONDS = 60.0
"""For an attempt, and for looking at it, with time running thirty times as fast."""
PATIENCE_SECONDS = 120.0
MINUTE_SECONDS, OFTEN = 60.0, 10


def closes(theatre: Theatre) -> Evidence:
    """Each of the first sessions is closed with another code, in mid-sentence; the order is the seed's."""
    chance = random.Random(theatre.seed)
    for error in chance.sample(PASSING_CLOSES, len(PASSING_CLOSES)):
        theatre.provider.next(fault=Fault.ERROR, fault_at_ms=chance.uniform(300, 2500), error=error)
    theatre.raise_curtain()
    _until_sessions(theatre, len(PASSING_CLOSES) + 1, what="the session after all")
    theatre.heard()
    return theatre.end(settle_seconds=120)


def faults(theatre: Theatre) -> Evidence:
    """One connection after another goes wrong, each in another way; what is merely odd harms nothing."""
    chance = random.Random(theatre.seed)
    theatre.raise_curtain()
    theatre.heard()
    for fault in chance.sample(FAULTS, len(FAULTS)):
        theatre.provider.next(fault=fault, fault_at_ms=chance.uniform(300, 2500))
        before = len(theatre.provider.connections)
        theatre.to_provider.cut()
        enough = before + (1 if fault in ODD_MESSAGES and fault is not Fault.HUGE_MESSAGE else 2)
        _until_sessions(theatre, enough, what=f"a connection after {fault}")
        theatre.heard()
    return theatre.end(settle_seconds=120)


def refused(theatre: Theatre) -> Evidence:
    """The provider says no in ways that only a person mends: one try every quarter of an hour, until it is mended."""
    theatre.raise_curtain()
    theatre.heard()
    for refusal in REFUSALS:
        theatre.provider.next(**refusal)
    came = len(theatre.provider.connections)
    theatre.to_provider.cut()
    _until_sessions(theatre, came + 1, what="the first try")
    for number in range(len(REFUSALS)):
        began = time.monotonic()
        _until_sessions(theatre, came + number + 2, what="another try")
        seconds = (time.monotonic() - began) * theatre.speed
        if not 0 <= seconds - QUARTER_SECONDS + SLACK_SECONDS <= 2 * SLACK_SECONDS:
            theatre.faults.append(f"refusal {number + 1} was followed by a try after {seconds:.0f} s")
    if not any(event["refused"] for event in theatre.events("session_failed")):
        theatre.faults.append("nobody was told that the provider refuses")
    theatre.heard()
    return theatre.end(settle_seconds=240)


def slammed(theatre: Theatre) -> Evidence:
    """Provider and broker accept each call and close it at once, for a minute and a half."""
    theatre.raise_curtain()
    theatre.heard()
    with _slamming(theatre.to_provider) as at_provider, _slamming(theatre.to_broker) as at_broker:
        theatre.speak(1.5 * MINUTE_SECONDS)
    for peer, calls in (("provider", at_provider), ("broker", at_broker)):
        if not calls:
            theatre.faults.append(f"the {peer} was never called")
        _expect_few(theatre, peer, sum(at <= calls[0] + MINUTE_SECONDS / theatre.speed for at in calls))
    theatre.heard()
    return theatre.end(may_repeat=True, settle_seconds=60)


def welcomed(theatre: Theatre) -> Evidence:
    """The same, but each is welcomed first: with ``Begin``, and with a CONNACK."""
    theatre.raise_curtain()
    theatre.heard()
    theatre.provider.from_now_on(cut="after Begin")
    provider, broker = theatre.to_provider.callers, theatre.to_broker.callers
    theatre.to_provider.cut()
    theatre.to_broker.cut()
    _cut_callers(theatre, theatre.to_broker, MINUTE_SECONDS)
    _expect_few(theatre, "provider", theatre.to_provider.callers - provider)
    _expect_few(theatre, "broker", theatre.to_broker.callers - broker)
    theatre.provider.from_now_on(cut="")
    theatre.heard()
    return theatre.end(may_repeat=True, settle_seconds=60)


def _expect_few(theatre: Theatre, peer: str, calls: int) -> None:
    if calls > OFTEN:
        theatre.faults.append(f"the {peer} was called {calls} times in the first minute")


def _until_sessions(theatre: Theatre, sessions: int, *, what: str) -> None:
    theatre.until(lambda: len(theatre.provider.connections) >= sessions, seconds=PATIENCE_SECONDS, what=what)


def _cut_callers(theatre: Theatre, passage: Passage, seconds: float) -> None:
    """For so long, let each caller in, and cut it off as soon as it has been welcomed."""
    until, seen = theatre.speaker.written + seconds, passage.callers
    while theatre.speaker.written < until:
        theatre.speaker.wait(0.5 / theatre.speed)
        if passage.callers > seen:
            seen = passage.callers
            theatre.speaker.wait(0.5 / theatre.speed)
            passage.cut()


@contextmanager
def _slamming(passage: Passage) -> Iterator[list[float]]:
    """Stand in a passage's place: accept and close at once. Yield when each caller came (`time.monotonic`)."""
    came: list[float] = []
    passage.close()
    door = socket.create_server(("127.0.0.1", passage.port))

    def slam() -> None:
        with suppress(OSError):
            while True:
                caller, _ = door.accept()
                came.append(time.monotonic())
                caller.close()

    slamming = threading.Thread(target=slam, daemon=True)
    slamming.start()
    try:
        yield came
    finally:
        door.shutdown(socket.SHUT_RDWR)
        slamming.join()
        door.close()
        passage.open()


LONG_MEMORY = {"keep": {"memory_seconds": 3600}}

PLAYS = (
    Play("closes", 1, f"closed with {len(PASSING_CLOSES)} codes in mid-sentence", closes, speed=10),
    Play("faults", 1, f"the provider goes wrong in {len(FAULTS)} ways", faults, speed=5),
    Play("refused", 1, "refused: a try every 15 min, then mended", refused, speed=30, settings=LONG_MEMORY),
    Play("slammed", 1, "both peers accept and close at once", slammed, speed=10, short=True),
    Play("welcomed", 1, "both peers welcome us and close at once", welcomed, speed=10),
)
