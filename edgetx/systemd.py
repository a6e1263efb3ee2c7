"""The door to systemd: readiness, status, the watchdog, where state is. Does nothing when systemd did not start us.

READY means: the settings are valid and the loop runs, not that a microphone, broker or provider is up.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

Notify = Callable[[str], None]


def notifier(environment: Mapping[str, str]) -> Notify:
    """Return the function that tells systemd ``KEY=value`` lines (see sd_notify(3))."""
    if "NOTIFY_SOCKET" not in environment:
        return lambda _state: None
    daemon = importlib.import_module("systemd.daemon")  # 15 ms that only a service pays.

    return cast("Notify", daemon.notify)


def state_folder(environment: Mapping[str, str]) -> Path:
    """Return where state is kept: what systemd says, else the user's own directory for it."""
    given = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    xdg = environment.get("XDG_STATE_HOME", "")
    home = Path(environment.get("HOME", "") or os.sep)
    return Path(given) if given else (Path(xdg) if xdg.startswith("/") else home / ".local/state") / "edgetx"


def watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """Return how often systemd wants a sign of life, or None if it wants none."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdigit() else None
