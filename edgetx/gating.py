"""What the settings `gate` and `max_session_minutes_per_day` make of a microphone: part of its wiring."""

from collections.abc import Callable, Mapping
from math import inf

from edgetx import clock
from edgetx.audio.log import AudioLog
from edgetx.audio.spoken import Spoken
from edgetx.audio.spoken_log import SpokenLog
from edgetx.audio.states import FLOWING
from edgetx.clock import Moment
from edgetx.config import MicrophoneSettings
from edgetx.restart import Remembered, elapsed
from edgetx.speech.budget import Budget

MINUTE_SECONDS = 60


def new_log(settings: MicrophoneSettings, *, start: int, tell: Callable[[int, int | None], None]) -> AudioLog:
    """Return a microphone's log; with a gate, ``tell`` is told when speech began and ended, in the capture thread."""
    keep_seconds = settings.keep.memory_seconds
    if settings.gate == "off":
        return AudioLog(keep_seconds=keep_seconds, start=start)
    from edgetx.audio.speech_gate import SpeechGate  # noqa: PLC0415  (numpy and a network, for which most need not pay)

    return SpokenLog(Spoken(SpeechGate(), tell), keep_seconds=keep_seconds, start=start)


def resting(log: AudioLog, report: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """Return what takes the states of a capture, in its thread: ``log`` knows when no sound comes."""

    def report_state(state: str, detail: str) -> None:
        if state not in FLOWING:
            log.rest()
        report(state, detail)

    return report_state


def new_budget(
    settings: MicrophoneSettings, remembered: Remembered | None, *, now: Moment, changed: Callable[[], None]
) -> Budget:
    """Return a microphone's budget, which has no bound unless one is set; what was used this day is used.

    ``changed`` is called when that is to be written: where there is no bound, there is no hurry.
    """
    minutes = settings.max_session_minutes_per_day
    budget = Budget(minutes * MINUTE_SECONDS, changed) if minutes else Budget()
    if remembered and remembered.spent:
        elapsed_seconds = elapsed(remembered.mark.moment, now)
        budget.carry_on(remembered.spent, now=now, elapsed_seconds=inf if elapsed_seconds is None else elapsed_seconds)
    return budget


def session_minutes(budget: Budget) -> Mapping[str, float]:
    """Return the fields of the topic `state` that tell of a budget."""
    if not budget.is_bounded:
        return {}
    now = clock.now()
    seconds = {"session_minutes_today": budget.spent(now).seconds, "session_minutes_left": budget.left(now)}
    return {name: round(spent / MINUTE_SECONDS, 2) for name, spent in seconds.items()}
