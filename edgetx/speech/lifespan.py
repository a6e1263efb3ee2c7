"""How long a session is kept: until it would expire, and as long as somebody speaks, where that is asked for.

It knows when words came last, and whether some are under way; all times are monotonic seconds.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from edgetx.speech.rotation import wait_to_leave

SPEECH_SECONDS = 60.0
"""Speech that is said to have begun, and of which no word comes for so long, was none."""


@dataclass(slots=True)
class Lifespan:
    """One session's. ``seconds``: how long it may last from `opened_at` on; None: for ever."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    opened_at: float = 0.0
    seconds: float | None = None
    _spoke_at: float = float("-inf")
    _speaking_until: float = float("-inf")

    @property
    def speaking(self) -> bool:
        """Words are under way."""
        return self.monotonic() < self._speaking_until

    def began_to_speak(self) -> None:
        """Note that the provider hears somebody speak."""
        self._spoke_at = self.monotonic()
        self._speaking_until = max(self._speaking_until, self._spoke_at + SPEECH_SECONDS)

    def said(self, *, final: bool) -> None:
        """Note that words came."""
        self._spoke_at = self.monotonic()
        self._speaking_until = float("-inf" if final else "inf")

    def took_back(self) -> None:
        """Note that what was under way was no word."""
        self._speaking_until = float("-inf")

    async def expire(self, seconds: float) -> None:
        """Wait until it is time to leave one that lasts so long."""
        while wait := self._wait_to_leave(seconds):
            await self.sleep(wait)

    def _wait_to_leave(self, seconds: float) -> float:
        now, opened = self.monotonic(), self.opened_at
        return wait_to_leave(now, opened=opened, seconds=seconds, spoke_at=self._spoke_at, speaking=self.speaking)

    async def fall_silent(self, seconds: float, busy_at: Callable[[], float]) -> None:
        """Wait until nothing was sent for so long; ``busy_at`` says when that was last."""
        while (wait := seconds - (self.monotonic() - max(self.opened_at, busy_at()))) > 0:
            await self.sleep(wait)
