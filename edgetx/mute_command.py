"""``edgetx mute`` and ``edgetx unmute``: ask the running daemon by its broker, and say what came of it."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgetx.config import load
from edgetx.mqtt.asking import Asking
from edgetx.mqtt.topics import Topics
from edgetx.secret import reveal

CLOSED = frozenset({"muted", "ended", "stopped"})


def mute(
    config: Path, environment: Mapping[str, str], microphone: str | None, *, on: bool, show: Callable[[str], None]
) -> bool:
    """Mute ``microphone``, or every one, or no more; return whether all of it was done.

    Raise SettingsError, and TryAgain or Refused when broker or daemon do not answer or say no.
    """
    settings = load(config, environment)
    mqtt = settings.mqtt
    password = reveal(mqtt.password, environment, where="mqtt.password") if mqtt.password else None
    asking = Asking(mqtt, password, Topics(mqtt.base_topic, settings.device), uuid.uuid4().hex[:12])
    answer = asyncio.run(asking.ask("mute" if on else "unmute", microphone))
    for name, state in answer.items():
        show(" ".join(filter(None, (f"{name}:", _said(state), _warned(state)))))
    return all(not _warned(state) and _is_done(state, on=on) for state in answer.values())


def _is_done(state: Mapping[str, Any], *, on: bool) -> bool:
    return state.get("muted") is on and (state.get("capture") in CLOSED if on else state.get("capture") != "muted")


def _said(state: Mapping[str, Any]) -> str:
    capture = _printable(state.get("capture"))
    if not state.get("muted"):
        return f"not muted, capture is {capture}."
    if capture in CLOSED:
        return "muted, its device is closed."
    return f"to be muted, but its device is not closed yet: capture is {capture}."


def _warned(state: Mapping[str, Any]) -> str:
    if state.get("durable") is True:
        return ""
    return f"A restart may forget that: {_printable(state.get('reason'))}"


def _printable(value: Any) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in str(value))
