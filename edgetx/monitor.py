"""Looks at what the parts report, about once a second: notices stalls, tells MQTT and systemd, feeds the watchdog.

The watchdog is fed by audio progress and by nothing else: the tick only passes on that there was some. A loop that
hangs does not tick, a capture that hangs shows no progress; either way systemd restarts the daemon.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from edgetx.health import Health
from edgetx.microphone import MicrophoneState
from edgetx.systemd import Notify

TICK_SECONDS = 0.95
HEALTH_SECONDS = 60.0


@dataclass(slots=True)
class Monitor:
    """``publish_health`` takes the verdict and the stages; ``microphones`` are others after a reload.

    The tick is a timer's callback, not a task that sleeps: it comes every second for ever, and costs a third less so.
    """

    health: Health
    microphones: Iterable[MicrophoneState]
    publish_health: Callable[[dict[str, Any]], None]
    notify: Notify
    watchdog_seconds: float | None
    clock: Callable[[], float]
    _fed: float = 0.0
    _told: int = -1
    _published: float = float("-inf")
    _timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Tick until cancelled. systemd hears READY at once: the settings are valid and the loop runs."""
        self._fed = self.clock()
        self.notify("READY=1")
        self._again()
        try:
            await asyncio.Event().wait()
        finally:
            if self._timer:
                self._timer.cancel()

    def _again(self) -> None:
        self.tick()  # What it raises ends the daemon: the supervisor looks after the loop's callbacks too.
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._again)

    def tick(self) -> None:
        """Look once."""
        for microphone in self.microphones:
            microphone.looked_at()
        self._feed_watchdog()
        self._tell_news()

    def _feed_watchdog(self) -> None:
        now = self.clock()
        due = self.watchdog_seconds is not None and now - self._fed >= self.watchdog_seconds / 4
        if due and self.health.progressed_since(self._fed):
            self._fed = now
            self.notify("WATCHDOG=1")

    def _tell_news(self) -> None:
        if self.health.changes != self._told or self.clock() - self._published >= HEALTH_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Publish health and states, and tell systemd, whether or not something changed."""
        self._told, self._published = self.health.changes, self.clock()
        self.publish_health({"verdict": self.health.verdict, "stages": self.health.stages()})
        for microphone in self.microphones:
            microphone.publish()
        self.notify(f"STATUS={self.health.sentence}")
