"""The seams between a provider and the rest: what a vendor's file must offer, and what carries its messages.

`Provider` and `Session` are pure (fed and drained, never awaiting, no clock); `Wire` is the I/O. A vendor's whole
protocol is its session: messages go in by `receive`, come out by `to_send`, their meaning comes out by `events`.
A *message* is text (str) or binary (bytes), as in a WebSocket, or an event of Socket.IO's.
"""

from collections.abc import Generator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from edgetx.audio.format import RATE
from edgetx.speech.events import SessionEvent


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """A Socket.IO event: a name and arguments, each JSON or bytes."""

    name: str
    args: tuple[Any, ...] = ()


Message = str | bytes | SocketEvent

PAUSE_SECONDS = 1.5
"""Silence that ends an utterance with every provider, unless its settings say otherwise."""
PAUSE_MARGIN_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class ChunkMs:
    """How many milliseconds of audio one message may hold, and how many suit the provider best."""

    min: int
    best: int
    max: int


def pause_after(*ends_ms: float | None) -> float:
    """Return ``pause_seconds`` where silence of the longest of these ends an utterance, as far as they are known."""
    return max(PAUSE_SECONDS, *(end / 1000 + PAUSE_MARGIN_SECONDS for end in ends_ms if end is not None), 0.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider allows.

    ``replay_rate``: seconds of audio that it takes a second; ``open_seconds``: how long it may take to be ready;
    ``drain_seconds``: how long its last words may take after ``finish``; ``silent_seconds``: quiet that it has had for
    so long without a word under way is silent (None: it says itself what it has dealt with, by Progress);
    ``keepalive_seconds``: how often `Session.keep_alive` is due while there is no audio; ``session_seconds``: how long
    a session lasts at most; ``ends_by_silence``: it never confirms ``finish``, so ``drain_seconds`` later the session
    has ended as agreed, and has dealt with what has provably arrived; ``max_sessions``: how many
    a microphone may hold at once, 1 or 2; ``pause_seconds``: silence that surely ends an utterance; ``idle_seconds``:
    it ends a session that is sent no sound for so long, whatever else is sent.
    """

    chunk_ms: ChunkMs
    replay_rate: float
    drain_seconds: float = 5.0
    silent_seconds: float | None = None
    open_seconds: float = 10.0
    keepalive_seconds: float | None = None
    session_seconds: float | None = None
    ends_by_silence: bool = False
    max_sessions: int = 1
    pause_seconds: float = PAUSE_SECONDS
    idle_seconds: float | None = None

    @property
    def pause_frames(self) -> int:
        """``pause_seconds`` of the microphone's frames."""
        return round(self.pause_seconds * RATE)


@dataclass(frozen=True, slots=True)
class WebSocketRequest:
    """Where a WebSocket leads: ``url`` (ws or wss, with its query) and extra headers. ``str()`` shows no secret.

    ``renewable``: it carries a token, and the next request will carry a new one.
    """

    url: str = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    max_message_bytes: int = 4 * 1024 * 1024
    renewable: bool = False


@dataclass(frozen=True, slots=True)
class ProcessRequest:
    """A recogniser in a child process: its command line, whose standard input and output carry the messages."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One question over HTTP(S). ``purpose`` completes "could not …": "fetch a token". ``str()`` shows no secret."""

    purpose: str
    method: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """``status`` and what came with it (bounded)."""

    status: int
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class SocketIORequest:
    """Where a Socket.IO namespace is: ``url`` (http or https, with its query; its path is not used) and ``path``.

    ``transports``: ``polling`` and ``websocket``, tried in this order; both in this order is an upgrade.
    ``farewell``: to be asked on every way out, once the connection is gone. ``expires_at`` (UNIX seconds):
    when the token in it does; the wire passes it on with the ``connect`` event.
    """

    url: str = field(repr=False)
    path: str
    namespace: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    transports: tuple[str, ...] = ("polling", "websocket")
    farewell: HttpRequest | None = None
    renewable: bool = False
    expires_at: float | None = None


Request = WebSocketRequest | ProcessRequest | SocketIORequest

Opening = Generator[HttpRequest, HttpAnswer, Request]
"""The way to a connection: asks what has to be asked over HTTP first, is sent the answers, returns the request."""


def at_once(request: Request) -> Opening:
    """Return the way to a connection before which nothing has to be asked."""
    yield from ()
    return request


class Session(Protocol):
    """One conversation with a provider. Never raises on what the other side sends: it says so in an event."""

    def send_audio(self, pcm: bytes) -> None:
        """Give 16 kHz mono int16 (little-endian) to send; any length. The session keeps the provider's chunk sizes."""

    def finish(self) -> None:
        """No more audio: flush the rest and ask the provider to end the session. A second call does nothing."""

    def receive(self, message: Message) -> None:
        """Take one message of the provider's."""

    def keep_alive(self) -> None:
        """Have sent what keeps a session open while there is no audio, where the provider has such a thing."""

    def connection_closed(self, code: int | None, reason: str) -> None:
        """The wire is gone, by whichever side; yields one Closed event."""

    def to_send(self) -> list[Message]:
        """Return, once, the messages that are due."""

    def events(self) -> list[SessionEvent]:
        """Return, once, what has happened."""


class Provider(Protocol):
    """A configured vendor."""

    @property
    def name(self) -> str:
        """The name under ``providers:`` in the settings."""

    @property
    def limits(self) -> Limits:
        """What it allows."""

    def opening(self) -> Opening:
        """Return the way to a connection, made anew for each. It raises TryAgain or Refused for a no."""

    def session(self) -> Session:
        """Return a fresh session."""


class Wire(Protocol):
    """An open connection."""

    @property
    def ready(self) -> bool:
        """Whether `send_now` may be called: the wire is open, and takes a message without waiting. Any thread."""

    def send_now(self, message: Message) -> bool:
        """Hand one message on, when `ready`; return whether it still is. Any thread."""

    async def send(self, message: Message) -> None:
        """Hand one message on; waits while the other side does not take more. Raise TryAgain when it is gone."""

    async def receive(self) -> Message | None:
        """Wait for a message. None: the other side closed; then ``close_code`` and ``close_reason`` tell how."""

    @property
    def confirmed_at(self) -> float | None:
        """The other side has what was sent before this monotonic time (seconds); None: it cannot be known."""

    @property
    def close_code(self) -> int | None:
        """The protocol's code of the close, where there was one."""

    @property
    def close_reason(self) -> str:
        """In words; empty if none was given."""


class Connect(Protocol):
    """Opens a wire: TryAgain when nobody answers, Refused when the answer is a clear no (HTTP 401, no such program)."""

    def __call__(self, opening: Opening) -> AbstractAsyncContextManager[Wire]:
        """Enter: ask and connect. Exit: close, politely, inside two seconds."""
