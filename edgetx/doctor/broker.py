"""Tries the broker step by step: its name, TCP, TLS, the login, and a message of ours that must come back.

The connection is one like the daemon's, under a client id of its own, so that a daemon that runs is not put out. What
the daemon has retained is read beside: the states of its microphones.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from edgetx.config import Config
from edgetx.doctor.network import ADDRESSES_SHOWN, resolved, touch
from edgetx.doctor.report import Finding, Tell, Verdict, sentence
from edgetx.errors import Refused, TryAgain
from edgetx.mqtt.address import Address, parse_address
from edgetx.mqtt.client import new_client
from edgetx.mqtt.commands import Incoming
from edgetx.mqtt.connection import Connection
from edgetx.mqtt.course import Course
from edgetx.mqtt.sockets import client_context
from edgetx.mqtt.topics import Kind, Publication

STAGE = "broker"
CONNECT_SECONDS = 10.0
PROBE_SECONDS = 5.0
KEEPALIVE_SECONDS = 30
PROBE = "doctor"
"""The topic of the probe, under the device's own."""
AVAILABILITY = "availability"
_ATTEMPTS = 2
_LARGEST_BYTES = 65_536
_MOST_STATES = 64

REMEDIES = {
    "name": "Is mqtt.url spelt right, and has this device a network and a name server?",
    "TCP": "Is a broker up (here: sudo apt install mosquitto), its port right, and does a firewall let it through?",
    "TLS": "See mqtt.ca_file, the name in the broker's certificate, and this device's clock.",
    "login": "Check mqtt.username and mqtt.password, and the broker's log.",
    "messages": "See the broker's access list: the user must write and read the device's topics.",
}


@dataclass(slots=True)
class Visit:
    """One broker, tried once. ``told``: what the daemon has retained, by topic below the device's."""

    config: Config
    password: str | None
    tell: Tell
    told: dict[str, Any] = field(default_factory=dict)
    _step: str = "name"
    _subscribed: asyncio.Event = field(default_factory=asyncio.Event)
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    _refusals: list[str] = field(default_factory=list)
    _deaf: str = ""
    _nonce: bytes = field(default_factory=lambda: json.dumps({"probe": uuid4().hex}).encode())

    async def run(self) -> Mapping[str, Any]:
        """Go through all steps, or until one fails; return what the daemon has retained, as far as it was had."""
        try:
            address = parse_address(self.config.mqtt.url)
            await self._reach(address)
            await self._log_in(address)
        except (TryAgain, Refused) as trouble:
            self._say(Verdict.FAILED, sentence(trouble), REMEDIES[self._step])
        return self.told

    async def _reach(self, address: Address) -> None:
        found = await resolved(address.host, address.port)
        self._say(Verdict.OK, f"{address.host} is {', '.join(found[:ADDRESSES_SHOWN])}.")
        self._step = "TCP"
        began = time.monotonic()
        await touch(address.host, address.port, None)
        self._say(Verdict.OK, f"Port {address.port} answers after {time.monotonic() - began:.2f} s.")
        self._step = "TLS"
        if not address.tls:
            self._say(Verdict.SKIPPED, "mqtt.url asks for none: whoever is in the network can read along.")
            return
        try:
            context = client_context(self.config.mqtt)
        except (OSError, ValueError) as error:
            raise Refused(f"mqtt.ca_file, cert_file or key_file cannot be used: {error}.") from None
        await touch(address.host, address.port, context)
        self._say(Verdict.OK, "The broker's certificate is to be trusted.")

    async def _log_in(self, address: Address) -> None:
        self._step = "login"
        course = Course("the doctor's client id")
        for attempt in range(1, _ATTEMPTS + 1):
            connection = self._connection(address, course)
            try:
                await connection.open()
                course.accepted()
                who = f"as {self.config.mqtt.username}" if self.config.mqtt.username else "without a user name"
                version = {4: "MQTT 3.1.1", 5: "MQTT 5"}[connection.terms.version]
                self._say(Verdict.OK, f"The broker lets us in {who}; it speaks {version}.")
                self._step = "messages"
                await self._exchange(connection)
            except TryAgain as trouble:
                known = course.version
                learnt = course.ended(connection.ending, trouble)
                if self._step != "login" or attempt == _ATTEMPTS or course.version == known:
                    raise learnt from None
            else:
                return
            finally:
                connection.close()

    def _connection(self, address: Address, course: Course) -> Connection:
        client = partial(
            new_client,
            self.config.mqtt,
            address,
            version=course.version,
            client_id=f"edgetx-doctor-{os.getpid()}-{uuid4().hex[:6]}",
            password=self.password,
            will=None,
            largest_bytes=_LARGEST_BYTES,
        )
        return Connection(
            address,
            client,
            progress=lambda numbers: self._acknowledged() if numbers else None,
            refused=lambda _number, refusal: self._refused(refusal.words),
            keepalive_seconds=KEEPALIVE_SECONDS,
            connect_seconds=CONNECT_SECONDS,
        )

    async def _exchange(self, connection: Connection) -> None:
        """Subscribe, publish, and wait for it; what is retained comes before it, for the broker keeps the order."""
        base = f"{self.config.mqtt.base_topic}/{self.config.device}"
        ended = asyncio.ensure_future(connection.ended())
        try:
            for topics in (f"{base}/{PROBE}", f"{base}/+/state", f"{base}/{AVAILABILITY}"):
                answered = self._answered if topics.endswith(PROBE) else self._need_not
                self._subscribed.clear()
                connection.subscribe(topics, partial(self._take, base), answered)
                await self._wait_for(self._subscribed, ended, "The broker does not answer a subscription.")
            probe = Publication(f"{base}/{PROBE}", self._nonce, qos=1, retain=False, durable=False, kind=Kind.EVENT)
            began = time.monotonic()
            connection.send([(1, probe)])
            await self._wait_for(self._came, ended, "The broker takes a message and does not give it back to us.")
            self._tell_how(probe.topic, time.monotonic() - began)
            connection.disconnect()
            await ended
        finally:
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)

    def _tell_how(self, topic: str, seconds: float) -> None:
        if self._deaf:
            text = f"The broker took a message to {topic}, but does not let us hear it: {sentence(self._deaf)}"
            remedy = "The daemon publishes all the same, but hears no requests; see the broker's access list."
            self._say(Verdict.WARNING, text, remedy)
        else:
            self._say(Verdict.OK, f"A message to {topic} came back after {seconds:.2f} s.")

    async def _wait_for(self, event: asyncio.Event, ended: "asyncio.Future[None]", otherwise: str) -> None:
        """Wait for ``event``; raise TryAgain when the connection ends before, or it does not come."""
        came = asyncio.ensure_future(event.wait())
        await asyncio.wait((came, ended), timeout=PROBE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        came.cancel()
        if ended.done():
            await ended
        if self._refusals or not event.is_set():
            raise TryAgain(" ".join(self._refusals) or otherwise)

    def _take(self, base: str, message: Incoming) -> None:
        topic = message.topic.removeprefix(f"{base}/")
        if topic == PROBE and message.payload == self._nonce:
            self._came.set()
        elif topic == AVAILABILITY:
            self.told[topic] = message.payload.decode(errors="replace")
        elif message.retained and len(self.told) < _MOST_STATES:
            try:
                self.told[topic] = json.loads(message.payload)
            except (ValueError, RecursionError):
                return

    def _answered(self, refusal: TryAgain | None) -> None:
        self._deaf = str(refusal or "")
        self._subscribed.set()

    def _need_not(self, _refusal: TryAgain | None) -> None:
        self._subscribed.set()

    def _acknowledged(self) -> None:
        if self._deaf:  # Nothing more will come.
            self._came.set()

    def _refused(self, words: str) -> None:
        self._refusals.append(words)
        self._came.set()

    def _say(self, verdict: Verdict, text: str, remedy: str = "") -> None:
        self.tell(Finding(STAGE, self._step, verdict, text, remedy))
