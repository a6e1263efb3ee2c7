"""A real Mosquitto on a free loopback port, and a subscriber that keeps what it gets. No pytest in here.

The broker keeps its port over `stop`, `kill` and `start`, and forgets everything at each: nothing is persistent.
`protocol` is the scheme of its `url`; the certificate for `mqtts` and `wss` is made on the spot (`ca_file`).
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

START_SECONDS = 10.0
PORTS_TO_TRY = 5


def free_port() -> int:
    """Return a loopback port where nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """``with Broker() as broker``: started; ``login``: the only user name and password that it takes.

    ``writable``: the only topics that who has no name may publish on; None: any.
    """

    def __init__(
        self,
        *,
        protocol: Literal["mqtt", "mqtts", "ws", "wss"] = "mqtt",
        login: tuple[str, str] | None = None,
        writable: Sequence[str] | None = None,
        port: int | None = None,
    ) -> None:
        self.protocol = protocol
        self.login = login
        self.writable = writable
        self.port = port or free_port()
        self._port_given = port is not None
        self._directory = Path(tempfile.mkdtemp(prefix="edgetx-broker-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where it listens; by name where the certificate wants one."""
        return f"{self.protocol}://localhost:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The certificate of the broker, which signed itself."""
        return self._directory / "cert.pem"

    @property
    def log(self) -> str:
        """What Mosquitto has written so far."""
        path = self._directory / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start it and wait until it listens. Raise RuntimeError, with its log, when it does not."""
        for _ in range(1 if self._port_given else PORTS_TO_TRY):
            self._configure()
            self._launch()
            if self._listens():
                self._port_given = True
                return
            self._end(signal.SIGKILL)
            if not self._port_given:  # Another took it between our looking and Mosquitto's binding.
                self.port = free_port()
        log = self.log
        self.close()
        raise RuntimeError(f"Mosquitto does not start on port {self.port}:\n{log}")

    def stop(self) -> None:
        """Let it end in order: clients are disconnected."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop its clock (SIGSTOP): the kernel still takes connections and bytes, nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def allow(self, *writable: str) -> None:
        """Change what is ``writable``, which was given at the start, while it runs."""
        self.writable = writable
        self._control_access(writable)
        before = self.log.count("Reloading config")
        self._signal(signal.SIGHUP)
        deadline = time.monotonic() + START_SECONDS
        while self.log.count("Reloading config") == before:
            if time.monotonic() > deadline:
                raise RuntimeError("Mosquitto does not read its settings again.")
            time.sleep(0.01)

    def close(self) -> None:
        """Kill it and remove its files."""
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _configure(self) -> None:
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"protocol {'websockets' if self.protocol in ('ws', 'wss') else 'mqtt'}",
            *self._certificate(),
        ]
        if self.protocol in ("ws", "wss"):  # Mosquitto 2.0 does not start with a WebSocket listener alone.
            lines.append(f"listener 0 {self._directory / 'unix'}")
        if os.geteuid() == 0:
            lines.append("user root")  # else it changes to a user who may not read its own files
        if self.login:
            lines.append(f"password_file {self._passwords(*self.login)}")
        if self.writable is not None:
            self._control_access(self.writable)
            lines.append(f"acl_file {self._directory / 'acl'}")
        lines += [
            "persistence false",
            "max_queued_messages 0",
            f"allow_anonymous {'false' if self.login else 'true'}",
            f"log_dest file {self._directory / 'log'}",
        ]
        (self._directory / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _control_access(self, writable: Sequence[str]) -> None:
        path = self._directory / "acl"
        path.write_text("".join(f"topic {line}\n" for line in ["read #", *(f"write {each}" for each in writable)]))
        path.chmod(0o600)

    def _passwords(self, user: str, password: str) -> Path:
        path = self._directory / "passwords"
        subprocess.run(["mosquitto_passwd", "-c", "-b", path, user, password], check=True, capture_output=True)
        return path

    def _certificate(self) -> list[str]:
        if self.protocol not in ("mqtts", "wss"):
            return []
        if not self.ca_file.exists():
            self._certify()
        return [f"certfile {self.ca_file}", f"keyfile {self._directory / 'key.pem'}"]

    def _certify(self) -> None:
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-keyout", self._directory / "key.pem", "-out", self.ca_file),
            ],
            check=True,
            capture_output=True,
        )

    def _launch(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if not program:
            raise RuntimeError("Mosquitto is not installed: apt-get install mosquitto")
        self._process = subprocess.Popen(
            [program, "-c", self._directory / "mosquitto.conf"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _listens(self) -> bool:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return self._process.poll() is None
            time.sleep(0.01)
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        self._signal(signal.SIGCONT)
        self._signal(number)
        if self._process:
            self._process.wait(timeout=START_SECONDS)
            self._process = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a subscriber got it. ``retained``: it was there before the subscription."""

    topic: str
    payload: bytes
    qos: int
    retained: bool


class Subscriber:
    """``with Subscriber(broker) as subscriber``: subscribed, and again after each restart of the broker."""

    def __init__(self, broker: Broker, topics: str = "#", *, login: tuple[str, str] | None = None) -> None:
        self._broker = broker
        self._topics = topics
        self._login = login or broker.login
        self._changed = threading.Condition()
        self._client: Client | None = None
        self._received: list[Received] = []
        self._subscriptions = 0

    def __enter__(self) -> Self:
        client = self._client = self._make()
        client.connect("localhost", self._broker.port)
        client.loop_start()
        if not self.wait_until_subscribed(1):
            self.close()
            raise RuntimeError("The subscriber cannot subscribe.")
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def received(self) -> list[Received]:
        """Everything so far, in order."""
        with self._changed:
            return list(self._received)

    def on(self, ending: str) -> list[Received]:
        """Everything so far on topics that end so."""
        return [message for message in self.received if message.topic.endswith(ending)]

    def wait_for(self, predicate: Callable[[Sequence[Received]], bool], deadline_seconds: float = 10.0) -> bool:
        """Wait until what was received fulfils ``predicate``; False: it did not in time. Blocks."""
        with self._changed:
            return self._changed.wait_for(lambda: predicate(self._received), deadline_seconds)

    def wait_until_subscribed(self, times: int, deadline_seconds: float = 10.0) -> bool:
        """Wait until it has subscribed so many times since its start: once more after each restart. Blocks."""
        with self._changed:
            return self._changed.wait_for(lambda: self._subscriptions >= times, deadline_seconds)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish at QoS 1, as another client of the broker's; wait until the broker has it."""
        if self._client:
            self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        """Disconnect."""
        if self._client:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def _make(self) -> Client:
        websocket = self._broker.protocol in ("ws", "wss")
        client = Client(CallbackAPIVersion.VERSION2, transport="websockets" if websocket else "tcp")
        if self._broker.protocol in ("mqtts", "wss"):
            client.tls_set_context(ssl.create_default_context(cafile=self._broker.ca_file))
        if self._login:
            client.username_pw_set(*self._login)
        client.reconnect_delay_set(min_delay=1, max_delay=1)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._keep
        return client

    def _connected(self, client: Client, *_: Any) -> None:
        client.subscribe(self._topics, qos=1)

    def _subscribed(self, *_: Any) -> None:
        with self._changed:
            self._subscriptions += 1
            self._changed.notify_all()

    def _keep(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        received = Received(message.topic, bytes(message.payload), message.qos, bool(message.retain))
        with self._changed:
            self._received.append(received)
            self._changed.notify_all()
