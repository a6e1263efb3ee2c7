"""Keeps the broker told: a connection for ever, and the outbox emptied into it.

`put` writes to the socket before it returns, if there is a connection; nothing polls, and no task stands between.
What was not acknowledged when a connection ended is sent again on the next (MQTT's QoS 1, kept by our outbox instead
of the broker's session). To each broker we first say `online`, then everything retained, then what waited, in order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from edgetx.config import MqttSettings
from edgetx.errors import Refused, TryAgain
from edgetx.mqtt.address import parse_address
from edgetx.mqtt.connection import Connection, new_client
from edgetx.mqtt.outbox import Outbox
from edgetx.mqtt.topics import Availability, Publication, Topics
from edgetx.retry import retry

KEEPALIVE_SECONDS = 30
CONNECT_SECONDS = 10.0
GOODBYE_SECONDS = 1.0
"""Of a stop's deadline, what is left for `stopped` and its acknowledgement."""
AVAILABILITY = 0
"""The number of our own publications; the outbox counts from 1."""


def _nothing() -> None:
    pass


class Publisher:
    """All methods belong to the event loop's thread.

    ``report(status, detail)`` is called when something changes: ``connecting``; ``connected``; ``waiting``, with the
    reason in words.
    """

    def __init__(
        self,
        *,
        settings: MqttSettings,
        password: str | None,
        topics: Topics,
        outbox: Outbox,
        report: Callable[[str, str], None],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        keepalive_seconds: int = KEEPALIVE_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._settings = settings
        self._password = password
        self._topics = topics
        self._outbox = outbox
        self._report = report
        self._sleep = sleep
        self._random = random
        self._keepalive_seconds = keepalive_seconds
        self._connect_seconds = connect_seconds
        self._connection: Connection | None = None
        self._healthy: Callable[[], None] = _nothing
        self._announced = False  # and not acknowledged yet
        self._moved = asyncio.Event()
        self._stopped = asyncio.Event()
        self._said = ("", "")

    async def run(self) -> None:
        """Keep a connection until `stop`."""
        self._say("connecting", "")
        keeping = asyncio.ensure_future(retry(self._attempt, lost=self._lost, sleep=self._sleep, random=self._random))
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((keeping, stopped), return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()
        finally:
            keeping.cancel()
            stopped.cancel()
            await asyncio.gather(keeping, stopped, return_exceptions=True)

    def put(self, publication: Publication) -> None:
        """Send ``publication``, now if the broker is there; else later, as far as the outbox has room."""
        self._outbox.put(publication)
        self._pump()

    async def stop(self, deadline_seconds: float) -> None:
        """Wait until the broker has everything, say `stopped` and disconnect: all inside the deadline.

        Without a connection it waits only for what is durable. `run` ends with it.
        """
        await self._wait_for(self._nothing_left, deadline_seconds - GOODBYE_SECONDS)
        if self._connection and self._connection.ready:
            self._announce(self._connection, "stopped")
            await self._wait_for(self._heard, min(deadline_seconds, GOODBYE_SECONDS))
        if self._connection and self._connection.ready:
            self._connection.disconnect()
        else:
            self._stopped.set()

    async def _attempt(self, healthy: Callable[[], None]) -> None:
        connection = self._new_connection()
        try:
            await connection.open()
            self._begin(connection, healthy)
            await connection.ended()
        finally:
            self._connection = None
            connection.close()
            self._outbox.connection_lost()
            self._moved.set()

    def _new_connection(self) -> Connection:
        address = parse_address(self._settings.url)
        client = partial(
            new_client,
            self._settings,
            address,
            client_id=f"edgetx-{self._topics.device}",
            password=self._password,
            will=self._topics.last_will,
        )
        return Connection(
            address,
            client,
            progress=self._progress,
            keepalive_seconds=self._keepalive_seconds,
            connect_seconds=self._connect_seconds,
        )

    def _begin(self, connection: Connection, healthy: Callable[[], None]) -> None:
        self._connection = connection
        self._healthy = healthy
        self._say("connected", "")
        self._outbox.connection_made()
        self._announce(connection, "online")
        self._pump()

    def _announce(self, connection: Connection, status: Availability) -> None:
        self._announced = True
        connection.send([(AVAILABILITY, self._topics.availability(status))])

    def _progress(self, numbers: list[int]) -> None:
        for number in numbers:
            if number == AVAILABILITY:
                self._announced = False
                self._healthy()
            else:
                self._outbox.acknowledged(number)
        self._pump()
        self._moved.set()

    def _pump(self) -> None:
        if self._connection and self._connection.ready:
            self._connection.send(iter(self._outbox.take, None))

    def _lost(self, error: TryAgain | Refused, _delay_seconds: float) -> None:
        self._say("waiting", str(error))

    def _say(self, status: str, detail: str) -> None:
        if (status, detail) != self._said:
            self._said = (status, detail)
            self._report(status, detail)

    def _nothing_left(self) -> bool:
        return self._outbox.flushed if self._connection else not self._outbox.pending

    def _heard(self) -> bool:
        return not self._announced or not self._connection

    async def _wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                while not condition():
                    self._moved.clear()
                    await self._moved.wait()
