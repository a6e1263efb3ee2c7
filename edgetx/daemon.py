"""What the parts of the daemon share: the settings, the outbox, the state, the microphones."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from edgetx.config import Config
from edgetx.health import Health, one_line
from edgetx.keys import Secrets
from edgetx.log import about
from edgetx.microphone import Microphone, MicrophoneState
from edgetx.mqtt.outbox import Outbox
from edgetx.mqtt.publisher import Publisher
from edgetx.mqtt.topics import Publication, Topics
from edgetx.mutes import Mutes
from edgetx.restart import Remembered
from edgetx.speech.quota import Quota
from edgetx.state import State

logger = logging.getLogger("edgetx")


@dataclass(slots=True)
class Daemon:
    """What the parts share. ``config``, ``secrets`` and ``publisher`` are others after a reload."""

    config: Config
    secrets: Secrets
    health: Health
    outbox: Outbox
    state: State
    folder: Path
    remembered: dict[str, Remembered]
    quotas: dict[str, Quota]
    mutes: Mutes
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Some microphone's state was published."""
    microphones: dict[str, Microphone] = field(default_factory=dict)
    publisher: Publisher = field(init=False)

    @property
    def topics(self) -> Topics:
        """Those of the device, as it is called now."""
        return self.publisher.topics

    def states(self) -> dict[str, MicrophoneState]:
        """Return what is told of each microphone, by its name."""
        return {name: microphone.state for name, microphone in self.microphones.items()}

    def put(self, publication: Publication) -> None:
        """Publish by whatever connection there is now."""
        self.publisher.put(publication)

    def saved(self, number: int) -> None:
        """Let what is durable leave, up to ``number``: a restart would find it."""
        self.outbox.kept(number)
        self.publisher.pump()


def warn_of_renamed(daemon: Daemon, known: Collection[str]) -> None:
    """Say when a microphone that was not ``known`` may be one that is muted: by its name of before."""
    names = [microphone.name for microphone in daemon.config.microphones]
    muted = ", ".join(daemon.mutes.others(names))
    for name in names if muted else ():
        if name not in known and not daemon.mutes.wanted(name):
            logger.warning(
                "%s is new in the settings and not muted; %s, no longer in them, was muted:"
                " if it is the same microphone, mute it again by 'edgetx mute %s'.",
                *(name, muted, name),
                extra=about(microphone=name),
            )


def part_reports(health: Health, stage: str, part: str, status: str, detail: str, *, microphone: str = "") -> None:
    """Note what a part says of itself, and log it when it is new."""
    if health.report(stage, part, status=status, detail=detail):
        told = f"{stage} {part}: {status}{': ' if detail else ''}{one_line(detail)}"
        logger.info("%s", told, extra=about(microphone=microphone))
