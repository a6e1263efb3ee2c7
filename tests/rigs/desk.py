"""A microphone's speech without its capture: the real transcriber over real sockets to the stand-in for AssemblyAI."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from itertools import count, groupby
from typing import Any

import numpy as np

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog
from edgetx.audio.spoken import Detector, Spoken
from edgetx.audio.spoken_log import SpokenLog
from edgetx.config import Secret
from edgetx.provider_settings import AssemblyAISettings
from edgetx.speech import registry, websocket
from edgetx.speech.account import Account
from edgetx.speech.budget import Budget
from edgetx.speech.events import MicrophoneEvent, SpeechEvent, Transcript
from edgetx.speech.providers.assemblyai import AssemblyAI
from edgetx.speech.quota import Quota
from edgetx.speech.session import Limits, Opening, Provider, Wire, at_once
from edgetx.speech.timeline import Timeline
from edgetx.speech.transcriber import Transcriber
from tests.rigs.assemblyai_scenario import KEY, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer, Connection
from tests.rigs.hearing import bursts
from tests.rigs.opening import request_of

DEADLINE_SECONDS = 60
HOP = RATE // 100
"""The stand-in's words are true within a hop."""
TWO_WORDS = bursts(0.3, 0.4, 0.6, 0.5, 0.6)
CHUNK_BYTES = 3200


@dataclass(frozen=True)
class Impatient(AssemblyAI):
    """The provider, with less patience than it needs on the Internet; ``more`` replaces some of its limits."""

    more: dict[str, Any] = field(default_factory=dict)
    renewable: bool = False

    @property
    def limits(self) -> Limits:
        patience = {"open_seconds": 0.5, "drain_seconds": 0.5, "silent_seconds": 0.2, "session_seconds": None}
        return replace(super().limits, **patience | self.more)

    def opening(self) -> Opening:
        return at_once(replace(request_of(super().opening()), renewable=self.renewable))


@dataclass
class Desk:
    """A microphone without its capture: what is put into its log, and all that comes of it.

    Without a ``provider`` it is an `Impatient` at ``url``.
    """

    url: str = ""
    key: str = KEY
    keep_seconds: float = 60
    catch_up_seconds: float = float("inf")
    more: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    renewable: bool = False
    clock_synced: bool = False
    keepalive_seconds: float = 0.4
    """A busy machine may not get to a test for a while; one that it has left for twice this long takes no answer."""
    quota: Quota | None = None
    longest_sleep: float = 0.2
    provider: Provider | None = None
    detector: Detector | None = None
    close_after_seconds: float | None = None
    budget: Budget = field(default_factory=Budget)
    spoken: list[tuple[int, int | None]] = field(default_factory=list)
    delivered: list[SpeechEvent] = field(default_factory=list)
    reports: list[tuple[str, str]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        ids = count()
        self.log = AudioLog(keep_seconds=self.keep_seconds)
        if self.detector:
            self.log = SpokenLog(Spoken(self.detector, self.tell), keep_seconds=self.keep_seconds)
        timeline = Timeline(monotonic=time.monotonic, wall=time.time)
        timeline.observe(0, time.monotonic())
        self.account = Account(
            timeline=timeline,
            deliver=self.delivered.append,
            new_id=lambda: f"id{next(ids)}",
            clock_synced=lambda: self.clock_synced,
            provider="aai",
        )
        self.transcriber = Transcriber(
            provider=self.provider or self._impatient(),
            connect=registry.connect if self.provider else self._connect,
            log=self.log,
            account=self.account,
            catch_up_seconds=self.catch_up_seconds,
            report=lambda status, detail: self.reports.append((status, detail)),
            monotonic=time.monotonic,
            sleep=self.sleep,
            random=lambda: 0.5,
            quota=self.quota,
            close_after_seconds=self.close_after_seconds,
            budget=self.budget,
        )

    def _impatient(self) -> Provider:
        settings = AssemblyAISettings(Secret("text", self.key), url=self.url, **self.more)
        return Impatient("aai", settings, self.key, self.limits, self.renewable)

    def _connect(self, opening: Opening) -> AbstractAsyncContextManager[Wire]:
        return websocket.connect(request_of(opening), keepalive_seconds=self.keepalive_seconds)

    async def sleep(self, seconds: float) -> None:
        """Note how long is slept; sleep a moment at most."""
        self.slept.append(seconds)
        await asyncio.sleep(min(seconds, self.longest_sleep))

    def tell(self, start: int, end: int | None) -> None:
        """Note what the log's detector found."""
        self.spoken.append((start, end))

    def put(self, pcm: bytes, *, at: int | None = None) -> None:
        self.log.append(self.log.end if at is None else at, pcm)
        self.log.heard_at = time.monotonic()

    async def play(self, pcm: bytes, *, to_its_end: bool = True) -> None:
        """Put a recording into the log as a microphone would: in time, from another thread. Then end the log."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for at in range(0, len(pcm), CHUNK_BYTES):
            await asyncio.sleep(due - loop.time())
            due += CHUNK_BYTES / 2 / RATE
            await asyncio.to_thread(self.put, pcm[at : at + CHUNK_BYTES])
        if to_its_end:
            self.log.finish()

    @property
    def finals(self) -> list[Transcript]:
        return [event for event in self.delivered if isinstance(event, Transcript) and event.final]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event.data for event in self.delivered if isinstance(event, MicrophoneEvent) and event.name == name]

    def is_settled(self) -> bool:
        ledger = self.account.ledger
        return not ledger.owed(0, self.log.end) and sum(ledger.settled.values()) == self.log.end


def play(scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene on a loop of its own."""

    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await scene()

    asyncio.run(bounded())


def transcribe(
    *scenarios: Scenario, sound: bytes = TWO_WORDS, keep_seconds: float = 60
) -> tuple[Desk, list[Connection]]:
    """Transcribe a recording to its end; return the desk and the connections that the stand-in saw."""

    async def scene() -> tuple[Desk, list[Connection]]:
        async with asyncio.timeout(DEADLINE_SECONDS), AssemblyAIServer(*scenarios) as server:
            desk = Desk(server.url, keep_seconds=keep_seconds)
            for at in range(0, len(sound), CHUNK_BYTES):
                desk.put(sound[at : at + CHUNK_BYTES])
            desk.log.finish()
            await desk.transcriber.run()
        return desk, server.connections

    return asyncio.run(scene())


def assert_words_at(desk: Desk, *spans: tuple[float, float]) -> None:
    """Check that there is one final for each span of sound (seconds), where the sound was."""
    frames = [final.frames for final in desk.finals]
    assert len(frames) == len(spans)
    for (start, end), (first, last) in zip(frames, spans, strict=True):
        assert abs(start - first * RATE) <= HOP
        assert abs(end - last * RATE) <= HOP


def assert_every_sound_is_in_a_word(desk: Desk, sound: bytes) -> None:
    """Check that each hop of ``sound`` that is loud is in one word, but for words' edges."""
    loud = np.abs(np.frombuffer(sound, "<i2")[: len(sound) // 2 // HOP * HOP]).reshape(-1, HOP).max(axis=1) > 300
    (epoch,) = desk.account.timeline.utc((0,))
    heard = np.zeros(len(loud), int)
    for word in (word for final in desk.finals for word in final.words):
        first, last = (round((edge - epoch).total_seconds() * RATE / HOP) for edge in (word.start, word.end))
        heard[first:last] += 1
    assert _longest(loud & (heard == 0)) <= 2
    assert _longest(heard > 1) <= 2


def _longest(marks: np.ndarray) -> int:
    return max((len(list(run)) for is_marked, run in groupby(marks) if is_marked), default=0)
