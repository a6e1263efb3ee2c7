"""After a long outage: how fast the session that works off what is owed delivers it, beside the live one."""

import time
from collections.abc import Callable

from calls import Call, Provider
from durable_verdict import Backfill
from houses import Inhabited
from measure import percentile
from trial import BenchError

HOUR_SECONDS = 3600
BURST_SECONDS = 3.0
"""The sound of a session's beginning may come at once; the speed is that of what comes after it."""
LONGEST_SECONDS = 20.0
WAIT_SECONDS = 120.0
LOOK_SECONDS = 0.02


def watch(provider: Provider, microphone: str, daemon: Inhabited, calm: Inhabited, *, calls_before: int) -> Backfill:
    """Wait until the provider has the microphone back, and watch it. ``calm``: a daemon that is live and owes nothing.

    ``calls_before``: how many calls there were before the outage ended.
    """
    live, late = _both(provider, microphone, calls_before)
    _until(lambda: _sound(late) >= BURST_SECONDS or late.over, "sound that is owed")
    first, before, calm_before = len(late.heard()), daemon.snapshot().usage, calm.snapshot().usage
    end = time.monotonic() + LONGEST_SECONDS
    _until(lambda: late.over or time.monotonic() >= end, "the end of what is owed")
    after, calm_after = daemon.snapshot().usage, calm.snapshot().usage
    owed = [heard for heard in late.heard()[first - 1 :] if heard.age is not None]
    if len(owed) < 2:
        raise BenchError("Too little sound was owed to measure its speed.")
    seconds, used = after.at - before.at, after.cpu_seconds - before.cpu_seconds
    alone = (calm_after.cpu_seconds - calm_before.cpu_seconds) * seconds / (calm_after.at - calm_before.at)
    delivered, took = sum(heard.seconds for heard in owed[1:]), owed[-1].at - owed[0].at
    ages = [heard.age for heard in live.heard() if heard.age is not None and before.at <= heard.at <= after.at]
    return Backfill(
        seconds=took,
        speed=delivered / took,
        cpu_per_hour=used / seconds * HOUR_SECONDS,
        cpu_per_owed_hour=(used - alone) / delivered * HOUR_SECONDS,
        live_p50=percentile(ages, 0.5),
        live_p99=percentile(ages, 0.99),
    )


def _both(provider: Provider, microphone: str, calls_before: int) -> tuple[Call, Call]:
    """Return the live session's call and the one behind it, when both have brought sound."""
    found: list[Call] = []

    def there() -> bool:
        calls = [call for call in provider.calls(microphone)[calls_before:] if call.heard()]
        found[:] = sorted(calls, key=lambda call: call.now() is None)
        return len(found) == 2 and found[0].now() is not None

    _until(there, "a session for what is owed, beside the live one")
    return found[0], found[1]


def _sound(call: Call) -> float:
    return sum(heard.seconds for heard in call.heard())


def _until(happened: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not happened():
        if time.monotonic() > end:
            raise BenchError(f"{what[0].upper()}{what[1:]} did not come within {WAIT_SECONDS:g} s.")
        time.sleep(LOOK_SECONDS)
