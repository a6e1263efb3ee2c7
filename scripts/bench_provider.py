"""The provider that both clients talk to: the tests' stand-in for AssemblyAI, in a process of its own.

    python bench_provider.py STARTS RECORD

prints its address; then, for each of the first STARTS connections, one JSON line once audio has come over it:
{"client": name, "first": when}. On SIGTERM it writes to RECORD, for every connection, who it was and when each period
came (see `stamping`), and when each final was sent. All times are CLOCK_MONOTONIC.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parent
sys.path[:0] = [str(SCRIPTS), str(SCRIPTS.parent), str(SCRIPTS / "lib")]

from stamping import Arrivals, StampingListener  # noqa: E402

from tests.rigs.assemblyai_scenario import Scenario  # noqa: E402
from tests.rigs.assemblyai_server import AssemblyAIServer, Connection  # noqa: E402

LOOK_SECONDS = 0.005
HOURS = 2
TURN_MS = 5000
"""Somebody talks all the time, in utterances of five seconds."""
WORDS = ("please", "turn", "the", "kitchen", "light", "on")


def final(order: int) -> dict[str, Any]:
    """What a provider says at the end of each turn: seven words, spoken within its last second."""
    spoken = [*WORDS, f"number{order}"]
    start = (order + 1) * TURN_MS - 1000
    return {
        "type": "Turn",
        "turn_order": order,
        "turn_is_formatted": True,
        "end_of_turn": True,
        "transcript": " ".join(spoken),
        "end_of_turn_confidence": 0.9,
        "words": [
            {
                "start": start + 100 * n,
                "end": start + 100 * n + 90,
                "text": word,
                "confidence": 0.9,
                "word_is_final": True,
            }
            for n, word in enumerate(spoken)
        ],
        "utterance": " ".join(spoken),
    }


SCRIPT = tuple((float(TURN_MS * (order + 1)), final(order)) for order in range(HOURS * 3_600_000 // TURN_MS))


def name(agent: str) -> str:
    return "edgetx" if agent.startswith("edgetx/") else "official"


async def announce(listener: StampingListener, starts: int) -> None:
    """Tell of the first audio of the first ``starts`` connections; nothing polls after that."""
    for index in range(starts):
        while len(listener.connections) <= index or not listener.connections[index].periods:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)  # The time of what came is the kernel's: looking later harms nothing.
        arrivals = listener.connections[index]
        print(json.dumps({"client": name(arrivals.agent), "first": arrivals.periods[0][1]}), flush=True)


async def serve(listener: StampingListener, starts: int) -> list[Connection]:
    """Serve until SIGTERM; return all that connected."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with AssemblyAIServer(Scenario(script=SCRIPT), listener=listener) as server:
        print(server.url, flush=True)
        telling = asyncio.create_task(announce(listener, starts))
        await over.wait()
        telling.cancel()
    return server.connections


def record(arrivals: list[Arrivals], connections: list[Connection]) -> dict[str, Any]:
    return {
        "arrivals": [{"client": name(each.agent), "periods": each.periods} for each in arrivals],
        "finals": [
            {
                "client": name(each.headers.get("User-Agent", "")),
                "sent": [(message["transcript"], when) for when, message in each.sent if message["type"] == "Turn"],
            }
            for each in connections
        ],
    }


def main() -> None:
    starts, path = sys.argv[1:]
    listener = StampingListener()
    connections = asyncio.run(serve(listener, int(starts)))
    Path(path).write_text(json.dumps(record(listener.connections, connections)))


if __name__ == "__main__":
    main()
