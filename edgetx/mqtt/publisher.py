"""Keeps the broker told: a connection for ever, and the outbox emptied into it.

`put` writes to the socket before it returns, if there is a connection; nothing polls, and no task stands between.
What was not acknowledged when a connection ended is sent again on the next (MQTT's QoS 1, kept by our outbox instead
of the broker's session). To each broker we first say `online`, then everything retained, then what waited, in order.

What the broker refuses though it may take it one day is held by the outbox, its topic with it, and tried again by us:
after some seconds, or after a quarter of an hour where a person must mend something or it was in vain a few times.

What was made before the clock was set (`corrected`) is noted as it comes in, and put right as it leaves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

from edgetx import clock
from edgetx.config import MqttSettings
from edgetx.errors import Refused, TryAgain
from edgetx.mqtt.address import parse_address
from edgetx.mqtt.client import new_client
from edgetx.mqtt.connection import Connection
from edgetx.mqtt.corrected import corrected, stamped
from edgetx.mqtt.course import Course
from edgetx.mqtt.flight import ANSWER_SECONDS
from edgetx.mqtt.hearing import LARGEST_BYTES, Hearing
from edgetx.mqtt.lanes import Lane, Numbered
from edgetx.mqtt.outbox import Outbox
from edgetx.mqtt.reasons import KEPT_SECONDS, Refusal
from edgetx.mqtt.topics import Availability, Publication, Topics
from edgetx.retry import retry

KEEPALIVE_SECONDS = 20
"""We notice a frozen broker within 2.25 times that; the broker a lost connection, and publishes our will, in 1.5."""
CONNECT_SECONDS = 10.0
GOODBYE_SECONDS = 1.0
"""Of a stop's deadline, what is left for `stopped` and its acknowledgement."""
AVAILABILITY = 0
"""The number of our own publications; the outbox counts from 1."""


def _nothing() -> None:
    pass


class Publisher:
    """All methods belong to the event loop's thread.

    ``report(status, detail)`` is called when something changes: ``connecting``; ``connected``; ``limited``, connected
    to a broker that does not take everything; ``waiting`` and ``refused`` (the next try is far away); these three with
    the reason in words. ``now`` reads the clocks. ``missing``: why there is no password; then nothing is tried.
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
        hearing: Hearing | None = None,
        keepalive_seconds: int = KEEPALIVE_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        now: Callable[[], clock.Moment] = clock.now,
        missing: str = "",
    ) -> None:
        self._settings = settings
        self._password = password
        self.topics = topics
        self._outbox = outbox
        self._report = report
        self._sleep = sleep
        self._random = random
        self._hearing = hearing
        self._keepalive_seconds = keepalive_seconds
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._now = now
        self._missing = missing
        self._course = Course(f"the device id {topics.device!r}")
        self._connection: Connection | None = None
        self._healthy: Callable[[], None] = _nothing
        self._announced = False  # and not acknowledged yet
        self._moved = asyncio.Event()
        self._stopped = asyncio.Event()
        self._said = ("", "")
        self._given_up = ""  # On this connection, the first: it is news, to be published, and refused in its turn.
        self._mute = ""  # The last connections had to be ended because nothing was acknowledged.
        self._resting: dict[Lane, asyncio.Task[None]] = {}

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
            if self._hearing:
                await self._hearing.stop()

    def put(self, publication: Publication) -> None:
        """Send ``publication``, now if the broker is there; else later, as far as the outbox has room."""
        self._outbox.put(stamped(publication, self._now()) if publication.durable else publication)
        self.pump()

    def pump(self) -> None:
        """Send what the outbox lets go."""
        if self._connection and self._connection.ready:
            self._connection.send(self._owed(self._connection))

    async def stop(self, deadline_seconds: float) -> None:
        """Wait until the broker has everything, say `stopped` and disconnect: all inside the deadline.

        Without a connection it waits only for what is durable. `run` ends with it.
        """
        await self._wait_for(self._nothing_left, deadline_seconds - GOODBYE_SECONDS)
        stopped = bool(self._connection and self._connection.ready and self._connection.room)
        if self._connection and stopped:
            self._announce(self._connection, "stopped")
            await self._wait_for(self._heard, min(deadline_seconds, GOODBYE_SECONDS))
        if self._connection and self._connection.ready and stopped:
            self._connection.disconnect()
        else:  # without a goodbye: then the last will says it
            self._stopped.set()

    async def _attempt(self, healthy: Callable[[], None]) -> None:
        if self._missing:
            raise Refused(self._missing)
        connection = self._new_connection()
        try:
            await connection.open()
            if self._hearing:  # Before all else: whoever sees us online is heard.
                self._hearing.begin(connection)
            self._begin(connection, healthy)
            await connection.ended()
        except TryAgain as trouble:
            self._mute = str(trouble) if connection.ending.mute else self._mute
            raise self._course.ended(connection.ending, trouble) from None
        finally:
            self._connection = None
            connection.close()
            if self._hearing:
                self._hearing.ended()
            self._outbox.connection_lost()
            self._moved.set()
            await self._forget_rests()

    def _new_connection(self) -> Connection:
        address = parse_address(self._settings.url)
        client = partial(
            new_client,
            self._settings,
            address,
            version=self._course.version,
            client_id=f"edgetx-{self.topics.device}",
            password=self._password,
            will=self._course.will(self.topics.last_will),
            largest_bytes=LARGEST_BYTES,
        )
        return Connection(
            address,
            client,
            progress=self._progress,
            refused=self._refused,
            keepalive_seconds=self._keepalive_seconds,
            connect_seconds=self._connect_seconds,
            answer_seconds=self._answer_seconds,
        )

    def _begin(self, connection: Connection, healthy: Callable[[], None]) -> None:
        self._connection = connection
        self._healthy = healthy
        self._course.accepted()
        self._given_up = ""
        self._say_how_it_is()
        self._outbox.connection_made()
        self._announce(connection, "online")
        self.pump()

    def _announce(self, connection: Connection, status: Availability) -> None:
        self._announced = True
        connection.send([(AVAILABILITY, self.topics.availability(status))])

    def _progress(self, numbers: list[int]) -> None:
        for number in numbers:
            if number == AVAILABILITY:
                self._announced = False
                self._healthy()
            else:
                self._mute = ""
                self._outbox.acknowledged(number)
        self.pump()
        self._say_how_it_is()
        self._moved.set()

    def _refused(self, number: int, refusal: Refusal) -> None:
        if number == AVAILABILITY:
            self._announced = False
        elif refusal.again_seconds is None:
            if not self._outbox.refused(number):
                return  # An answer to somebody's request, to a topic of his: no trouble of ours.
        else:
            if held := self._outbox.hold(number, refusal.words):
                lane, often = held
                self._rest(lane, KEPT_SECONDS if often else refusal.again_seconds)
            return
        self._given_up = self._given_up or refusal.words

    def _rest(self, lane: Lane, seconds: float) -> None:
        if resting := self._resting.pop(lane, None):
            resting.cancel()
        self._resting[lane] = asyncio.ensure_future(self._try_again(lane, seconds))

    async def _forget_rests(self) -> None:
        resting = [*self._resting.values()]
        self._resting.clear()
        for task in resting:
            task.cancel()
        await asyncio.gather(*resting, return_exceptions=True)

    async def _try_again(self, lane: Lane, seconds: float) -> None:
        await self._sleep(seconds)
        del self._resting[lane]
        self._outbox.probe(lane)
        self.pump()
        self._say_how_it_is()

    def _owed(self, connection: Connection) -> Iterator[Numbered]:
        while connection.room > 0 and (taken := self._outbox.take()):
            number, publication = taken
            yield number, publication if publication.ahead is None else corrected(publication, self._now())

    def _lost(self, error: TryAgain | Refused, _delay_seconds: float) -> None:
        self._say("refused" if isinstance(error, Refused) else "waiting", str(error))

    def _say_how_it_is(self) -> None:
        """Say what the broker does not take; of several topics the first, for one cause has most of them."""
        if not self._connection:
            return
        objections = self._outbox.objections
        more = f"So it is with {len(objections) - 1} more." if len(objections) > 1 else ""
        shortcomings = self._connection.terms.shortcomings
        words = " ".join(filter(None, (shortcomings, self._mute, self._given_up, *objections[:1], more)))
        self._say("limited" if words else "connected", words)

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
