"""Tries a provider for real: one second of silence through a session like any other, and a line on each step.

What is shown is whole sentences with what to do; never a secret, never a control character of the other side's.
"""

import asyncio
import json
import ssl
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from edgetx import clock
from edgetx.audio.format import FRAME_BYTES, RATE
from edgetx.audio.log import AudioLog
from edgetx.config import Config
from edgetx.doctor.network import ADDRESSES_SHOWN, resolved, touch
from edgetx.doctor.report import Finding, Report, Tell, Verdict, sentence
from edgetx.errors import Refused, TryAgain
from edgetx.provider_settings import LocalSettings
from edgetx.scalars import did_you_mean, one_of
from edgetx.secret import reveal
from edgetx.speech import registry
from edgetx.speech.account import Account
from edgetx.speech.backfill import Live, Seam
from edgetx.speech.conversation import Conversation
from edgetx.speech.events import MicrophoneEvent, SpeechEvent
from edgetx.speech.sent import Sent
from edgetx.speech.session import ProcessRequest, Provider, Wire
from edgetx.speech.timeline import Timeline
from edgetx.supervisor import DaemonThreads

SILENCE_SECONDS = 1.0
CHUNK_SECONDS = 0.1
WHOLE_SECONDS = 90.0
"""For all of it: a recogniser on a small device takes half a minute to read its model."""
_SECURE_PORT, _PLAIN_PORT = 443, 80

REMEDIES = {
    "address": "Is it spelt right, and has this device a network and a name server?",
    "connection": "Is the address right, is the service up, and does a firewall let it through?",
    "started": "",
    "authorised": "Check the key (api_key), the account that it belongs to, and the address.",
    "ready": "Check that the address is this provider's; if it is, try again later.",
    "heard": "Try again; if it stays so, the provider's words say why.",
    "closed": "Sound that it has already had may be sent to it twice.",
}


def chosen(config: Config, name: str | None, environment: Mapping[str, str]) -> list[Provider]:
    """Return the provider of that name, or all that microphones use.

    Raise Refused when there is none of that name, SettingsError when its key is not to be had.
    """
    there = {"local": LocalSettings(), **config.providers}
    names = [name] if name else sorted({microphone.provider for microphone in config.microphones})
    providers = []
    for wanted in names:
        if wanted not in there:
            known = did_you_mean(wanted, there) or f"; there is {one_of(sorted(there))}"
            raise Refused(f"{wanted!r} is not under 'providers' in the settings{known}")
        secret = getattr(there[wanted], "api_key", None)
        api_key = reveal(secret, environment, where=f"providers.{wanted}.api_key") if secret else ""
        providers.append(registry.provider(wanted, there[wanted], api_key=api_key))
    return providers


async def examine(providers: Sequence[Provider], *, show: Callable[[str], None]) -> bool:
    """Try each; return whether all went well."""
    asyncio.get_running_loop().set_default_executor(DaemonThreads())  # A resolver that hangs must not keep us.
    report = Report(show)
    for provider in providers:
        await Visit(provider, report.tell, stage=provider.name).run()
    return report.well


@dataclass(slots=True)
class Visit:
    """One provider, tried once."""

    provider: Provider
    tell: Tell
    stage: str
    _step: str = "address"
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _log: AudioLog = field(default_factory=lambda: AudioLog(keep_seconds=10))
    _closed: dict[str, Any] | None = None
    _began: float = 0.0

    async def run(self) -> bool:
        """Go through all steps, or until one fails; return whether all went well."""
        self._began = time.monotonic()
        try:
            if address := _address(self.provider):
                await self._reach(address)
            self._step = "authorised" if address else "started"
            async with asyncio.timeout(WHOLE_SECONDS):
                await self._converse()
        except TimeoutError:
            self._failed(TryAgain(f"This step was not done after {WHOLE_SECONDS:g} s."))
            return False
        except (TryAgain, Refused) as trouble:
            self._failed(trouble)
            return False
        self._tell_heard()
        self._ok("closed", "As agreed.")
        return True

    async def _reach(self, address: SplitResult) -> None:
        host, secure = address.hostname or "", address.scheme in {"wss", "https"}
        port = address.port or (_SECURE_PORT if secure else _PLAIN_PORT)
        found = await resolved(host, port)
        self._ok("address", f"{host} is {', '.join(found[:ADDRESSES_SHOWN])}.")
        self._step = "connection"
        began = time.monotonic()
        await touch(host, port, ssl.create_default_context() if secure else None)
        how = "TCP and TLS" if secure else "TCP, without encryption,"
        self._ok("connection", f"{how} to port {port} after {time.monotonic() - began:.2f} s.")

    async def _converse(self) -> None:
        async with registry.connect(self.provider.opening()) as wire:
            feeding = asyncio.create_task(self._feed())
            try:
                await self._conversation(wire).run()
            finally:
                feeding.cancel()

    def _conversation(self, wire: Wire) -> Conversation:
        timeline = Timeline(monotonic=time.monotonic, wall=time.time)
        timeline.observe(0, time.monotonic())
        account = Account(
            timeline=timeline,
            deliver=self._deliver,
            new_id=lambda: uuid.uuid4().hex[:12],
            clock_synced=clock.synchronised,
            provider=self.provider.name,
        )
        return Conversation(
            id=account.new_id(),
            session=self.provider.session(),
            wire=wire,
            limits=self.provider.limits,
            log=self._log,
            reader=self._log,
            account=account,
            sent=Sent(),
            course=Live(Seam(account.ledger)),
            ready=self._is_ready,
            healthy=lambda: None,
            monotonic=time.monotonic,
            sleep=asyncio.sleep,
        )

    async def _feed(self) -> None:
        """Be the microphone of a quiet room, as fast as a microphone is."""
        await self._ready.wait()
        chunk = bytes(round(CHUNK_SECONDS * RATE) * FRAME_BYTES)
        while self._log.end < SILENCE_SECONDS * RATE:
            await asyncio.sleep(CHUNK_SECONDS)
            self._log.append(self._log.end, chunk)
        self._log.finish()

    def _is_ready(self) -> None:
        if self._step == "started":
            self._ok("started", "The recogniser runs in a process of its own.")
        else:
            self._ok("authorised", "The provider lets us in.")
        self._ok("ready", f"For sound, {time.monotonic() - self._began:.2f} s after the beginning.")
        self._step = "heard"
        self._ready.set()

    def _deliver(self, event: SpeechEvent) -> None:
        if not isinstance(event, MicrophoneEvent):
            return
        if event.name == "session_closed":
            self._closed = event.data
        elif event.name == "provider":
            told = {name: value for name, value in event.data.items() if name not in {"session", "provider"}}
            self._line("", Verdict.NOTE, f"It says: {json.dumps(told, ensure_ascii=False)}")

    def _tell_heard(self) -> None:
        closed = self._closed or {}
        sent, proven = closed.get("audio_seconds", 0.0), closed.get("acknowledged_seconds", 0.0)
        heard = f"{proven:.1f} s of it acknowledged" if proven else "of which this provider acknowledges nothing"
        self._ok("heard", f"{sent:.1f} s of silence sent, {heard}.")

    def _failed(self, trouble: TryAgain | Refused) -> None:
        step = self._step
        if step == "authorised" and isinstance(trouble, TryAgain) and trouble.tries is None:
            step = "ready"
        if step == "heard" and self._closed and self._closed["audio_seconds"] >= SILENCE_SECONDS:
            self._tell_heard()
            step = "closed"
        self._line(step, Verdict.FAILED, sentence(trouble), REMEDIES[step])

    def _ok(self, step: str, words: str) -> None:
        self._line(step, Verdict.OK, words)

    def _line(self, step: str, verdict: Verdict, words: str, remedy: str = "") -> None:
        self.tell(Finding(self.stage, step, verdict, words, remedy))


def _address(provider: Provider) -> SplitResult | None:
    """Return the first address that the provider's way to a connection needs, without going there; None: none."""
    with closing(provider.opening()) as opening:
        try:
            return urlsplit(next(opening).url)
        except StopIteration as end:
            return None if isinstance(end.value, ProcessRequest) else urlsplit(end.value.url)
