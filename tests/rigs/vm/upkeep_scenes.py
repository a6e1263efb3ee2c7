"""For the record: what it uses; and the package under a running service: updated, removed, purged."""

import json

from tests.rigs.vm.stage import Stage

UPDATE = "/root/edgetx-next.deb"
QUIET = "DEBIAN_FRONTEND=noninteractive dpkg"
USED = """\
import json, pathlib, subprocess, time
cgroup = pathlib.Path("/sys/fs/cgroup/system.slice/edgetx.service")
def cpu(): return int((cgroup / "cpu.stat").read_text().split()[1]) / 1e6
def kib(pid, name, file="status"):
    lines = pathlib.Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name + ":")).split()[1])
before, began = cpu(), time.monotonic()
time.sleep(%d)
used, took = cpu() - before, time.monotonic() - began
pids = (cgroup / "cgroup.procs").read_text().split()
main = subprocess.run(["systemctl", "show", "edgetx", "-p", "MainPID", "--value"], capture_output=True, text=True)
main = main.stdout.strip()
print(json.dumps({
    "daemon_rss_mib": round(kib(main, "VmRSS") / 1024, 1),
    "daemon_pss_mib": round(kib(main, "Pss", "smaps_rollup") / 1024, 1),
    "recogniser_rss_mib": round(sum(kib(p, "VmRSS") for p in pids if p != main) / 1024, 1),
    "service_memory_mib": round(int((cgroup / "memory.current").read_text()) / 2**20, 1),
    "idle_cpu_percent": round(100 * used / took, 1),
}))
"""
AGE = (
    "echo $(cut -d ' ' -f 1 /proc/uptime) $(systemctl show edgetx -p ActiveEnterTimestampMonotonic --value)"
    " | awk '{print $1 - $2 / 1e6}'"
)
"""Prints for how many seconds the service has been running."""
LATER_SECONDS = 600
IDLE_SECONDS = 20
CAUGHT_UP = 3.0
"""Seconds of backlog: the recogniser is not busy with what was said before."""


def measured(stage: Stage) -> None:
    """Memory, CPU in silence and start-up, in an emulated machine: for the record, not against a limit."""
    stage.heard.wait_for(
        "/desk/state", lambda state: state["backlog_seconds"] < CAUGHT_UP, after=stage.now(), seconds=180
    )
    age = float(stage.machine.run(AGE))
    stage.machine.write("/root/used.py", USED % IDLE_SECONDS)
    figures = json.loads(stage.machine.run("python3 /root/used.py"))
    stage.report.figure("measured_after_seconds", round(age), "of its running")
    for name, value in figures.items():
        stage.report.figure(name, value)
    total = stage.machine.run("free -m | awk '/Mem:/ {print $2, $7}'").split()
    stage.report.figure("machine_memory_mib", f"{total[0]}, {total[1]} available")


def measured_later(stage: Stage) -> None:
    """The same after ten minutes."""
    stage.machine.run(
        f"while [ $({AGE} | cut -d . -f 1) -lt {LATER_SECONDS} ]; do sleep 5; done", seconds=LATER_SECONDS
    )
    measured(stage)


def updated_and_purged(stage: Stage) -> None:
    """An update restarts the service only if it runs, and keeps settings and state; purging takes everything."""
    machine, report, pid = stage.machine, stage.report, stage.pid()
    kept = "cat /etc/edgetx/edgetx.yaml | md5sum; ls /var/lib/edgetx"
    before = machine.run(kept)
    machine.run(f"{QUIET} -i {UPDATE}", seconds=240)
    version = machine.run("dpkg-query -W -f '${Version}' edgetx")
    report.check("updated while it runs: restarted", stage.is_alive() and stage.pid() != pid, version)
    report.check("settings and state are as before", machine.run(kept) == before)
    report.check("still enabled", machine.result("systemctl is-enabled edgetx").out.strip() == "enabled")
    machine.run("systemctl stop edgetx")
    machine.run(f"{QUIET} -i {UPDATE}", seconds=240)
    report.check("updated while it is stopped: left alone", not stage.is_alive(), stage.shown("ActiveState"))
    machine.run("systemctl start edgetx")
    machine.run(f"{QUIET} --remove edgetx", seconds=120)
    gone = machine.result(
        "pgrep -u edgetx -l; test ! -e /usr/lib/edgetx -a -e /etc/edgetx/edgetx.yaml -a -d /var/lib/edgetx"
    )
    report.check("removed: stopped and gone, settings and state kept", gone.code == 0 and not gone.out, gone.out)
    machine.run(f"{QUIET} --purge edgetx", seconds=120)
    left = machine.run(
        "ls -d /etc/edgetx /var/lib/edgetx /etc/systemd/system/*/edgetx.service 2>/dev/null;"
        " getent passwd edgetx || true"
    )
    report.check("purged: nothing is left", not left.strip(), left.strip())
