"""The service by what systemctl says of it (Debian 12, systemd 252)."""

import pytest

from edgetx.doctor.service import Unit, judge, properties

RUNNING = """\
LoadState=loaded
ActiveState=active
SubState=running
StatusText=Running: audio running, speech ready, mqtt connected.
NRestarts=0
Result=success
ExecMainStatus=0
MainPID=812
User=edgetx
UnitFileState=enabled
"""


def unit(**changes: str) -> Unit:
    return Unit({**properties(RUNNING), **changes})


def told(found: Unit) -> list[tuple[str, str]]:
    return [(finding.verdict, f"{finding.text} {finding.remedy}".strip()) for finding in judge(found)]


def test_one_that_runs():
    runs = "It runs as edgetx, process 812. It says: Running: audio running, speech ready, mqtt connected."
    assert told(unit()) == [("ok", runs), ("ok", "systemd did not have to restart it.")]
    assert (unit().runs, unit().process, unit().user) == (True, 812, "edgetx")
    assert unit(Group="edgetx", SupplementaryGroups="audio i2c").groups == {"edgetx", "audio", "i2c"}
    assert told(unit(StatusText="", User=""))[0] == ("ok", "It runs as root, process 812.")


def test_one_that_says_that_it_is_not_well():
    ((verdict, words), _) = told(unit(StatusText="Degraded: audio absent. There is no capture device hw:9."))
    assert verdict == "warning"
    assert words.endswith("It says: Degraded: audio absent. There is no capture device hw:9.")


@pytest.mark.parametrize(("count", "words"), [("1", "restarted it once"), ("12", "restarted it 12 times")])
def test_one_that_was_restarted(count, words):
    _, (verdict, said) = told(unit(NRestarts=count))
    assert verdict == "warning"
    assert words in said
    assert "journalctl -u edgetx" in said


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"ActiveState": "inactive"}, "warning", "It does not run. Start it: sudo systemctl start edgetx"),
        ({"ActiveState": "inactive", "UnitFileState": "disabled"}, "warning", "enable --now edgetx"),
        ({"ActiveState": "failed", "ExecMainStatus": "78", "Result": "exit-code"}, "FAILED", "wrong settings"),
        ({"ActiveState": "failed", "ExecMainStatus": "9", "Result": "watchdog"}, "FAILED", "(watchdog) and stays so."),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, "FAILED", "about to be started again"),
        ({"ActiveState": "activating", "SubState": "start"}, "warning", "It is activating (start)."),
        ({"LoadState": "not-found", "ActiveState": "inactive"}, "skipped", "not installed"),
    ],
)
def test_one_that_does_not_run(changes, verdict, words):
    found = unit(NRestarts="", **changes)
    assert not found.runs
    assert found.process == 0
    ((came, said),) = told(found)
    assert came == verdict
    assert words in said


def test_without_systemd_it_says_so():
    assert told(Unit({}, "systemd does not run this machine.")) == [("skipped", "systemd does not run this machine.")]
    assert not Unit({}).installed
    assert properties("A=1=2\nnonsense\n") == {"A": "1=2"}
