"""The card is taken away in the middle of speech and given back, ten times."""

from dataclasses import dataclass
from typing import Any

from tests.rigs.vm.heard import Message, seconds_of
from tests.rigs.vm.stage import HERE, Stage

ROUNDS = 10
NOTICE_SECONDS = 2.0
RETURN_SECONDS = 2.0
SLACK_SECONDS = 0.8
"""How far a gap's ends may be from when the card went and came: a period, and what the emulation takes."""

FRAMES_SECONDS = 0.1
RATE = 16000
AWAY_SECONDS = 1.5
DRIVER = "/sys/bus/platform/drivers/snd_aloop"


@dataclass(frozen=True, slots=True)
class Absence:
    """When the card began to go, was gone, began to return and was back: UTC of the machine."""

    going: float
    gone: float
    coming: float
    back: float


def unplugged(stage: Stage) -> None:
    """Absent within 2 s, back within 2 s, the gap of the right extent, the process the same."""
    report, pid = stage.report, stage.pid()
    stage.wait_until_ready(0.0)
    noticed, returned = [], []
    for number in range(1, ROUNDS + 1):
        absence, absent, here = _round(stage)
        noticed.append(absent.at - absence.going)
        returned.append(here.at - absence.back)
        holds = noticed[-1] <= NOTICE_SECONDS and returned[-1] <= RETURN_SECONDS
        report.check(
            f"{number:2}. card away for {absence.back - absence.gone:.2f} s",
            holds,
            f"absent after {noticed[-1]:.2f} s, {here.payload['capture']} {returned[-1]:.2f} s after its return",
        )
        _judge_gaps(stage, absence)
    report.figure("noticed_seconds", f"{max(noticed):.2f}", "(the slowest of ten)")
    report.figure("returned_seconds", f"{max(returned):.2f}", "(the slowest of ten)")
    report.check("the process is the same", stage.pid() == pid, f"PID {stage.pid()}")
    _judge_ledger(stage)


def _round(stage: Stage) -> tuple[Absence, Message, Message]:
    stage.play("0890")
    going, gone = _switch(stage, "sleep 3;", "unbind")
    absent = stage.heard.wait_for("/desk/state", lambda state: state["capture"] == "absent", after=going, seconds=20)
    coming, back = _switch(stage, f"sleep {AWAY_SECONDS};", "bind")
    here = stage.heard.wait_for("/desk/state", lambda state: state["capture"] in HERE, after=coming, seconds=30)
    return Absence(going, gone, coming, back), absent, here


def _switch(stage: Stage, first: str, what: str) -> tuple[float, float]:
    times = stage.machine.run(f"{first} date +%s.%N; echo snd_aloop.0 > {DRIVER}/{what}; date +%s.%N").split()
    return float(times[0]), float(times[1])


def gap_faults(absence: Absence, gaps: list[dict[str, Any]]) -> list[str]:
    """A gap goes from the last sound before the card went to the first after it came; frames and times agree."""
    start, end = seconds_of(gaps[0]["start"]), seconds_of(gaps[-1]["end"])
    frames = sum(each["frames"][1] - each["frames"][0] for each in gaps)
    early, late, more = start - absence.going, end - absence.back, frames / RATE - (end - start)
    faults = [f"its cause is {each['cause']}" for each in gaps if each["cause"] != "device"]
    if not -SLACK_SECONDS <= early <= absence.gone - absence.going + SLACK_SECONDS:
        faults.append(f"it begins {early:+.2f} s from the card's going")
    if not -SLACK_SECONDS <= late <= RETURN_SECONDS + SLACK_SECONDS:
        faults.append(f"it ends {late:+.2f} s from the card's return")
    if abs(more) > FRAMES_SECONDS:
        faults.append(f"its frames say {more:+.2f} s more than its times")
    return faults


def _judge_gaps(stage: Stage, absence: Absence) -> None:
    stage.heard.wait_for("/desk/event", lambda event: event["event"] == "gap", after=absence.going, seconds=20)
    gaps = [each.payload for each in stage.heard.events("gap", absence.going)]
    faults = gap_faults(absence, gaps)
    told = ", ".join(f"{each['seconds']:.2f} s {each['frames']} {each['start']} to {each['end']}" for each in gaps)
    stage.report.check("    its gap", not faults, "; ".join([told, *faults]))


def _judge_ledger(stage: Stage) -> None:
    """What is told as lost is what the gaps told."""
    state = list(stage.heard.under("/desk/state"))[-1]
    told = sum(each.payload["seconds"] for each in stage.heard.events("gap"))
    lost = state.payload["ledger"]["lost_seconds"]
    stage.report.check("the seconds in the ledger are the gaps'", abs(told - lost) <= 0.5, f"{lost} and {told:.2f}")
