"""Runs services until one fails, all are done, or a signal comes; stops them in order inside a deadline.

Three kinds of trouble have three owners: the expected is retried inside its stage and never seen here; the unexpected
ends a service, and with it the daemon, so that systemd starts it afresh; the stuck falls to the watchdog.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from edgetx.log import about

logger = logging.getLogger("edgetx")

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """``run`` goes on until it is done; ``stop`` asks it to end, and has ``stop_seconds`` together with that end.

    ``microphone``: whose service it is, for the log.

    Without ``stop`` it has nothing to wind up and is cut short. The daemon is done when every service that is
    ``leading`` is: a recording has an end, a broker's connection none.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]] | None = None
    stop_seconds: float = 0.0
    leading: bool = False
    microphone: str = ""


async def supervise(
    services: Sequence[Service], *, stopping: Callable[[], None], reload: Callable[[], None] | None = None
) -> None:
    """Run ``services``; stop the leading ones together, then the others in their order.

    ``reload`` is for SIGHUP, which else is a signal to stop like SIGTERM and SIGINT.

    Raise what a service raised, after the others were stopped.
    """
    signalled, failed = _watch(asyncio.get_running_loop())
    if reload:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    tasks = {service: asyncio.ensure_future(service.run()) for service in services}
    try:
        await _until_over(tasks, {signalled, failed})
    finally:
        stopping()
        troubles = await wind_up_all(*((service, task) for service, task in tasks.items() if service.leading))
        for service, task in tasks.items():
            troubles += await wind_up_all((service, task))
    outcomes: list[asyncio.Future[None]] = [*tasks.values(), failed]
    for outcome in outcomes:
        if outcome.done() and not outcome.cancelled() and (error := outcome.exception()):
            raise error
    for trouble in troubles:
        raise trouble


def _watch(loop: asyncio.AbstractEventLoop) -> tuple["asyncio.Future[None]", "asyncio.Future[None]"]:
    """Return a future for a signal to stop, and one that fails when a callback of the loop does.

    A service's bug in a callback, not in its task, would else be logged by the loop and forgotten.
    """
    signalled: asyncio.Future[None] = loop.create_future()
    failed: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        if not signalled.done():
            signalled.set_result(None)

    def fail(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        loop.default_exception_handler(context)
        if "exception" in context and not failed.done():
            failed.set_exception(context["exception"])

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    loop.set_exception_handler(fail)
    return signalled, failed


async def _until_over(tasks: Mapping[Service, "asyncio.Future[None]"], watched: set["asyncio.Future[None]"]) -> None:
    leading = [task for service, task in tasks.items() if service.leading]
    waiting = {*tasks.values(), *watched}
    while not all(task.done() for task in leading):
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if done & watched or any(task.exception() for task in done):
            return


async def wind_up(service: Service, task: "asyncio.Future[None]") -> None:
    """Ask ``service``, which runs as ``task``, to end; cut it short when its time is over."""
    if service.stop is not None and not task.done():
        try:
            async with asyncio.timeout(service.stop_seconds):
                await service.stop()
                await asyncio.wait((task,))
        except TimeoutError:
            extra = about(microphone=service.microphone)
            told = "%s did not stop within %g s and was cut short."
            logger.warning(told, service.name, service.stop_seconds, extra=extra)
        finally:
            await _cut_short(task)
    await _cut_short(task)


async def wind_up_all(*services: tuple[Service, "asyncio.Future[None]"]) -> list[BaseException]:
    """Wind ``services`` up together; what is raised by one keeps no other from it, and is returned."""
    windings = (wind_up(service, task) for service, task in services)
    outcomes = await asyncio.gather(*windings, return_exceptions=True)
    return [outcome for outcome in outcomes if outcome is not None]


async def _cut_short(task: "asyncio.Future[None]") -> None:
    task.cancel()
    await asyncio.wait((task,))


class DaemonThreads(ThreadPoolExecutor):
    """Runs each call in a thread of its own that does not keep the process: the event loop's executor.

    The pool that the loop would make is waited for at exit, and a resolver without network can hang for a minute.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Start a thread for the call; return its future."""
        future: Future[T] = Future()

        def body() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except Exception as error:  # noqa: BLE001  (raised again where it is awaited)
                    future.set_exception(error)

        threading.Thread(target=body, name=getattr(fn, "__name__", "call"), daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """Wait for nobody."""
