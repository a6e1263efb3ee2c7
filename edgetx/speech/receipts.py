"""What a provider is proven to have of the sound that a session sent it, and since when it says so. Pure.

Whatever it answers is a proof: words with times, a receipt, a pong. A receipt proves that bytes have arrived, not that
anything recognises them: what is made of it is `settling`'s. Only what the recogniser itself says that it has listened
to, for long and without a word of it under way, is silent.

Frames are the microphone's, by number; times are monotonic seconds.
"""

from collections import deque

REMEMBERED = 600
"""Receipts: ten minutes of one a second."""


class Past:
    """Numbers of frames that only grow, each with the time at which it was noted."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)

    def note(self, now: float, until: int) -> None:
        """Note ``until`` at the time ``now``, unless it is no news."""
        if not self._noted or until > self._noted[-1][1]:
            self._noted.append((now, until))

    def before(self, at: float) -> int | None:
        """Return, once, the last number that was noted until the time ``at``; None: no news."""
        until = None
        while self._noted and self._noted[0][0] <= at:
            until = self._noted.popleft()[1]
        return until


class Receipts:
    """One session's. What was sent before the frame ``proven`` has arrived; ``received`` and ``listened`` say when."""

    def __init__(self) -> None:
        self.proven = 0
        self.received = Past()
        self.listened = Past()

    def arrived(self, until: int) -> None:
        """Note a proof that what was sent before the frame ``until`` has arrived."""
        self.proven = max(self.proven, until)

    def got(self, now: float, until: int, *, listened: bool) -> None:
        """Note that, at ``now``, the provider said that it has what was sent before the frame ``until``.

        ``listened``: its recogniser has come so far as well.
        """
        self.arrived(until)
        (self.listened if listened else self.received).note(now, until)
