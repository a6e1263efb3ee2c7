"""What goes wrong on this machine: a daemon that hangs, wrong settings at a start, wrong settings at a reload."""

from tests.rigs.vm.stage import CARD, SETTINGS, Stage

WRONG = (SETTINGS % CARD).replace("channels: 6", "chanels: 6")
RIGHT = SETTINGS % CARD
FILE = "/etc/edgetx/edgetx.yaml"
EX_CONFIG = "78"


def reloaded_wrongly(stage: Stage) -> None:
    """'systemctl reload' with a fault in the file fails and says why; the daemon goes on as it was."""
    machine, report, pid = stage.machine, stage.report, stage.pid()
    machine.write(FILE, WRONG)
    before = stage.now()
    reload = machine.result("systemctl reload edgetx")
    report.check("systemctl reload fails", reload.code != 0, reload.out.strip())
    journal = machine.run(f"journalctl -u edgetx --no-pager -o cat --since @{int(before)}")
    fault = next((line for line in journal.splitlines() if "did you mean 'channels'" in line), "")
    report.check("the journal has the fault with its line", "edgetx.yaml:7:" in fault, fault)
    report.check("it is the same process, and active", stage.pid() == pid and stage.is_alive(), f"PID {pid}")
    text = stage.wait_in("systemctl show edgetx -p StatusText --value", lambda text: "settings" in text, 10)
    report.check("the status says so", text, text)
    capture = list(stage.heard.under("/desk/state"))[-1].payload["capture"]
    report.check("the microphone goes on", capture in {"running", "silent"}, capture)
    machine.write(FILE, RIGHT)
    again = machine.result("systemctl reload edgetx")
    report.check("a right file is taken", again.code == 0 and stage.pid() == pid, again.out.strip())
    text = stage.wait_in("systemctl show edgetx -p StatusText --value", lambda text: "settings" not in text, 10)
    report.check("and the status is as before", text.startswith("Running"), text)


def started_wrongly(stage: Stage) -> None:
    """A start with wrong settings ends with 78, says why, and is not tried again."""
    machine, report = stage.machine, stage.report
    machine.write(FILE, WRONG)
    machine.run("systemctl stop edgetx; systemctl reset-failed edgetx || true")
    before = stage.now()
    machine.result("systemctl start edgetx")
    stage.wait_in("systemctl is-active edgetx", lambda state: state == "failed", 30)
    machine.run("sleep 5")  # More than RestartSec=: by now it would have been started again.
    seen = [stage.shown(name) for name in ("ActiveState", "ExecMainStatus", "NRestarts")]
    report.check("failed with 78, not restarted", seen == ["failed", EX_CONFIG, "0"], " ".join(seen))
    journal = machine.run(f"journalctl -u edgetx --no-pager -o cat --since @{int(before)}")
    report.check("the journal says what to mend", "did you mean 'channels'" in journal)
    machine.write(FILE, RIGHT)
    machine.run("systemctl start edgetx")
    stage.wait_until_ready(before)
    report.check("with right settings it starts", stage.is_alive())


def frozen(stage: Stage) -> None:
    """A process that hangs is killed by the watchdog, comes back, and tells what it missed."""
    machine, report, pid = stage.machine, stage.report, stage.pid()
    restarts = int(stage.shown("NRestarts"))
    before = stage.now()
    machine.run(f"kill -STOP {pid}")
    stage.wait_in("systemctl show edgetx -p NRestarts --value", lambda count: int(count) > restarts, 90)
    report.figure("watchdog_seconds", round(stage.now() - before, 1), "(from the freeze to the restart)")
    journal = machine.run(f"journalctl -u edgetx --no-pager -o cat --since @{int(before)}")
    report.check("the watchdog killed it", "atchdog" in journal, _line_with(journal, "atchdog"))
    state = stage.wait_until_ready(before + 20)
    report.check("it is back", stage.is_alive() and stage.pid() != pid, f"PID {pid} is now {stage.pid()}")
    report.figure("back_seconds", round(state.at - before, 1), "(from the freeze until it hears again)")
    gap = stage.heard.wait_for("/desk/event", lambda event: event["event"] == "gap", after=before).payload
    report.check("what it missed is a gap", gap["seconds"] > 20, f"{gap['seconds']} s, cause {gap['cause']}")


def _line_with(text: str, part: str) -> str:
    return next((line for line in text.splitlines() if part in line), "")
