"""How a command is ended from outside."""

import signal
import sys
from types import FrameType


def end_in_order() -> None:
    """From now on SIGTERM and SIGHUP leave through every context manager, as Ctrl-C does."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
