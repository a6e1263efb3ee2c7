"""One connection to an MQTT broker, used once: open it, send, wait for its end. DOOR paho-mqtt, with `client`.

paho runs on our event loop, without its thread: whenever the socket can be read or written, or the keepalive timer
comes, we call paho and then look at what came of it (acknowledgements, bytes that wait, a socket that is gone).
paho's callbacks only note things down, for some run under its locks. The client is new for each connection and never
holds a message that it did not write at once: what must survive is the outbox's.

Only the blocking part of connecting (names, TCP, TLS, the WebSocket's handshake) has a thread, a daemon of its own:
the loop's pool is waited for at exit, and a resolver can hang for a minute.

Protocol: MQTT 5, https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html, or 3.1.1,
https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from paho.mqtt.client import Client, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgetx.errors import TryAgain
from edgetx.mqtt import reasons
from edgetx.mqtt.address import Address, cannot_connect, closed_at_once
from edgetx.mqtt.client import Take, Verdict, close_socket, ignore, properties_of, read, said, subscribe, terms_of
from edgetx.mqtt.course import Ending
from edgetx.mqtt.flight import ANSWER_SECONDS, Flight
from edgetx.mqtt.lanes import Numbered
from edgetx.mqtt.reasons import Refusal
from edgetx.mqtt.sockets import close_forgotten, in_daemon_thread, send_at_once
from edgetx.mqtt.terms import Terms

CLEAN = MQTTErrorCode.MQTT_ERR_SUCCESS


class Connection:
    """A connection of ``client()`` to ``address``; made inside a running loop.

    ``progress(numbers)`` is called on the loop when the broker has acknowledged these, or has room again;
    ``refused(number, refusal)`` when it does not take that one.
    """

    def __init__(
        self,
        address: Address,
        client: Callable[[], Client],
        *,
        progress: Callable[[list[int]], None],
        refused: Callable[[int, Refusal], None],
        keepalive_seconds: int,
        connect_seconds: float,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._address = address
        self._new_client = client
        self._progress = progress
        self._refused = refused
        self._keepalive_seconds = keepalive_seconds
        self._connect_seconds = connect_seconds
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[TryAgain | None] = self._loop.create_future()
        self._client: Client | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._descriptor = -1
        self._writing = False
        self._leaving = False
        self._closed = False
        self._trouble: TryAgain | None = None
        self._ending = Ending(answered=False, hung_up=False)
        self._since = 0.0
        self._flight = Flight(answer_seconds)
        self.terms = Terms()
        """What the broker takes; told when it has accepted us."""

    @property
    def ready(self) -> bool:
        """Open, and everything given to `send` has left."""
        return self._accepted.done() and self._descriptor >= 0 and not self._writing and not self._leaving

    @property
    def room(self) -> int:
        """How many more publications of QoS 1 the broker takes before it has acknowledged some."""
        return self.terms.receive_maximum - len(self._flight)

    @property
    def ending(self) -> Ending:
        """How it ended, when it has."""
        return self._ending

    async def open(self) -> None:
        """Connect and wait until the broker accepts us. Raise TryAgain, in words for a person."""
        unforeseen = TryAgain(f"Connecting to {self._address} failed in a way that nobody foresaw.")
        dialling: Future[TryAgain | None] = in_daemon_thread(self._try_to_connect, otherwise=unforeseen)
        try:
            async with asyncio.timeout(self._connect_seconds):
                if trouble := await asyncio.wrap_future(dialling):
                    raise trouble
                self._attach()
                await asyncio.wait((self._accepted, self._ended), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            said = "accepts the connection but does not speak MQTT" if self._descriptor >= 0 else "does not answer"
            raise TryAgain(f"The broker at {self._address} {said}.") from None
        if self._ended.done():
            await self.ended()
        self._tick()

    def send(self, publications: Iterable[Numbered]) -> None:
        """Write ``publications`` to the socket, now, as the broker takes them. Call it only when `ready`."""
        client = self._opened
        for number, publication in publications:
            if self.terms.too_large(publication):
                words = f"{len(publication.payload)} bytes"
                self._flight.too_large((number, publication), name="Packet too large", words=words)
                continue
            fit = self.terms.fit(publication)
            sent = client.publish(fit.topic, fit.payload, fit.qos, fit.retain, properties_of(client, publication))
            if publication.qos:
                self._flight.sent(sent.mid, (number, publication), self._loop.time())
        self._settle(CLEAN)
        if self._flight and self._patience is None:
            self._expect_answer()
        if self._flight.has_answers:  # Where the broker takes QoS 0 only, it is done when it is written.
            self._loop.call_soon(self._tell)

    def subscribe(self, topics: str, take: Take, answered: Verdict | None = None) -> None:
        """Have ``take`` note each message on ``topics``, QoS 1. A refusal ends the connection unless `answered`."""
        subscribe(self._opened, topics, take, address=self._address, answered=answered or self._denied)
        self._settle(CLEAN)

    def disconnect(self) -> None:
        """Say goodbye, so that the broker does not publish the last will; `ended` returns when that is written."""
        self._leaving = True
        self._opened.disconnect()
        self._settle(CLEAN)

    async def ended(self) -> None:
        """Wait for the end: return after `disconnect`, raise TryAgain when the connection was lost."""
        if trouble := await asyncio.shield(self._ended):
            raise trouble

    def close(self) -> None:
        """Drop the connection, if there still is one, without a goodbye."""
        self._closed = True
        self._detach()
        close_socket(self._client)

    @property
    def _opened(self) -> Client:
        if self._client is None:
            raise RuntimeError("A connection is used before it is open.")
        return self._client

    def _try_to_connect(self) -> TryAgain | None:
        try:
            self._client = client = self._new_client()
        except (OSError, ValueError) as error:
            return TryAgain(f"mqtt.ca_file, cert_file or key_file cannot be used: {error}.")
        client.connect_timeout = self._connect_seconds
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = ignore  # Without one, paho would write whenever it likes.
        try:
            wishes = client.user_data_get()
            client.connect(self._address.host, self._address.port, self._keepalive_seconds, properties=wishes)
        except (OSError, ValueError, LookupError) as error:  # The last two from paho's WebSocket, fed with garbage.
            close_forgotten(error)
            return TryAgain(cannot_connect(self._address, error))
        if self._closed:
            close_socket(client)
        return None

    def _attach(self) -> None:
        opened = self._opened.socket()
        if opened is None:
            self._ending = Ending(answered=False, hung_up=True)
            raise TryAgain(closed_at_once(self._address))
        self._descriptor = opened.fileno()
        send_at_once(self._descriptor)
        self._loop.add_reader(self._descriptor, self._readable)
        self._tick()

    def _detach(self) -> None:
        # Before the socket is closed, and once only: its descriptor may be another's a moment later.
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._loop.remove_reader(descriptor)
            self._loop.remove_writer(descriptor)
        for timer in filter(None, (self._timer, self._patience)):
            timer.cancel()

    def _readable(self) -> None:
        code, trouble = read(self._opened, self._address)
        self._trouble = trouble or self._trouble
        self._settle(code)
        self._tell()

    def _writable(self) -> None:
        self._settle(CLEAN)
        self._tell()

    def _tick(self) -> None:
        if self._timer:
            self._timer.cancel()
        seconds = self._opened.keepalive or self._keepalive_seconds  # A broker of version 5 may want another.
        self._timer = self._loop.call_later(seconds / 3, self._tick)
        lost = self._opened.loop_misc()
        self._settle(MQTTErrorCode.MQTT_ERR_KEEPALIVE if lost else CLEAN)

    def _expect_answer(self) -> None:
        """Look again when something must have been answered, until nothing is under way."""
        left = self._flight.patience(self._loop.time())
        self._patience = self._loop.call_later(left, self._expect_answer) if self._flight and left > 0 else None
        if self._flight and left <= 0:
            self._ending = replace(self._ending, mute=True)
            self._trouble = reasons.mute(self._address, self._flight.answer_seconds)
            self._end(CLEAN)

    def _settle(self, code: MQTTErrorCode) -> None:
        """Write what waits, and notice the end. ``code`` is what paho's last call returned."""
        client = self._opened
        if client.want_write():
            code = client.loop_write() or code
        if client.socket() is None or self._trouble:
            self._end(code)
        elif client.want_write() is not self._writing:
            self._writing = not self._writing
            if self._writing:
                self._loop.add_writer(self._descriptor, self._writable)
            else:
                self._loop.remove_writer(self._descriptor)

    def _end(self, code: MQTTErrorCode) -> None:
        self._detach()
        if not self._ended.done():
            seconds = self._loop.time() - self._since if self._accepted.done() else None
            hung_up = not (self._leaving or self._trouble or code == MQTTErrorCode.MQTT_ERR_KEEPALIVE)
            self._ending = replace(self._ending, hung_up=hung_up, seconds=seconds)
            self._ended.set_result(None if self._leaving else self._trouble or self._loss(code))

    def _tell(self) -> None:
        numbers, refused = self._flight.answers()
        if self._accepted.done() and not self._closed:
            for number, refusal in refused:
                self._refused(number, refusal)
            self._progress(numbers)

    def _loss(self, code: MQTTErrorCode) -> TryAgain:
        silent = self._opened.keepalive if code == MQTTErrorCode.MQTT_ERR_KEEPALIVE else None
        foreign = code == MQTTErrorCode.MQTT_ERR_PROTOCOL
        return reasons.lost(self._address, silent_seconds=silent, foreign=foreign, accepted=self._accepted.done())

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: ReasonCode, more: Properties | None) -> None:
        self._ending = replace(self._ending, answered=True, code=reason.value)
        if reason.is_failure:
            self._trouble = reasons.refusal(self._address, reason.value, **said(reason, more))
        elif not self._accepted.done():
            self.terms = terms_of(client, more)
            self._since = self._loop.time()
            self._accepted.set_result(None)

    def _on_disconnect(
        self, _client: Client, _data: Any, flags: DisconnectFlags, reason: ReasonCode, more: Properties | None
    ) -> None:
        if not flags.is_disconnect_packet_from_server:
            return
        self._ending = replace(self._ending, code=reason.value)
        self._trouble = reasons.goodbye(self._address, reason.value, **said(reason, more))
        self._flight.ended(reason.value, **said(reason, more))

    def _on_publish(
        self, _client: Client, _data: Any, message_id: int, reason: ReasonCode, more: Properties | None
    ) -> None:
        if reason.is_failure:
            self._flight.refused(message_id, reason.value, self._loop.time(), **said(reason, more))
        else:
            self._flight.acknowledged(message_id, self._loop.time())

    def _denied(self, refusal: TryAgain | None) -> None:
        self._trouble = refusal or self._trouble

    def _on_socket_close(self, _client: Client, _data: Any, _socket: Any) -> None:
        self._detach()
