"""The rig of scripts/vm judges by what it hears; here it hears what is wrong."""

import json
from pathlib import Path

import pytest

from tests.rigs.vm.card_scenes import Absence, gap_faults
from tests.rigs.vm.heard import Heard
from tests.rigs.vm.machine import MachineError, until
from tests.rigs.vm.report import Report
from tests.rigs.vm.scenes import SCENES, title

ABSENCE = Absence(going=100.0, gone=100.2, coming=102.0, back=102.2)


def gap(start: float, end: float, **other: object) -> dict[str, object]:
    day = "1970-01-01T00:01:"
    frames = [0, round((end - start) * 16000)]
    times = {"start": f"{day}{start - 60:06.3f}Z", "end": f"{day}{end - 60:06.3f}Z"}
    return {"cause": "device", "frames": frames, **times} | other


def test_a_gap_from_the_cards_going_to_its_return_is_right() -> None:
    assert gap_faults(ABSENCE, [gap(100.1, 102.4)]) == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (gap(98.0, 102.4), "begins"),
        (gap(101.9, 102.4), "begins"),
        (gap(100.1, 101.0), "ends"),
        (gap(100.1, 108.0), "ends"),
        (gap(100.1, 102.4, cause="overrun"), "cause"),
        (gap(100.1, 102.4, frames=[0, 16000]), "frames"),
    ],
)
def test_a_gap_of_another_extent_or_cause_is_not(wrong: dict[str, object], why: str) -> None:
    assert [why in fault for fault in gap_faults(ABSENCE, [wrong])] == [True]


def test_what_is_heard_is_found_by_topic_and_time() -> None:
    heard = Heard()
    heard.take('1.5 edgetx/vm/desk/event {"event":"gap","seconds":2.0}')
    heard.take('2.5 edgetx/vm/desk/event {"event":"session_opened"}')
    heard.take("2.5 edgetx/vm/availability online")
    assert [each.at for each in heard.events("gap")] == [1.5]
    assert heard.events("gap", after=2.0) == []
    assert heard.wait_for("/availability").payload == "online"
    with pytest.raises(MachineError, match="Nothing such came under /desk/state"):
        heard.wait_for("/desk/state", seconds=0)


def test_what_does_not_hold_is_a_fault_and_the_end_says_so() -> None:
    said: list[str] = []
    report = Report(said.append)
    with report.playing("tea", "It is made."):
        report.check("hot", True, "yes")
        report.check("sweet", False, "no")
        raise MachineError("The kettle is empty.")
    assert report.close() == 1
    told = json.loads(said[-1])
    assert told["faults"] == ["tea: sweet: no", "tea: played to its end: MachineError: The kettle is empty."]
    assert "FAILED sweet: no" in said


def test_without_faults_the_end_is_well() -> None:
    report = Report([].append)
    report.check("hot", True)
    assert report.close() == 0


def test_waiting_ends_when_the_machine_does() -> None:
    with pytest.raises(MachineError, match="it has ended"):
        until(lambda: False, 60, "Not done", alive=lambda: False)


def test_each_scene_says_what_it_proves() -> None:
    assert all(title(name) for name in SCENES)


def test_the_scenes_of_the_script_are_those_that_there_are() -> None:
    script = (Path(__file__).parents[1] / "scripts/vm").read_text()
    assert all(f" {name}" in script for name in SCENES)
