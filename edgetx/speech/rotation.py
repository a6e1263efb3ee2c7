"""When to leave a session that has a longest duration: at a silence before it expires. Pure.

A session that is left is finished as agreed, so its last words come, and the next goes on where it stopped. What is cut
is a word that is being spoken just then: so the first moment with nobody speaking is taken in the last tenth of
the session, and only if there is none it is left in mid-speech, in time for its last words.

All times are seconds; ``now``, ``opened`` and ``spoke_at`` by one monotonic clock.
"""

MARGIN_SHARE = 0.1
MARGIN_SECONDS = 300.0
LAST_SECONDS = 10.0
"""Before the end, or a quarter of the margin if that is less: the last words come after ``finish``."""
QUIET_SECONDS = 1.0
"""Nothing was understood for so long: words come later than their sound."""
SOONEST_SECONDS = 60.0
"""No provider opens a session for less; an expiry before that is a wrong clock's, or nonsense."""


def lifetime(longest: float | None, *, expires_at: float | None, wall: float | None) -> float | None:
    """Return how long the session may last from now on, or None if nothing is known.

    ``longest``: seconds, by the provider's rules. ``expires_at``: UNIX seconds, as it says itself; it counts if our own
    clock, ``wall``, can be trusted (not None).
    """
    left = None if expires_at is None or wall is None else expires_at - wall
    known = [
        seconds for seconds in (longest, left if left and left >= SOONEST_SECONDS else None) if seconds is not None
    ]
    return min(known, default=None)


def wait_to_leave(now: float, *, opened: float, seconds: float, spoke_at: float, speaking: bool) -> float:
    """Return how long to wait before asking again; 0: leave now.

    ``seconds``: the session's lifetime from ``opened`` on. ``spoke_at``: when words were understood last.
    ``speaking``: an utterance has begun that is not final.
    """
    margin = min(MARGIN_SHARE * seconds, MARGIN_SECONDS)
    latest = opened + seconds - min(LAST_SECONDS, margin / 4)
    earliest = max(opened + seconds - margin, (now if speaking else spoke_at) + QUIET_SECONDS)
    return max(0.0, min(earliest, latest) - now)
