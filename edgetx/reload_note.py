"""The note on how the last reading of the settings ended, and the wait for it: `edgetx reload`.

A signal says nothing back, and systemd takes a reload for done when its command ends. So the daemon leaves a note in
its runtime directory after each reading, and the command, having sent the signal, waits for one whose reading began
after that. Both read CLOCK_MONOTONIC, so a reading that was under way is not mistaken for the answer: it may have seen
the file as it was before.
"""

import json
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from edgetx.errors import Refused, TryAgain

logger = logging.getLogger("edgetx")

FOLDER = Path("/run/edgetx")
ANSWER_SECONDS = 80.0
"""Less than the ninety after which systemd ends the command; old microphones and brokers get ten to wind up."""
LOOK_SECONDS = 0.05

_NAME = "settings.json"


@dataclass(frozen=True, slots=True)
class Note:
    """``pid``: the daemon. ``begun``: when the reading began (CLOCK_MONOTONIC, seconds). No faults: applied."""

    pid: int
    begun: float
    faults: list[str]


def leave(folder: Path | None, begun: float, faults: list[str]) -> None:
    """Write the note, wholly or not at all; without a ``folder`` nobody waits for it."""
    if folder is None:
        return
    new = folder / f"{_NAME}.new"
    try:
        new.write_text(json.dumps(asdict(Note(os.getpid(), begun, faults))), "utf-8")
        new.replace(folder / _NAME)
    except OSError as error:
        logger.warning("Cannot write to %s (%s): 'edgetx reload' will not hear of this.", folder, error.strerror)


def found(folder: Path) -> Note:
    """Read the note. Raise Refused when there is none, or not for us."""
    try:
        return Note(**json.loads((folder / _NAME).read_text("utf-8")))
    except FileNotFoundError:
        raise Refused(
            f"No daemon runs that tells about its settings in {folder}: 'systemctl status edgetx' says more."
        ) from None
    except PermissionError:
        raise Refused(f"You may not read {folder}; type: sudo edgetx reload") from None


def ask(folder: Path, *, seconds: float = ANSWER_SECONDS, sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """Have the daemon read its settings again; return the faults for which it did not apply them.

    Raise Refused when none runs, TryAgain when it ends or does not answer within ``seconds``.
    """
    asked = time.monotonic()
    pid = found(folder).pid
    _signal(pid, signal.SIGHUP)
    while time.monotonic() < asked + seconds:
        note = found(folder)
        if note.pid == pid and note.begun >= asked:
            return note.faults
        _signal(pid, 0)
        sleep(LOOK_SECONDS)
    raise TryAgain(f"The daemon has not read its settings within {seconds:g} s: 'journalctl -u edgetx' says more.")


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise TryAgain("The daemon ended before it said what became of its settings.") from None
    except PermissionError:
        raise Refused("The daemon belongs to another user; type: sudo edgetx reload") from None
