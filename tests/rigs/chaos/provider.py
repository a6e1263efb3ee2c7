"""The stand-in for AssemblyAI with `Ears`, on a thread of its own, and what it knows when all is over."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.rigs.assemblyai_scenario import Fault, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer, Connection
from tests.rigs.in_thread import START_SECONDS, InThread
from tests.rigs.told_seconds import Ears

SURE_SECONDS = 0.5
"""Sound that came so long after a final shows that the connection still worked then, and the final arrived."""
PLAIN = Scenario(hearing=Ears, twin_finals=True)


@dataclass(frozen=True, slots=True)
class Final:
    """A turn that the provider ended. ``sure``: its session went on, so that the daemon must have it."""

    provider_id: str
    turn: int
    text: str
    at: float
    sure: bool


class _Server(AssemblyAIServer):
    """``plan``: how the next connections go, in order; then all as ``usual``."""

    def __init__(self, usual: Scenario) -> None:
        super().__init__(usual)
        self.usual = usual
        self.plan: list[Scenario] = []

    def scenario(self) -> Scenario:
        return self.plan.pop(0) if self.plan else self.usual


class Provider(InThread):
    """``with Provider(speed=10) as provider``: serving. ``speed``: simulated seconds a second, of its limits."""

    def __init__(self, *, speed: float = 1.0) -> None:
        rate, burst = PLAIN.rate * speed, PLAIN.burst_seconds
        usual = replace(PLAIN, rate=rate, burst_seconds=burst, sessions_per_minute=round(100 * speed))
        self.server = _Server(usual)
        super().__init__(self.server)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server._port

    @property
    def usual(self) -> Scenario:
        """How a connection goes that nothing else was planned for."""
        return self.server.usual

    @property
    def connections(self) -> list[Connection]:
        """All that came, oldest first."""
        return list(self.server.connections)

    def next(self, **changes: Any) -> None:
        """Plan how the connection after those that are planned goes: as usual, but for ``changes``."""
        self.server.plan.append(replace(self.usual, **changes))

    def from_now_on(self, **changes: Any) -> None:
        """Let all further connections go so."""
        self.server.plan.clear()
        self.server.usual = replace(self.server.usual, **changes)

    def refuse(self, fault: Fault | None) -> None:
        """Let all further connections go wrong; None: well again."""
        self.from_now_on(fault=fault or Fault.NONE)

    def finals(self) -> list[Final]:
        """What it made of the sound, in the order in which it said it."""
        found = [final for connection in self.connections for final in _finals(connection)]
        return sorted(found, key=lambda final: final.at)

    def ask(self, question: Callable[[], Any]) -> Any:
        """Return what ``question`` returns on the provider's thread."""

        async def answer() -> Any:
            return question()

        return asyncio.run_coroutine_threadsafe(answer(), self.loop).result(START_SECONDS)


def _finals(connection: Connection) -> Iterator[Final]:
    begun = [message["id"] for _, message in connection.sent if message["type"] == "Begin"]
    last = connection.frames[-1][0] if connection.frames else 0.0
    clean = connection.closed is not None and connection.closed[0] == 1000
    said: dict[int, tuple[float, str]] = {}
    for at, message in list(connection.sent):
        if message["type"] == "Turn" and message["end_of_turn"]:
            said.setdefault(message["turn_order"], (at, message["transcript"]))
    for turn, (at, text) in said.items():
        yield Final(begun[0] if begun else "", turn, text, at, sure=clean or last - at > SURE_SECONDS)
