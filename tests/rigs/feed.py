"""Microphones that are spoken into all the time, and a stand-in for a provider that shares the test's process."""

import asyncio
import random
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rigs.assemblyai_scenario import Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.microphones import PERIOD_SECONDS, FifoMicrophone

PERIOD_BYTES = round(PERIOD_SECONDS * 16_000) * 2
"""Less than what a pipe takes whole."""


class Feed:
    """Noise, no two periods alike, into a FIFO microphone in real time; ``played`` is all that was handed over."""

    def __init__(self, microphone: FifoMicrophone, seed: int) -> None:
        self._microphone = microphone
        self._noise = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.played = bytearray()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due = max(due + PERIOD_SECONDS, time.monotonic() - 1)
            if select.select([], [self._microphone._end], [], PERIOD_SECONDS)[1]:
                period = self._noise.randbytes(PERIOD_BYTES)
                self.played += period  # First: who compares must not find more than this.
                self._microphone.write(period)


@contextmanager
def fed_microphones(folder: Path, *names: str) -> Iterator[tuple[dict[str, Feed], dict[str, str]]]:
    """ALSA devices of these names, each with its feed; yields the feeds and the environment for the daemon."""
    feeds: dict[str, Feed] = {}
    microphones = []
    configuration = ""
    for seed, name in enumerate(names):
        (folder / name).mkdir()
        microphone = FifoMicrophone(folder / name)
        microphone.open()
        microphones.append(microphone)
        feeds[name] = Feed(microphone, seed)
        reading = f'file /dev/null infile "{microphone.fifo}" format raw'
        configuration += f"pcm.{name} {{ type file slave.pcm {{ type null }} {reading} }}\n"
    (folder / "feeds.conf").write_text(configuration)
    try:
        for feed in feeds.values():
            feed.start()
        yield feeds, {"ALSA_CONFIG_PATH": str(folder / "feeds.conf")}
    finally:
        for feed in feeds.values():
            feed.stop()
        for microphone in microphones:
            microphone.close()


@contextmanager
def assemblyai_in_a_thread(*scenarios: Scenario) -> Iterator[AssemblyAIServer]:
    """The stand-in for AssemblyAI on a loop of its own; what it has heard can be looked at meanwhile."""
    started: threading.Event = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()
    server = AssemblyAIServer(*scenarios)

    async def serve() -> None:
        async with server:
            started.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10)
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
