"""The unit's sandbox, tried from inside; and where the secret is not."""

import json
from typing import Any

from tests.rigs.vm.stage import Stage

EXPOSURE = 2.0
PROBES = ("", "!")
"""As the daemon's user, and as root in the same sandbox."""

DROP_IN = "/etc/systemd/system/edgetx.service.d/rig-probe.conf"
PRIVATE = {"/tmp", "/var/tmp", "/dev/mqueue"}
"""Where it may write besides its state, for nobody else sees it."""

OF_ITS_OWN = ("/run/credentials", "/run/edgetx", "/run/user")
NO_CAPABILITY = "0000000000000000"


def locked_down(stage: Stage) -> None:
    """From inside: no write outside the state, no other device, no new privileges."""
    machine, report = stage.machine, stage.report
    before = stage.now()
    try:
        told = _probe(stage, before)
    finally:
        machine.run(f"rm -f {DROP_IN}; systemctl daemon-reload")
    report.check("the probe has looked, as its user and as root", len(told) == len(PROBES), len(told))
    for each in told:
        _judge(stage, each)
    seen = machine.run(
        "find / -xdev -name rig-was-here -not -path '/tmp/systemd-private-*' -not -path '/var/tmp/systemd-private-*'"
        " -not -path '/var/lib/edgetx/*'; ls /{dev/shm,dev/mqueue,run,run/lock}/rig-was-here 2>/dev/null || true"
    ).split()
    report.check("nothing that it wrote is seen outside", not seen, ", ".join(seen))
    exposure = machine.run("systemd-analyze security --no-pager edgetx | tail -n 1").strip()
    level = float(exposure.partition(": ")[2].split()[0])
    report.figure("exposure", level)
    report.check(f"systemd-analyze security: at most {EXPOSURE}", level <= EXPOSURE, exposure)
    stage.wait_until_ready(before)


def _probe(stage: Stage, since: float) -> list[dict[str, Any]]:
    """Start the service with the probe before it; what it told to the journal."""
    probes = "".join(f"ExecStartPre=-{mark}/usr/bin/python3 /opt/rig/probe.py\n" for mark in PROBES)
    stage.machine.write(DROP_IN, f"[Service]\nTimeoutStartSec=180\n{probes}")
    stage.machine.run("systemctl daemon-reload; systemctl restart edgetx", seconds=200)
    journal = stage.machine.run(f"journalctl -u edgetx --no-pager -o cat --since @{int(since)}")
    return [json.loads(line) for line in journal.splitlines() if line.startswith('{"uid"')]


def _judge(stage: Stage, told: dict[str, Any]) -> None:
    report, name = stage.report, "root" if told["uid"] == 0 else "its user"
    outside = [each for each in told["writable"] if each not in PRIVATE and not each.startswith(OF_ITS_OWN)]
    if told["uid"]:
        report.check(f"as {name}: no write outside its state", not outside, ", ".join(outside))
    report.check(f"as {name}: no device but sound", not told["devices"], ", ".join(told["devices"]))
    status = told["status"]
    # The user's probe has the daemon's capabilities: none, or what a real-time thread needs.
    held = status["CapEff"] == NO_CAPABILITY or name == "root"
    report.check(
        f"as {name}: no privilege to have, none to get",
        status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and held,
        " ".join(f"{key}={value}" for key, value in status.items()),
    )
    report.check(f"as {name}: could not do any of what it tried", not told["could"], ", ".join(told["could"]))
    if told["uid"]:
        report.check("sees nobody else's processes", not told["processes"], ", ".join(told["processes"]))


def kept_secret(stage: Stage) -> None:
    """The daemon has logged in with its secret, which is nowhere to be seen."""
    machine, report, secret = stage.machine, stage.report, stage.secret
    health = list(stage.heard.under("/health"))[-1].payload["stages"]["mqtt"]["status"]
    report.check("logged in with it", health == "connected", health)
    places = {
        "environment": 'for p in $(pgrep -u edgetx); do cat /proc/$p/environ; done | tr "\\0" "\\n"',
        "command line": 'for p in $(pgrep -u edgetx); do cat /proc/$p/cmdline; done | tr "\\0" "\\n"',
        "journal": "journalctl --no-pager -o export",
        "unit": "systemctl show edgetx; systemctl status --no-pager edgetx",
        "state directory": "cat /var/lib/edgetx/* 2>/dev/null",
    }
    for place, command in places.items():
        count = machine.run(f"({command}) | grep -a -c -e {secret[:20]} || true").strip()
        report.check(f"not in the {place}", count == "0", "" if count == "0" else f"{count} lines")
    told = [each.topic for each in stage.heard.messages if secret[:20] in json.dumps(each.payload)]
    report.check(f"not in any of {len(stage.heard.messages)} messages on MQTT", not told, ", ".join(told))
