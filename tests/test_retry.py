import asyncio
from contextlib import suppress
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

    assert run([wait_long, succeed]) == ["full 30.5", "sleep 30.5"]
    assert run([wait_long] * 10 + [succeed])[-1] == "sleep 60", "and the cap holds"


@given(st.randoms(use_true_random=False), st.floats(0, CAP_SECONDS))
def test_a_server_that_lets_us_in_and_hangs_up_sees_ten_of_us_in_a_minute_at_most(chance, after_seconds):
    attempts, now = [], [0.0]

    async def attempt(_healthy):
        attempts.append(now[0])
        raise TryAgain("gone", after_seconds=after_seconds)

    async def sleep(seconds):
        assert after_seconds <= seconds <= CAP_SECONDS
        now[0] += seconds
        if now[0] >= 60:
            raise TimeoutError

    with suppress(TimeoutError):
        asyncio.run(retry(attempt, lost=lambda *_: None, sleep=sleep, random=chance.random))
    assert len(attempts) <= 10


def test_ten_a_minute_is_the_worst_that_chance_can_do():
    assert sum(islice(delays(lambda: 0.0), 10)) >= 60


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=30, max_size=30))
def test_every_delay_lies_under_its_ceiling_and_the_cap(chances):
    source = iter(chances)
    waits = list(islice(delays(lambda: next(source)), 30))
    ceilings = [min(CAP_SECONDS, 2.0**number) for number in range(30)]
    assert all(ceiling / 4 <= wait <= ceiling for ceiling, wait in zip(ceilings, waits, strict=True))
