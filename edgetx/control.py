"""What is done when somebody asks: mute, unmute, tell the state. The composition root's part behind `mqtt.commands`.

A mute holds when this returns: the device is closed and the mute is on disk, or the data say what of it is not so.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from edgetx.checks import shown
from edgetx.daemon import Daemon
from edgetx.mqtt.commands import Request
from edgetx.scalars import one_of

logger = logging.getLogger("edgetx")

CLOSED = frozenset({"muted", "ended", "stopped"})
"""What a capture says of itself when its device is closed for good, or until it is unmuted."""
CLOSED_SECONDS = 2.0


async def obey(daemon: Daemon, request: Request) -> Mapping[str, Any] | str:
    """Do what ``request`` asks for. Return the response's data, by microphone; or why there are none, in words."""
    names = [microphone.name for microphone in daemon.config.microphones]
    if request.microphone is not None and request.microphone not in names:
        return f"There is no microphone {shown(request.microphone)}; there is {one_of(names)}."
    chosen = names if request.microphone is None else [request.microphone]
    if request.name == "state":
        return {name: state.fields for name, state in daemon.states().items() if name in chosen}
    return await _mute(daemon, chosen, on=request.name == "mute")


async def _mute(daemon: Daemon, names: list[str], *, on: bool) -> dict[str, Any]:
    for name in names:
        logger.info("%s: %s, on request", name, "mute" if on else "unmute")
        daemon.mutes.want(name, on)
        if name in daemon.microphones:  # Else one is being made after a reload, and will ask what is wanted.
            daemon.microphones[name].mute(on)

    reason, _ = await asyncio.gather(daemon.mutes.keep(), _follow(daemon, names, on=on))
    kept = {"durable": False, "reason": reason} if reason else {"durable": True}
    return {
        name: {"muted": state.muted, "capture": state.capture, **kept}
        for name, state in daemon.states().items()
        if name in names
    }


async def _follow(daemon: Daemon, names: list[str], *, on: bool) -> None:
    """Wait until the devices are closed, or no longer are for the mute's sake; `CLOSED_SECONDS` at most."""

    def has_followed(name: str) -> bool:
        state = daemon.states().get(name)
        return state is not None and (state.capture in CLOSED if on else state.capture != "muted")

    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSED_SECONDS):
            while not all(map(has_followed, names)):
                daemon.moved.clear()
                await daemon.moved.wait()
