"""Asks a running daemon for something by the broker, once, and waits for the response: `edgetx mute`."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from edgetx.config import MqttSettings
from edgetx.errors import Refused, TryAgain
from edgetx.mqtt.address import parse_address
from edgetx.mqtt.client import new_client
from edgetx.mqtt.commands import Incoming, request, response
from edgetx.mqtt.connection import Connection
from edgetx.mqtt.course import Course
from edgetx.mqtt.reasons import Refusal
from edgetx.mqtt.topics import Topics

KEEPALIVE_SECONDS = 30
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 10.0
"""The daemon takes a third of it at most, unless its disk hangs."""
AVAILABILITY = {b"online": "online", b"offline": "offline", b"stopped": "stopped"}


@dataclass(slots=True)
class Asking:
    """``transaction`` is one that nobody else uses: it tells our response from others'."""

    settings: MqttSettings
    password: str | None
    topics: Topics
    transaction: str
    answer_seconds: float = ANSWER_SECONDS
    _course: Course = field(default_factory=lambda: Course("the client id that we use"))
    _availability: str = ""
    _said: Mapping[str, Any] | str | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _granted: bool = False
    _refusal: TryAgain | None = None
    _asked: bool = False

    async def ask(self, name: str, microphone: str | None) -> Mapping[str, Any]:
        """Return the response's data. Raise TryAgain when broker or daemon do not answer, Refused with what they say.

        A broker that speaks the other version of MQTT costs a second attempt.
        """
        spoken = self._course.version
        try:
            return await self._ask(name, microphone)
        except TryAgain:
            if self._asked or self._course.version == spoken:
                raise
        return await self._ask(name, microphone)

    async def _ask(self, name: str, microphone: str | None) -> Mapping[str, Any]:
        connection = self._new_connection()
        try:
            await connection.open()
            self._course.accepted()
            talking = asyncio.ensure_future(self._talk(connection, name, microphone))
            ended = asyncio.ensure_future(connection.ended())
            try:
                await asyncio.wait((talking, ended), return_when=asyncio.FIRST_COMPLETED)
                await (talking if talking.done() else ended)
                return await talking
            finally:
                talking.cancel()
                ended.cancel()
                await asyncio.gather(talking, ended, return_exceptions=True)
        except TryAgain as trouble:
            raise self._course.ended(connection.ending, trouble) from None
        finally:
            connection.close()

    def _new_connection(self) -> Connection:
        address = parse_address(self.settings.url)
        client = partial(
            new_client,
            self.settings,
            address,
            version=self._course.version,
            client_id=f"edgetx-ask-{self.transaction}",
            password=self.password,
            will=None,
        )
        return Connection(
            address,
            client,
            progress=lambda _numbers: None,
            refused=self._refused,
            keepalive_seconds=KEEPALIVE_SECONDS,
            connect_seconds=CONNECT_SECONDS,
        )

    async def _talk(self, connection: Connection, name: str, microphone: str | None) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self.answer_seconds):
                for topic in (self.topics.last_will.topic, self.topics.response(name)):
                    self._granted = False
                    connection.subscribe(topic, self._take, self._answered)
                    await self._wait_for(lambda: self._granted)
                publication = request(self.topics, name, microphone, transaction=self.transaction)
                connection.send([(1, publication)])
                self._asked = True
                await self._wait_for(lambda: self._said is not None)
        except TimeoutError:
            raise TryAgain(self._silence) from None
        if not isinstance(self._said, Mapping):
            raise Refused(f"The daemon {self.topics.device!r} does not do it: {self._said}")
        return self._said

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._moved.clear()
            await self._moved.wait()
            if self._refusal is not None:
                raise self._refusal

    @property
    def _silence(self) -> str:
        known = f"to the broker it is {self._availability}" if self._availability else "the broker knows nothing of it"
        address = parse_address(self.settings.url)
        return (
            f"The daemon {self.topics.device!r} does not answer by the broker at {address}: {known}."
            " Is it running, with these settings? systemctl status edgetx"
        )

    def _answered(self, refusal: TryAgain | None) -> None:
        self._granted, self._refusal = True, refusal
        self._moved.set()

    def _refused(self, _number: int, refusal: Refusal) -> None:
        self._refusal = TryAgain(refusal.words)
        self._moved.set()

    def _take(self, message: Incoming) -> None:
        if message.topic == self.topics.last_will.topic:
            self._availability = AVAILABILITY.get(message.payload, "")
        elif not message.retained:
            self._said = response(message, self.transaction) if self._said is None else self._said
            self._moved.set()
