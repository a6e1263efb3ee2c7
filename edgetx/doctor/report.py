"""What the doctor found, and how it is shown. Pure.

The text of a finding is whole sentences, its remedy says what to do; neither shows a secret, and no control character
of the other side's reaches a terminal.
"""

import json
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum

COLUMNS = 80
INDENT = 20
LONGEST = 1000
"""Letters of a text: a broker or provider may say as much as it likes."""


class Verdict(StrEnum):
    """As it is shown. ``note``: by the way."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAILED = "FAILED"
    SKIPPED = "skipped"


_COLOURS = {Verdict.OK: "32", Verdict.WARNING: "33", Verdict.FAILED: "1;31", Verdict.SKIPPED: "2"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what it belongs to (``microphone desk``), its own name there, and what came of it."""

    stage: str
    name: str
    verdict: Verdict
    text: str
    remedy: str = ""


Tell = Callable[[Finding], None]


@dataclass(slots=True)
class Report:
    """Takes findings as they come; ``show`` takes each line at once. ``coloured``: for a terminal that has colours."""

    show: Callable[[str], None]
    coloured: bool = False
    findings: list[Finding] = field(default_factory=list)
    _stage: str = ""

    def tell(self, finding: Finding) -> None:
        """Keep ``finding``, and show it."""
        finding = cleaned(finding)
        self.findings.append(finding)
        if finding.stage != self._stage:
            self._stage = finding.stage
            self.show(f"{finding.stage}:")
        for line in lines(finding, coloured=self.coloured):
            self.show(line)

    @property
    def well(self) -> bool:
        """Whether nothing failed."""
        return all(finding.verdict is not Verdict.FAILED for finding in self.findings)

    @property
    def summary(self) -> str:
        """The end: one line on the whole."""
        failed = sum(finding.verdict is Verdict.FAILED for finding in self.findings)
        warned = sum(finding.verdict is Verdict.WARNING for finding in self.findings)
        if not failed:
            return "All is well." if not warned else f"All works; {_counted(warned, 'warning')}."
        return f"{_counted(failed, 'check')} FAILED, {_counted(warned, 'warning')}."

    @property
    def as_json(self) -> str:
        """All findings as one JSON object: ``{"ok", "checks": [{"stage", "name", "verdict", "text", "remedy"}]}``."""
        checks = [asdict(finding) for finding in self.findings]
        return json.dumps({"ok": self.well, "checks": checks}, ensure_ascii=False, indent=2)


def lines(finding: Finding, *, coloured: bool = False) -> list[str]:
    """Return the lines of a finding, none wider than `COLUMNS`."""
    head = f"{finding.name:11} {finding.verdict:8}"
    words = f"{finding.text} {finding.remedy}".strip()
    wrapped = textwrap.wrap(words, COLUMNS, initial_indent=head, subsequent_indent=" " * INDENT)
    if coloured and (colour := _COLOURS.get(finding.verdict)):
        start = len(head) - 8
        first = wrapped[0]
        wrapped[0] = f"{first[:start]}\x1b[{colour}m{finding.verdict}\x1b[m{first[start + len(finding.verdict) :]}"
    return wrapped


def cleaned(finding: Finding) -> Finding:
    """Return ``finding`` with a space for what cannot be printed, and no text longer than `LONGEST`."""
    stage, name, text, remedy = map(_shown, (finding.stage, finding.name, finding.text, finding.remedy))
    return Finding(stage, name, finding.verdict, text, remedy)


def sentence(words: object) -> str:
    """Return ``words`` (an error's) with a full stop, unless they end as a sentence does."""
    text = str(words)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def several(names: Iterable[object]) -> str:
    """Return names as people list them: ``1, 2 and 3``."""
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last


def _shown(text: str) -> str:
    whole = "".join(letter if letter.isprintable() else " " for letter in text)
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]}…"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
