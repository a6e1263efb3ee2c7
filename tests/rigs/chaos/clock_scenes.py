"""The wall clock steps by an hour while somebody speaks; the sound card's clock is wrong."""

from functools import partial

from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.play import Play
from tests.rigs.chaos.theatre import FAKETIME, SceneError, Theatre

HOUR = 3600
PPM = 1e-6


def stepped(theatre: Theatre, *, seconds: int) -> Evidence:
    """What is published before the step has the old clock's times, what comes later the new one's."""
    if not FAKETIME:
        raise SceneError("A stepping clock needs Debian's package libfaketime.")
    clock = theatre.folder / "clock"
    clock.write_text("+0")
    theatre.environment |= {
        "LD_PRELOAD": str(FAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    theatre.raise_curtain()
    theatre.heard()
    clock.write_text(f"{seconds:+d}")
    theatre.heard(6)
    if not any(abs(theatre.ahead(final) - seconds) < HOUR / 2 for final in theatre.finals):
        theatre.faults.append("no final has the time of the new clock")
    return theatre.end(steps=(0.0, float(seconds)))


def drifting(theatre: Theatre, *, ppm: float, seconds: float) -> Evidence:
    """The card delivers so many millionths too fast for so long: the times follow the real clock, not the card's."""
    theatre.speaker.speed *= 1 + ppm * PPM
    theatre.raise_curtain()
    theatre.speak(seconds)
    return theatre.end()


PLAYS = (
    Play("clock-forward", 6, "clock stepped by an hour", partial(stepped, seconds=HOUR), short=True),
    Play("clock-back", 6, "clock stepped back by an hour", partial(stepped, seconds=-HOUR)),
    Play("drift", 6, "sound card 300 ppm fast for 100 min", partial(drifting, ppm=300, seconds=6000), speed=30),
    Play("drift-slow", 6, "sound card 300 ppm slow for 100 min", partial(drifting, ppm=-300, seconds=6000), speed=30),
)
