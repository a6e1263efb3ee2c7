"""Runs services until one fails, all are done, or a signal comes; stops them in order inside a deadline.

Three kinds of trouble have three owners: the expected is retried inside its stage and never seen here; the unexpected
ends a service, and with it the daemon, so that systemd starts it afresh; the stuck falls to the watchdog.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger("edgetx")


@dataclass(frozen=True, slots=True)
class Service:
    """``run`` goes on until it is done; ``stop`` asks it to end, and has ``stop_seconds`` together with that end.

    Without ``stop`` it has nothing to wind up and is cut short. The daemon is done when every service that is
    ``leading`` is: a recording has an end, a broker's connection none.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]] | None = None
    stop_seconds: float = 0.0
    leading: bool = False


async def supervise(services: Sequence[Service], *, stopping: Callable[[], None]) -> None:
    """Run ``services``; stop the leading ones together, then the others in their order.

    Raise what a service raised, after the others were stopped.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    tasks = {service.name: asyncio.ensure_future(service.run()) for service in services}
    signalled = asyncio.ensure_future(asked.wait())
    try:
        await _until_over(services, tasks, signalled)
    finally:
        stopping()
        await asyncio.gather(*(_stop(service, tasks[service.name]) for service in services if service.leading))
        for service in services:
            await _stop(service, tasks[service.name])
        signalled.cancel()
    for task in tasks.values():
        if not task.cancelled() and (error := task.exception()):
            raise error


async def _until_over(
    services: Sequence[Service], tasks: Mapping[str, "asyncio.Future[None]"], signalled: "asyncio.Future[Any]"
) -> None:
    leading = {tasks[service.name] for service in services if service.leading}
    waiting: set[asyncio.Future[Any]] = {*tasks.values(), signalled}
    while not signalled.done() and not all(task.done() for task in leading):
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if any(task.exception() for task in done):
            return
        waiting -= done


async def _stop(service: Service, task: "asyncio.Future[None]") -> None:
    if service.stop is not None and not task.done():
        try:
            async with asyncio.timeout(service.stop_seconds):
                await service.stop()
                await asyncio.wait((task,))
        except TimeoutError:
            logger.warning("%s did not stop within %.0f s and was cut short.", service.name, service.stop_seconds)
    task.cancel()
    await asyncio.wait((task,))
