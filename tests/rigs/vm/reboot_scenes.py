"""Two reboots: what waited for the broker arrives after the first, and a mute outlasts the second."""

from tests.rigs.vm.stage import Stage

WAITING = """\
import json, pathlib, shutil, sqlite3, tempfile
with tempfile.TemporaryDirectory() as folder:
    for each in pathlib.Path("/var/lib/edgetx").glob("state.db*"):
        shutil.copy(each, folder)
    rows = sqlite3.connect(folder + "/state.db").execute("SELECT payload FROM outbox").fetchall()
print(*(json.loads(row[0])["id"] for row in rows if b'"final":true' in row[0]))
"""
"""The daemon has its file for itself, so a copy is looked into. What the broker has stays in it for some seconds."""

DEVICE = "head -n 1 /proc/asound/Loopback/pcm1c/sub0/status"


def rebooted(stage: Stage) -> None:
    """Enabled, it comes back by itself; the final that waited on disk for the broker arrives, once."""
    machine, report = stage.machine, stage.report
    report.check("enabled", machine.result("systemctl enable edgetx").code == 0)
    machine.run("systemctl stop mosquitto")
    machine.write("/root/waiting.py", WAITING)
    before, known = stage.now(), {each.payload["id"] for each in stage.heard.under("/transcript/final")}
    stage.play("0880")
    ids = stage.wait_in("python3 /root/waiting.py 2>/dev/null", lambda ids: set(ids.split()) - known, 120)
    waiting = set(ids.split()) - known
    report.check("without a broker, the final waits on disk", len(waiting) == 1, ", ".join(waiting))
    _reboot(stage)
    final = stage.heard.wait_for("/transcript/final", lambda final: final["id"] in waiting, after=before)
    report.check("what waited has arrived", final.payload["id"] in waiting, f"{final.payload['text']!r}")
    times = [each.at for each in stage.heard.under("/transcript/final") if each.payload["id"] in waiting]
    report.check("once", len(times) == 1, len(times))
    here = stage.wait_until_here(before)
    report.check("the microphone is back", True, here.payload["capture"])


def muted(stage: Stage) -> None:
    """A muted microphone's device is closed, stays so over a reboot, and opens when it is unmuted."""
    machine, report = stage.machine, stage.report
    if " mute " not in machine.run("edgetx --help"):
        report.show("This edgetx has no command 'mute': not tried.")
        return
    done = machine.result("edgetx mute desk")
    report.check("edgetx mute desk", done.code == 0, done.out.strip())
    report.check("the kernel shows the device closed", stage.wait_in(DEVICE, lambda status: status == "closed", 10))
    before = stage.now()
    _reboot(stage)
    state = stage.heard.wait_for("/desk/state", lambda state: state["muted"], after=before).payload
    report.check("still muted", state["muted"], state["capture"])
    report.check("the device was not opened", machine.run(DEVICE).strip() == "closed")
    before = stage.now()
    done = machine.result("edgetx unmute desk")
    report.check("edgetx unmute desk", done.code == 0, done.out.strip())
    here = stage.wait_until_here(before)
    report.check("it hears again", not here.payload["muted"], here.payload["capture"])


def _reboot(stage: Stage) -> None:
    machine, boots = stage.machine, len(stage.machine.boots)
    machine.run("pkill -KILL mosquitto_sub || true")  # Without a broker it would not end, and hold the shutdown up.
    machine.start("systemctl reboot")
    machine.wait_for_boot(boots + 1)
    stage.subscribe()
    stage.wait_in("systemctl is-active edgetx", lambda state: state == "active", 90)
    stage.report.check("it came back by itself", stage.is_alive(), machine.result("uptime -p").out.strip())
