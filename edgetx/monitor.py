"""Looks at what the parts report, every second or two: notices stalls, tells MQTT and systemd, feeds the watchdog.

It looks when the first of the microphones would be stalled if no more sound came: a stall is noticed at once then, and
while sound comes nobody is woken more often than that takes.

The watchdog is fed by audio progress and by nothing else: the tick only passes on that there was some. A loop that
hangs does not tick, a capture that hangs shows no progress; either way systemd restarts the daemon.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edgetx.health import Health
from edgetx.microphone import MicrophoneState
from edgetx.systemd import Notify

TICK_SECONDS = 1.75
"""It looks no more seldom than that."""
HEALTH_SECONDS = 60.0


@dataclass(slots=True)
class Monitor:
    """``publish_health`` takes the verdict and the stages; ``microphones`` returns those that there are now.

    The tick is a timer's callback, not a task that sleeps: it comes again for ever, and costs a third less so.
    """

    health: Health
    microphones: Callable[[], Mapping[str, MicrophoneState]]
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
        seconds = self.tick()  # What it raises ends the daemon: the supervisor looks after the loop's callbacks too.
        self._timer = asyncio.get_running_loop().call_later(seconds, self._again)

    def tick(self) -> float:
        """Look once; return in how many seconds to look again."""
        now = self.clock()
        again_at = now + TICK_SECONDS
        for microphone in self.microphones().values():
            again_at = min(again_at, microphone.looked_at(now))
        if self.watchdog_seconds is not None:
            again_at = min(again_at, now + self.watchdog_seconds / 4)
            self._feed_watchdog(now, self.watchdog_seconds / 4)
        if self.health.changes != self._told or now - self._published >= HEALTH_SECONDS:
            self.tell()
        return again_at - now

    def _feed_watchdog(self, now: float, every_seconds: float) -> None:
        if now - self._fed >= every_seconds and self.health.progressed_since(self._fed):
            self._fed = now
            self.notify("WATCHDOG=1")

    def tell(self) -> None:
        """Publish health and states, and tell systemd, whether or not something changed."""
        self._told, self._published = self.health.changes, self.clock()
        self.publish_health({"verdict": self.health.verdict, "stages": self.health.stages()})
        for microphone in self.microphones().values():
            microphone.publish()
        self.notify(f"STATUS={self.health.sentence}")
