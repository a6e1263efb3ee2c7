"""A subscriber that shows what comes: `edgetx listen`. It waits for the broker for ever, as the daemon does."""

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from edgetx.config import MqttSettings
from edgetx.errors import Refused, TryAgain
from edgetx.mqtt.address import parse_address
from edgetx.mqtt.client import new_client
from edgetx.mqtt.commands import Incoming
from edgetx.mqtt.connection import Connection
from edgetx.mqtt.course import Course
from edgetx.retry import retry

KEEPALIVE_SECONDS = 30
CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Subscribes to everything under the base topic; ``show`` takes a line for a person."""

    settings: MqttSettings
    password: str | None
    show: Callable[[str], None]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    _course: Course = field(default_factory=lambda: Course("the client id that we use"))

    async def run(self) -> None:
        """Listen for ever."""
        await retry(self._listen, lost=self._lost, sleep=self.sleep, random=self.random)

    async def _listen(self, healthy: Callable[[], None]) -> None:
        address = parse_address(self.settings.url)
        client_id = f"edgetx-listen-{os.getpid()}"
        connection = Connection(
            address,
            partial(
                new_client,
                self.settings,
                address,
                version=self._course.version,
                client_id=client_id,
                password=self.password,
                will=None,
            ),
            progress=lambda _numbers: None,
            refused=lambda _number, _words: None,
            keepalive_seconds=KEEPALIVE_SECONDS,
            connect_seconds=CONNECT_SECONDS,
        )
        try:
            await connection.open()
            healthy()
            self._course.accepted()
            connection.subscribe(f"{self.settings.base_topic}/#", self._shown)
            self.show(f"Listening to {self.settings.base_topic}/# at {address}.")
            await connection.ended()
        except TryAgain as trouble:
            raise self._course.ended(connection.ending, trouble) from None
        finally:
            connection.close()

    def _shown(self, message: Incoming) -> None:
        text = line(message.topic.removeprefix(f"{self.settings.base_topic}/"), message.payload)
        self.show("".join(letter if letter.isprintable() else " " for letter in text))  # It may go to a terminal.

    def _lost(self, trouble: TryAgain | Refused, delay_seconds: float) -> None:
        self.show(f"{trouble} The next try is in {delay_seconds:.0f} s.")


def line(topic: str, payload: bytes) -> str:
    """Return a message in one line: what was said and when for a transcript, the payload as it is for the rest."""
    text = payload.decode(errors="replace")
    try:
        fields: Any = json.loads(text)
    except ValueError:
        fields = None
    if isinstance(fields, dict) and "/transcript/" in topic and {"text", "start"} <= fields.keys():
        return f"{topic}  {fields['start']}  {fields['text']}"
    return f"{topic}  {text}"
