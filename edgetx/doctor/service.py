"""The systemd service, by what ``systemctl show`` says of it. Pure.

Properties: org.freedesktop.systemd1(5). One that this systemd does not have is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgetx.doctor.report import Finding, Verdict, sentence

STAGE = "service"
UNIT = "edgetx.service"
USER = "edgetx"
PROPERTIES = (
    *("LoadState", "ActiveState", "SubState", "UnitFileState", "StatusText"),
    *("NRestarts", "Result", "ExecMainStatus", "MainPID", "User", "Group", "SupplementaryGroups"),
)
LOG = "See why: journalctl -u edgetx -n 50"
_SETTINGS = "78"


@dataclass(frozen=True, slots=True)
class Unit:
    """``shown``: the properties; empty where there is no systemd, and then ``trouble`` says so."""

    shown: Mapping[str, str]
    trouble: str = ""

    @property
    def runs(self) -> bool:
        """Whether the daemon is up."""
        return self.shown.get("ActiveState") in {"active", "reloading"}

    @property
    def installed(self) -> bool:
        """Whether systemd knows the service."""
        return self.shown.get("LoadState", "not-found") not in {"not-found", ""}

    @property
    def process(self) -> int:
        """The daemon's process; 0: none."""
        return int(self.shown.get("MainPID") or 0) if self.runs else 0

    @property
    def status(self) -> str:
        """What the daemon says of itself."""
        return self.shown.get("StatusText", "")

    @property
    def user(self) -> str:
        """Whom it runs as."""
        return self.shown.get("User") or "root"

    @property
    def groups(self) -> frozenset[str]:
        """The groups that the unit itself gives it, by name."""
        return frozenset(f"{self.shown.get('Group', '')} {self.shown.get('SupplementaryGroups', '')}".split())


def properties(text: str) -> dict[str, str]:
    """Return ``KEY=value`` lines as they are, the unknown too."""
    return {key: value for line in text.splitlines() for key, equals, value in [line.partition("=")] if equals}


def judge(unit: Unit) -> list[Finding]:
    """Return findings on whether it runs, and on its restarts."""
    if not unit.shown:
        return [_found(Verdict.SKIPPED, unit.trouble)]
    if not unit.installed:
        return [_found(Verdict.SKIPPED, "The service is not installed: sudo scripts/install does it.")]
    return [_activity(unit), *_restarts(unit)]


def _activity(unit: Unit) -> Finding:
    state, below = unit.shown.get("ActiveState", "unknown"), unit.shown.get("SubState", "")
    if unit.runs:
        words = f"It runs as {unit.user}, process {unit.process}."
        told = f" It says: {sentence(unit.status)}" if unit.status else ""
        ill = unit.status.startswith(("Degraded", "Stalled"))
        return _found(Verdict.WARNING if ill else Verdict.OK, words + told)
    if state == "inactive":
        at_boot = unit.shown.get("UnitFileState") == "enabled"
        text = f"It does not run{'' if at_boot else ', nor will it start with the machine'}."
        remedy = f"Start it: sudo systemctl {'start' if at_boot else 'enable --now'} edgetx"
        return _found(Verdict.WARNING, text, remedy)
    if below == "auto-restart" or state == "failed":
        return _ended(unit, state)
    return _found(Verdict.WARNING, f"It is {state} ({below}).", "Look again in a moment.")


def _ended(unit: Unit, state: str) -> Finding:
    code = unit.shown.get("ExecMainStatus", "?")
    text = f"It ended with exit code {code} ({unit.shown.get('Result', 'unknown')})"
    if code == _SETTINGS:
        text = f"{text}: wrong settings, or secrets that are not to be had. It is not started again."
        return _found(Verdict.FAILED, text, "Mend them (sudo edgetx check), then: sudo systemctl restart edgetx")
    after = "and stays so" if state == "failed" else "and is about to be started again"
    return _found(Verdict.FAILED, f"{text} {after}.", LOG)


def _restarts(unit: Unit) -> list[Finding]:
    count = unit.shown.get("NRestarts", "")
    if not count.isdigit():
        return []
    if count == "0":
        return [Finding(STAGE, "restarts", Verdict.OK, "systemd did not have to restart it.")]
    text = f"systemd restarted it {'once' if count == '1' else f'{count} times'} since somebody started it."
    return [Finding(STAGE, "restarts", Verdict.WARNING, text, LOG)]


def _found(verdict: Verdict, text: str, remedy: str = "") -> Finding:
    return Finding(STAGE, "activity", verdict, text, remedy)
