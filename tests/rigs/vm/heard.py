"""What a subscriber inside the machine got, each message with the time at which it came (the machine's UTC)."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.rigs.vm.machine import until

WAIT_SECONDS = 60.0
FORMAT = "%U %t %p"
"""For mosquitto_sub: UTC with fractions, topic, payload."""


@dataclass(frozen=True, slots=True)
class Message:
    """``payload`` is a JSON object's, or the text."""

    at: float
    topic: str
    payload: Any


@dataclass(slots=True)
class Heard:
    messages: list[Message] = field(default_factory=list)

    def take(self, line: str) -> None:
        at, topic, text = line.split(" ", 2)
        payload = json.loads(text) if text.startswith("{") else text
        self.messages.append(Message(float(at), topic, payload))

    def under(self, topic: str, after: float = 0.0) -> Iterator[Message]:
        """Yield those whose topic ends so."""
        return (each for each in list(self.messages) if each.at >= after and each.topic.endswith(topic))

    def events(self, kind: str, after: float = 0.0) -> list[Message]:
        return [each for each in self.under("/event", after) if each.payload["event"] == kind]

    def wait_for(
        self,
        topic: str,
        wanted: Callable[[Any], bool] = lambda _: True,
        *,
        after: float = 0.0,
        seconds: float = WAIT_SECONDS,
    ) -> Message:
        """Wait for a message under ``topic`` whose payload is ``wanted``; the first of them."""

        def first() -> Message | None:
            return next((each for each in self.under(topic, after) if wanted(each.payload)), None)

        last = [each.payload for each in self.under(topic, after)][-1:]
        message: Message = until(first, seconds, f"Nothing such came under {topic}; the last before was {last}")
        return message


def seconds_of(time: str) -> float:
    """Return a published time as seconds since 1970."""
    return datetime.fromisoformat(time).timestamp()
