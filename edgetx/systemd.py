"""The door to systemd: readiness, status and the watchdog. Does nothing when systemd did not start us.

READY means: the settings are valid and the loop runs, not that a microphone, broker or provider is up.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import cast

Notify = Callable[[str], None]


def notifier(environment: Mapping[str, str]) -> Notify:
    """Return the function that tells systemd ``KEY=value`` lines (see sd_notify(3))."""
    if "NOTIFY_SOCKET" not in environment:
        return lambda _state: None
    daemon = importlib.import_module("systemd.daemon")  # 15 ms that only a service pays.

    return cast("Notify", daemon.notify)


def watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """Return how often systemd wants a sign of life, or None if it wants none."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdigit() else None
