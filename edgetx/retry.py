"""The one retry loop: delays with full jitter, forgotten only on proven health.

A server that accepts and then closes at once must not be hammered, so a connection alone proves nothing: the
attempt calls ``healthy()`` when the other side has shown that it works (a result, an acknowledgement).

Full jitter, with a floor: a delay is uniform between a quarter of c = min(cap, first * 2^n) and c; see "Exponential
Backoff And Jitter", AWS, 2015. The floor has the delays add up to a minute after nine of them, whatever chance does:
a minute sees ten attempts at most.
"""

from collections.abc import Awaitable, Callable, Iterator

from edgetx.errors import Refused, TryAgain

FIRST_SECONDS = 1.0
CAP_SECONDS = 60.0
"""Longer is waited only where it is said to be useless (`after_seconds`), or after a refusal."""
FLOOR = 0.25
REFUSED_SECONDS = 900.0


def delays(
    random: Callable[[], float], *, first_seconds: float = FIRST_SECONDS, cap_seconds: float = CAP_SECONDS
) -> Iterator[float]:
    """Yield seconds to wait before each further attempt, for ever. ``random`` is uniform in [0, 1)."""
    ceiling = first_seconds
    while True:
        yield (FLOOR + (1 - FLOOR) * random()) * ceiling
        ceiling = min(cap_seconds, ceiling * 2)


async def retry(
    attempt: Callable[[Callable[[], None]], Awaitable[None]],
    *,
    lost: Callable[[TryAgain | Refused, float], None],
    sleep: Callable[[float], Awaitable[None]],
    random: Callable[[], float],
) -> None:
    """Run ``attempt(healthy)`` until it returns; after TryAgain or Refused call ``lost(error, delay)`` and wait."""
    waits = delays(random)
    met = 0

    def healthy() -> None:
        nonlocal waits, met
        waits, met = delays(random), 0

    while True:
        try:
            return await attempt(healthy)
        except TryAgain as error:
            met = 0 if error.tries is None else met + 1
            trouble: TryAgain | Refused = error
            delay = _after(error.after_seconds, next(waits))
            if error.tries is not None and met > error.tries:
                trouble, delay = Refused(str(error)), REFUSED_SECONDS
        except Refused as error:
            trouble, delay = error, REFUSED_SECONDS
        lost(trouble, delay)
        await sleep(delay)


def _after(seconds: float, delay: float) -> float:
    """Return a delay that is not below ``seconds``, and as far beyond as there is room below the cap."""
    return seconds + delay * max(0.0, 1 - seconds / CAP_SECONDS)
