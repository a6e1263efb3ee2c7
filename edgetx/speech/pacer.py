"""How fast kept audio may be sent again: a token bucket over seconds of audio.

A live stream never touches its bottom, so it costs nothing. After a break the kept audio leaves at the provider's
``rate`` (seconds of audio a second), and no faster, however long the stream had been quiet before.
"""

BURST_SECONDS = 2.0
"""Audio that may be sent at once: what a connection's start or a slow second on the network leaves behind."""


class Pacer:
    """One session's allowance."""

    def __init__(self, *, rate: float, now: float) -> None:
        self._rate = rate
        self._credit = BURST_SECONDS
        self._at = now

    def delay(self, seconds: float, now: float) -> float:
        """Return how long to wait, at the time ``now``, before sending ``seconds`` of audio; they count as sent."""
        self._credit = min(BURST_SECONDS, self._credit + (now - self._at) * self._rate) - seconds
        self._at = now
        return max(0.0, -self._credit / self._rate)
