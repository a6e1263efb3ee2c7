"""Broken off by a signal, once: what was begun is ended in order, and what is just being begun is begun first.

Else a process that has been started and is in nobody's hands yet would stay behind. Blocking the signals for that long
would not do: the processes would inherit that.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Leaves the main thread through all its context managers, by SystemExit, at the first of `SIGNALS`."""

    def __init__(self) -> None:
        self._held = False
        self._number = 0

    def expect(self) -> None:
        """Begin to."""
        for number in SIGNALS:
            signal.signal(number, self._come)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put it off meanwhile."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._number:
            self._leave()

    def _come(self, number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:  # A second one would break off the tidying up.
            signal.signal(each, signal.SIG_IGN)
        self._number = number
        if not self._held:
            self._leave()

    def _leave(self) -> None:
        sys.exit(128 + self._number)
