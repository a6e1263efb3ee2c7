"""What a provider is proven to have of the sound that a session sent it, and since when it says so. Pure.

Whatever it answers is a proof: words with times, a receipt, a pong. A receipt says nothing of what the provider makes
of the sound; but sound that it has had for long without a word of it under way is silent.

Frames are the microphone's, by number; times are monotonic seconds.
"""

from collections import deque

REMEMBERED = 600
"""Receipts: ten minutes of one a second."""


class Receipts:
    """One session's. What was sent before the frame ``proven`` has arrived."""

    def __init__(self) -> None:
        self.proven = 0
        self._received: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)

    def arrived(self, until: int) -> None:
        """Note a proof that what was sent before the frame ``until`` has arrived."""
        self.proven = max(self.proven, until)

    def received(self, now: float, until: int) -> None:
        """Note that, at ``now``, the provider said that it has what was sent before the frame ``until``."""
        self.arrived(until)
        self._received.append((now, self.proven))

    def received_before(self, at: float) -> int | None:
        """Return the frame before which the provider said, until the time ``at``, that it has all; None: no news."""
        until = None
        while self._received and self._received[0][0] <= at:
            until = self._received.popleft()[1]
        return until
