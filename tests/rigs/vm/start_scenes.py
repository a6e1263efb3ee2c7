"""What 'apt install' left, and the first start: speech into the card comes out as a message."""

from pathlib import Path

from tests.rigs.vm.stage import Stage

SPEECH = Path(__file__).parents[1] / "speech"
FINAL_SECONDS = 90.0


def installed(stage: Stage) -> None:
    """The package starts and enables nothing, and its settings are nobody's but root's and the daemon's."""
    machine, report = stage.machine, stage.report
    report.figure("boot_seconds", _boot_seconds(stage))
    state = machine.result("systemctl is-enabled edgetx; systemctl is-active edgetx").out.split()
    report.check("installed, and neither enabled nor started", state == ["disabled", "inactive"], " ".join(state))
    seen = machine.run("stat -c '%a %U:%G' /etc/edgetx/edgetx.yaml; id edgetx").splitlines()
    report.check("its settings are root's and the daemon's", seen[0] == "640 root:edgetx", seen[0])
    report.check("its user is in the group audio", "(audio)" in seen[1], seen[1])
    devices = machine.result("edgetx devices", seconds=120)
    report.check("edgetx devices shows the card", devices.code == 0 and "Loopback" in devices.out)
    report.show(devices.out)
    stage.furnish()
    checked = machine.result("edgetx check")
    report.check("the settings are right", checked.code == 0, checked.out.strip())


def started(stage: Stage) -> None:
    """'systemctl start': active; a recording into the card is a final on MQTT; the status reads well."""
    machine, report = stage.machine, stage.report
    before = stage.now()
    machine.run("systemctl start edgetx")
    report.figure("start_seconds", round(stage.now() - before, 2), "(systemctl start)")
    report.check("systemctl start: active", stage.is_alive())
    state = stage.wait_until_ready(before)
    report.figure("ready_seconds", round(state.at - before, 2), "(capture and recogniser)")
    spoken = (SPEECH / "austen-0880.txt").read_text().strip()
    played = stage.now()
    stage.play("0880")
    final = stage.heard.wait_for("/transcript/final", after=played, seconds=FINAL_SECONDS)
    said, meant = final.payload["text"].split(), set(spoken.lower().split())
    report.check(f"played {spoken!r}, on MQTT", len(meant & set(said)) >= len(meant) // 2, repr(final.payload["text"]))
    report.figure("final_after_seconds", round(final.at - played, 2), "(3 s of them the recording, up to 2 before it)")
    status = machine.run("systemctl status --no-pager edgetx")
    report.show(status)
    report.check("systemctl status says how it is", "Running" in stage.shown("StatusText"), stage.shown("StatusText"))
    report.check("the journal has no traceback", "Traceback" not in machine.run("journalctl -u edgetx --no-pager"))


def _boot_seconds(stage: Stage) -> str:
    said = stage.machine.result("systemctl is-system-running --wait >/dev/null; systemd-analyze | sed -n 's/.*= //p'")
    return said.out.strip()
