"""The daemon's own log: lines on standard error; under systemd with the priority that the journal understands.

One line when something is lost, one when it is back, at the same level. No secret and no transcript is ever logged.
"""

import logging
from collections.abc import Mapping

_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class JournalFormatter(logging.Formatter):
    """Prefixes sd-daemon(3)'s ``<N>`` to each line; the journal adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return f"<{_PRIORITY.get(record.levelno, 6)}>{super().format(record)}"


def set_up(environment: Mapping[str, str]) -> None:
    """Send all log lines to standard error, in the form that suits whoever reads them."""
    handler = logging.StreamHandler()
    if "JOURNAL_STREAM" in environment:
        handler.setFormatter(JournalFormatter("%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
