"""Sound of microphones that are no more. It stays for a while, since one may come back; then it is told lost, and goes.

A microphone that was taken out of the settings leaves what is owed of it on disk, or if it was killed with the daemon,
nowhere. After `SOUND_SECONDS`, when nobody would want it transcribed any more, that is published once as a `gap` on its
topic, and its folder removed.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from edgetx import clock
from edgetx.audio.spool import Spool
from edgetx.daemon import Daemon
from edgetx.errors import TryAgain
from edgetx.restart import Remembered, age_seconds, carry_on
from edgetx.speech.ledger import Ledger
from edgetx.speech.timeline import Timeline
from edgetx.wiring import SOUND_SECONDS, known_of, new_account, sound_folder

logger = logging.getLogger("edgetx")

LOOK_SECONDS = 3600.0
_NAME = re.compile(r"[a-z0-9_-]{1,64}")


@dataclass(slots=True)
class Leftovers:
    """Looks after them now and then. ``now``: the clocks."""

    daemon: Daemon
    now: Callable[[], clock.Moment] = clock.now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            await self.look()
            await self.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Give up what is too old."""
        loop = asyncio.get_running_loop()
        spools = await loop.run_in_executor(None, _spools, sound_folder(self.daemon), self._in_use)
        for name in sorted((spools.keys() | self.daemon.remembered.keys()) - self._in_use):
            spool = spools.get(name)
            known = self.daemon.remembered.get(name) or (known_of(spool) if spool else None)
            if known is None or age_seconds(known, self.now()) > SOUND_SECONDS:
                if known is not None:
                    self._lose(name, known)
                if spool is not None:
                    await loop.run_in_executor(None, _clear, spool)

    @property
    def _in_use(self) -> set[str]:
        """The names of microphones that there are, or are to be; one that is being stopped counts."""
        return {*self.daemon.microphones, *(microphone.name for microphone in self.daemon.config.microphones)}

    def _lose(self, name: str, known: Remembered) -> None:
        """Tell what is owed, and remember that it was told."""
        timeline, ledger = Timeline(monotonic=time.monotonic, wall=time.time), Ledger()
        carry_on(known, timeline, ledger, now=self.now())
        if not ledger.owed(0, known.mark.frame):
            return
        new_account(self.daemon, name, timeline, ledger=ledger).lose_owed(0, known.mark.frame, cause="overflow")
        told = Remembered(known.mark, ledger.balance)
        self.daemon.remembered[name] = told
        self.daemon.state.follow(name, lambda: told)


def _spools(folder: Path, in_use: Collection[str]) -> dict[str, Spool]:
    """Return what is on disk that is not ``in_use``, by the microphone's name."""
    try:
        names = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()]
    except OSError:
        return {}
    names = [name for name in names if name not in in_use]
    spools = {name: Spool(folder / name) for name in names}
    try:
        for spool in spools.values():
            spool.open()
    except TryAgain as error:
        logger.warning("%s", error)
        return {}
    return spools


def _clear(spool: Spool) -> None:
    try:
        spool.clear()
    except TryAgain as error:
        logger.warning("%s", error)
