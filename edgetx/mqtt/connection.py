"""One connection to an MQTT broker, used once: open it, send, wait for its end. DOOR paho-mqtt.

paho runs on our event loop, without its thread: whenever the socket can be read or written, or the keepalive timer
comes, we call paho and then look at what came of it (acknowledgements, bytes that wait, a socket that is gone).
paho's callbacks only note things down, for some run under its locks. The client is new for each connection and never
holds a message that it did not write at once: what must survive is the outbox's.

Only the blocking part of connecting (names, TCP, TLS, the WebSocket's handshake) has a thread, a daemon of its own:
the loop's pool is waited for at exit, and a resolver can hang for a minute.

Protocol: MQTT 3.1.1, https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from threading import Thread
from typing import Any

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from edgetx.config import MqttSettings
from edgetx.errors import TryAgain
from edgetx.mqtt.address import Address, cannot_connect, closed_at_once
from edgetx.mqtt.outbox import Numbered
from edgetx.mqtt.sockets import client_context, close_forgotten, send_at_once
from edgetx.mqtt.topics import Publication

WRONG_LOGIN = ("Bad user name or password", "Not authorized")
CLEAN = MQTTErrorCode.MQTT_ERR_SUCCESS


class Connection:
    """A connection of ``client()`` to ``address``; made inside a running loop.

    ``progress(numbers)`` is called on the loop when the broker has acknowledged these, or has room again.
    """

    def __init__(
        self,
        address: Address,
        client: Callable[[], Client],
        *,
        progress: Callable[[list[int]], None],
        keepalive_seconds: int,
        connect_seconds: float,
    ) -> None:
        self._address = address
        self._new_client = client
        self._progress = progress
        self._keepalive_seconds = keepalive_seconds
        self._connect_seconds = connect_seconds
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[TryAgain | None] = self._loop.create_future()
        self._client: Client | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._descriptor = -1
        self._writing = False
        self._leaving = False
        self._closed = False
        self._refusal = ""
        self._numbers: dict[int, int] = {}  # paho's message id -> the number that `send` was given
        self._acknowledged: list[int] = []

    @property
    def ready(self) -> bool:
        """Open, and everything given to `send` has left."""
        return self._accepted.done() and self._descriptor >= 0 and not self._writing and not self._leaving

    async def open(self) -> None:
        """Connect and wait until the broker accepts us. Raise TryAgain, in words for a person."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                if trouble := await asyncio.wrap_future(self._dial()):
                    raise trouble
                self._attach()
                await asyncio.wait((self._accepted, self._ended), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            said = "accepts the connection but does not speak MQTT" if self._descriptor >= 0 else "does not answer"
            raise TryAgain(f"The broker at {self._address} {said}.") from None
        if self._ended.done():
            await self.ended()

    def send(self, publications: Iterable[Numbered]) -> None:
        """Write ``publications`` to the socket, now. Call it only when `ready`."""
        client = self._opened
        for number, publication in publications:
            sent = client.publish(publication.topic, publication.payload, publication.qos, publication.retain)
            if publication.qos:
                self._numbers[sent.mid] = number
        self._settle(CLEAN)

    def subscribe(self, topics: str, show: Callable[[str, bytes], None]) -> None:
        """Have ``show(topic, payload)`` called for each message on ``topics``, QoS 1. Call it only when `ready`."""
        client = self._opened
        client.on_message = lambda _client, _data, message: show(message.topic, bytes(message.payload))
        client.subscribe(topics, qos=1)
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
        _close(self._client)

    @property
    def _opened(self) -> Client:
        if self._client is None:
            raise RuntimeError("A connection is used before it is open.")
        return self._client

    def _dial(self) -> Future[TryAgain | None]:
        future: Future[TryAgain | None] = Future()
        future.set_running_or_notify_cancel()  # From here on nobody can cancel it under the thread's hands.
        Thread(target=self._dial_in_thread, args=(future,), name="mqtt-connect", daemon=True).start()
        return future

    def _dial_in_thread(self, future: Future[TryAgain | None]) -> None:
        trouble: TryAgain | None = TryAgain(f"Connecting to {self._address} failed in a way that nobody foresaw.")
        try:
            trouble = self._try_to_connect()
        finally:
            future.set_result(trouble)

    def _try_to_connect(self) -> TryAgain | None:
        try:
            self._client = client = self._new_client()
        except (OSError, ValueError) as error:
            return TryAgain(f"mqtt.ca_file, cert_file or key_file cannot be used: {error}.")
        client.connect_timeout = self._connect_seconds
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = _ignore  # Without one, paho would write whenever it likes.
        try:
            client.connect(self._address.host, self._address.port, self._keepalive_seconds)
        except (OSError, ValueError, LookupError) as error:  # The last two from paho's WebSocket, fed with garbage.
            close_forgotten(error)
            return TryAgain(cannot_connect(self._address, error))
        if self._closed:
            _close(client)
        return None

    def _attach(self) -> None:
        opened = self._opened.socket()
        if opened is None:
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
        if self._timer:
            self._timer.cancel()

    def _readable(self) -> None:
        client = self._opened
        code = client.loop_read()
        while _holds_more(client):
            code = client.loop_read()
        self._settle(code)
        self._tell()

    def _writable(self) -> None:
        self._settle(CLEAN)
        self._tell()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._keepalive_seconds / 4, self._tick)
        lost = self._opened.loop_misc()
        self._settle(MQTTErrorCode.MQTT_ERR_KEEPALIVE if lost else CLEAN)

    def _settle(self, code: MQTTErrorCode) -> None:
        """Write what waits, and notice the end. ``code`` is what paho's last call returned."""
        client = self._opened
        if client.want_write():
            code = client.loop_write() or code
        if client.socket() is None:
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
            self._ended.set_result(None if self._leaving else TryAgain(self._loss(code)))

    def _tell(self) -> None:
        numbers, self._acknowledged = self._acknowledged, []
        if self._accepted.done():
            self._progress(numbers)

    def _loss(self, code: MQTTErrorCode) -> str:
        if self._refusal:
            mend = "; check mqtt.username and mqtt.password" if self._refusal in WRONG_LOGIN else ""
            return f"The broker at {self._address} refuses us: {self._refusal}{mend}."
        if code == MQTTErrorCode.MQTT_ERR_KEEPALIVE:
            return f"The broker at {self._address} has not answered for {self._keepalive_seconds} s."
        if code == MQTTErrorCode.MQTT_ERR_PROTOCOL:
            return f"What answers at {self._address} does not speak MQTT 3.1.1; check mqtt.url."
        if not self._accepted.done():
            return closed_at_once(self._address)
        return f"The connection to the broker at {self._address} was lost."

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
        elif not self._accepted.done():
            self._accepted.set_result(None)

    def _on_publish(self, _client: Client, _data: Any, message_id: int, _reason: Any, _properties: Any) -> None:
        number = self._numbers.pop(message_id, None)  # None: QoS 0, which paho "publishes" when it is written
        if number is not None:
            self._acknowledged.append(number)

    def _on_socket_close(self, _client: Client, _data: Any, _socket: Any) -> None:
        self._detach()


def new_client(
    settings: MqttSettings, address: Address, *, client_id: str, password: str | None, will: Publication | None
) -> Client:
    """Return a client that can be connected once. Raise OSError or ValueError when a file for TLS cannot be used."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=True,
        protocol=MQTTv311,
        transport="websockets" if address.websocket else "tcp",
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(0)  # No limit of paho's means no queue of paho's.
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    client.username_pw_set(settings.username, password)
    client.ws_set_options(address.path)
    if address.tls:
        client.tls_set_context(client_context(settings))
    return client


def _holds_more(client: Client) -> bool:
    """Whether TLS has deciphered bytes that no selector would tell of."""
    pending = getattr(client.socket(), "pending", None)
    return bool(pending and pending())


def _close(client: Client | None) -> None:
    left = client.socket() if client else None
    if left:
        left.close()


def _ignore(*_: Any) -> None:
    pass
