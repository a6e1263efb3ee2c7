"""Tests that tell what happens on an event loop."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec

DEADLINE_SECONDS = 60.0
P = ParamSpec("P")


def story(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test on a loop of its own; a story that hangs fails, and so does one that leaves a task behind."""

    async def told(*args: P.args, **kwargs: P.kwargs) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await test(*args, **kwargs)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(told(*args, **kwargs))

    return run


async def until(happened: Callable[[], object]) -> None:
    """Wait until ``happened()`` is true."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not happened():  # noqa: ASYNC110  (what is waited for has no event of its own)
            await asyncio.sleep(0.005)
