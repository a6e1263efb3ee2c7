"""The daemon's own log: lines on standard error; under systemd entries in the journal, with fields to search by.

One line when something is lost, one when it is back, at the same level. No secret and no transcript is ever logged.

A line that belongs to a microphone, a provider or a session says so: ``extra=about(microphone="desk")``. In the journal
that is a field: ``journalctl EDGETX_MICROPHONE=desk``.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from edgetx.systemd import JOURNAL, Journal, is_read_by_journal

_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_FIELDS = ("microphone", "provider", "session")


def about(*, microphone: str = "", provider: str = "", session: str = "") -> dict[str, str]:
    """Return the ``extra`` of a line that belongs to these."""
    return {"microphone": microphone, "provider": provider, "session": session}


class JournalFormatter(logging.Formatter):
    """Prefixes sd-daemon(3)'s ``<N>`` to each line; the journal adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return f"<{_PRIORITY.get(record.levelno, 6)}>{super().format(record)}"


class JournalHandler(logging.StreamHandler[TextIO]):
    """Makes an entry with fields of each line; what journald does not take so, it gets as a line."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """Write the entry."""
        try:
            self._journal.send(entry(record))
        except BlockingIOError:  # journald hangs, and would let standard error hang as well: the line is lost.
            return
        except OSError:
            super().emit(record)

    def close(self) -> None:
        """Leave the journal, too."""
        self._journal.close()
        super().close()


def entry(record: logging.LogRecord) -> dict[str, str]:
    """Return the journal's fields (systemd.journal-fields(7)) and ours."""
    belongs = {f"EDGETX_{name.upper()}": str(getattr(record, name, "")) for name in _FIELDS}
    return {
        "MESSAGE": logging.Formatter("%(message)s").format(record),
        "PRIORITY": str(_PRIORITY.get(record.levelno, 6)),
        "SYSLOG_IDENTIFIER": "edgetx",
        **{name: value for name, value in belongs.items() if value},
    }


def set_up(environment: Mapping[str, str], journal: Path = JOURNAL) -> None:
    """Send all log lines to whoever reads them, in the form that suits: ``journal`` is journald's socket."""
    handler: logging.StreamHandler[TextIO]
    if is_read_by_journal(environment):
        handler = JournalHandler(Journal(journal))
        handler.setFormatter(JournalFormatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
