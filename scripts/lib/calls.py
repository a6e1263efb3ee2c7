"""The provider of ``scripts/bench --durable``, on a thread of this process: who called, and how old the sound was.

Each microphone of the bench shows its name (`CLIENT`) among the parameters of the request; the sound itself says when
it was made (see `bench_pacer`). So of every message that came it is known how long after its last sample that was.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench_pacer import NUMBER, number_of, written_at
from bench_provider import SCRIPT

from tests.rigs.assemblyai_scenario import Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer, Connection
from tests.rigs.in_thread import InThread

CLIENT = "bench_client"
"""The parameter with the microphone's name."""
SESSIONS_A_MINUTE = 1_000_000
"""So many cuts a minute are the bench's doing: the account's limit is not what is measured."""
NOW_SECONDS = 0.15
"""Sound that is no older when it comes is the sound of now: a chunk is 0.1 s, and a machine may be busy."""
SAMPLE_BYTES = 2
RATE = 16_000


@dataclass(frozen=True, slots=True)
class Heard:
    """An audio message: when it came, how long after its last sample was made (None: silence), its seconds."""

    at: float
    age: float | None
    seconds: float

    @property
    def is_now(self) -> bool:
        return self.age is not None and self.age < NOW_SECONDS


@dataclass(slots=True)
class Pace:
    """When a microphone's periods are made: the pacer's start, and which of how many it is."""

    first: float
    microphone: int
    of: int

    def age(self, number: int, at: float) -> float:
        return at - written_at(self.first, number, self.microphone, of=self.of)


@dataclass(slots=True)
class Call:
    """One connection of a microphone's; ``asked``: when its request was there."""

    asked: float
    connection: Connection
    pace: Pace
    _heard: list[Heard] = field(default_factory=list)
    _size: int = 0

    def heard(self) -> list[Heard]:
        """Return all audio messages so far."""
        connection = self.connection
        for at, size in connection.frames[len(self._heard) :]:
            end = self._size + size
            if len(connection.audio) < end:  # It has come, and is not yet there.
                break
            number = number_of(bytes(connection.audio[end - NUMBER.size : end]), 0)
            age = None if number is None else self.pace.age(number, at)
            self._heard.append(Heard(at, age, size / SAMPLE_BYTES / RATE))
            self._size = end
        return self._heard

    def now(self) -> float | None:
        """Return when the sound of now came first, if it did."""
        return next((heard.at for heard in self.heard() if heard.is_now), None)

    @property
    def over(self) -> bool:
        """Whether the microphone has said that this is all, or is gone."""
        return bool(self.connection.texts) or self.connection.closed is not None


class _Server(AssemblyAIServer):
    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.asked: list[float] = []

    def scenario(self) -> Scenario:
        """Asked for once with each request, before its connection is noted."""
        self.asked.append(time.monotonic())
        return super().scenario()


class Provider(InThread):
    """``with Provider() as provider``: serving. ``paces``: of each microphone, by name, once it is fed.

    ``speech``: a final every five seconds; else nobody says a word.
    """

    def __init__(self, *, speech: bool = True) -> None:
        self.paces: dict[str, Pace] = {}
        self._server = _Server(Scenario(script=SCRIPT if speech else (), sessions_per_minute=SESSIONS_A_MINUTE))
        super().__init__(self._server)
        self._calls: dict[str, list[Call]] = {}
        self._known = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1].partition("/")[0])

    def calls(self, microphone: str) -> list[Call]:
        """Return the microphone's connections so far, in order; to be asked for once it is fed."""
        with self._lock:
            for asked, connection in self._new():
                name = connection.query.get(CLIENT)
                if name is not None:
                    self._calls.setdefault(name, []).append(Call(asked, connection, self.paces[name]))
            return list(self._calls.get(microphone, ()))

    def _new(self) -> Iterator[tuple[float, Connection]]:
        connections = list(self._server.connections)
        yield from zip(self._server.asked[self._known :], connections[self._known :], strict=False)
        self._known = len(connections)
