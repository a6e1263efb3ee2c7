import asyncio
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from edgetx.errors import Refused, TryAgain
from edgetx.retry import CAP_SECONDS, REFUSED_SECONDS, delays, retry


def run(attempts) -> list[str]:
    """Retry through ``attempts`` (each a function of ``healthy``); return what was said and slept."""
    story: list[str] = []
    rest = iter(attempts)

    async def attempt(healthy) -> None:
        next(rest)(healthy)

    async def sleep(seconds: float) -> None:
        story.append(f"sleep {seconds:g}")

    def lost(trouble, delay: float) -> None:
        story.append(f"{trouble} {delay:g}")

    asyncio.run(retry(attempt, lost=lost, sleep=sleep, random=lambda: 1.0))
    return story


def fail(_healthy) -> None:
    raise TryAgain("gone")


def prove_and_fail(healthy) -> None:
    healthy()
    raise TryAgain("gone")


def refuse(_healthy) -> None:
    raise Refused("no")


def succeed(_healthy) -> None:
    pass


def test_delays_double_until_it_works():
    assert run([fail, fail, fail, succeed]) == ["gone 1", "sleep 1", "gone 2", "sleep 2", "gone 4", "sleep 4"]


def test_proven_health_forgets_the_failures():
    assert run([fail, fail, prove_and_fail, fail, succeed])[4:] == ["gone 1", "sleep 1", "gone 2", "sleep 2"]


def test_a_refusal_waits_long_and_does_not_count_as_a_failure():
    assert run([fail, refuse, fail, succeed])[2:] == [
        f"no {REFUSED_SECONDS:g}",
        f"sleep {REFUSED_SECONDS:g}",
        "gone 2",
        "sleep 2",
    ]


def expire(_healthy) -> None:
    raise TryAgain("old token", tries=1)


def test_what_may_be_tried_once_more_is_refused_the_second_time_in_a_row():
    assert run([fail, expire, expire, succeed])[2:] == [
        "old token 2",
        "sleep 2",
        f"old token {REFUSED_SECONDS:g}",
        f"sleep {REFUSED_SECONDS:g}",
    ]
    assert run([expire, fail, expire, succeed])[-1] == "sleep 4"


def test_a_long_wait_comes_before_the_delay():
    def wait_long(_healthy) -> None:
        raise TryAgain("full", after_seconds=30)

    assert run([wait_long, succeed]) == ["full 31", "sleep 31"]


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=30, max_size=30))
def test_every_delay_lies_under_its_ceiling_and_the_cap(chances):
    source = iter(chances)
    waits = list(islice(delays(lambda: next(source)), 30))
    assert all(0 <= wait <= min(CAP_SECONDS, 2.0**number) for number, wait in enumerate(waits))
