"""Waiting for a condition instead of a time; the deadline is the test's own (`asyncio.timeout`)."""

import asyncio
from collections.abc import Callable

LOOK_SECONDS = 0.01


async def until(condition: Callable[[], object]) -> None:
    """Return when ``condition()`` is true."""
    while not condition():  # noqa: ASYNC110  (what is waited for has no event of its own)
        await asyncio.sleep(LOOK_SECONDS)
