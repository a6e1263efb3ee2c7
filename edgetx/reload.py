"""Reads the settings again when asked to (SIGHUP), and has them applied: wholly, or not at all.

A file with faults changes nothing. It is told of in the log, in the health's stage ``settings`` and so in systemd's
status, until a right one is applied: the next start would fail with it. What waits for the next start, because it
cannot change before, is told in the same places. systemd hears RELOADING and READY, whatever became of it; whoever
waits for the answer (`edgetx reload`) hears it then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from edgetx.errors import SettingsError
from edgetx.health import Health
from edgetx.systemd import Notify

logger = logging.getLogger("edgetx")

Settings = TypeVar("Settings")
PART = ("settings", "file")


@dataclass(slots=True)
class Reload(Generic[Settings]):
    """``read`` runs in a thread, and raises SettingsError; ``tell`` publishes what is to be seen of it.

    ``apply`` returns the names of the settings that have to wait for the next start.
    ``monotonic_ns`` is CLOCK_MONOTONIC in nanoseconds. ``answer`` takes when a reading began, in seconds by that clock,
    and the faults for which it was not applied.
    """

    read: Callable[[], Settings]
    apply: Callable[[Settings], Awaitable[list[str]]]
    health: Health
    tell: Callable[[], None]
    notify: Notify
    monotonic_ns: Callable[[], int]
    answer: Callable[[float, list[str]], None]
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: bool = False

    def ask(self) -> None:
        """Have the settings read again, once more if that is under way: the file may have changed since."""
        self._asked.set()

    def leave(self) -> None:
        """Say that the daemon stops: nothing is read any more, and systemd hears no READY."""
        self._leaving = True

    async def run(self) -> None:
        """Wait for `ask`, for ever."""
        self.answer(0.0, [])  # Nobody asked; but who will can tell by it that somebody listens.
        while True:
            await self._asked.wait()
            self._asked.clear()
            if not self._leaving:
                await self._reload()

    async def _reload(self) -> None:
        begun, faults = self.monotonic_ns(), list[str]()
        self.notify(f"RELOADING=1\nMONOTONIC_USEC={begun // 1000}")
        logger.info("settings: reading them again")
        try:
            settings = await asyncio.get_running_loop().run_in_executor(None, self.read)
        except SettingsError as error:
            faults = error.faults
            self._refuse(faults)
        else:
            waiting = await self.apply(settings)
            if not self._leaving:
                self._applied(waiting)
        if not self._leaving:
            self.tell()
            self.notify("READY=1")
            self.answer(begun / 1e9, faults)

    def _applied(self, waiting: list[str]) -> None:
        self.health.forget(*PART)
        logger.info("settings: applied")
        if waiting:
            detail = f"{', '.join(waiting)}: the change takes effect at the next start, all else is applied."
            logger.warning("settings: %s", detail)
            self.health.report(*PART, status="waiting", detail=detail)

    def _refuse(self, faults: list[str]) -> None:
        for fault in faults:
            logger.error("%s", fault)
        logger.error("settings: not applied; the daemon goes on with those that it has")
        more = f" ({len(faults) - 1} more; the journal has all)" if faults[1:] else ""
        detail = f"The changed settings are not applied: {faults[0]}{more}"
        self.health.report(*PART, status="refused", detail=detail)
