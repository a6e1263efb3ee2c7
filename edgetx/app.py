"""The composition root: settings in, running services out. The only file that names concrete classes."""

import asyncio
import gc
import logging
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec

from edgetx import __version__, clock, systemd
from edgetx.audio.alsa import AlsaSource
from edgetx.audio.capture import Capture
from edgetx.audio.format import RATE, AudioFormat, Chunk
from edgetx.audio.held import Held
from edgetx.audio.log import AudioLog
from edgetx.audio.source import Source
from edgetx.audio.wav import WavSource
from edgetx.config import AlsaSettings, Config, MicrophoneSettings, WavSettings, reveal, without_secrets
from edgetx.errors import SettingsError
from edgetx.health import Health, one_line
from edgetx.microphone import Microphone, MicrophoneState
from edgetx.monitor import Monitor
from edgetx.mqtt.outbox import Outbox
from edgetx.mqtt.publisher import Publisher
from edgetx.mqtt.topics import Kind, Topics
from edgetx.speech import registry
from edgetx.speech.account import Account
from edgetx.speech.events import SpeechEvent, Transcript
from edgetx.speech.quota import Quota
from edgetx.speech.timeline import Timeline
from edgetx.speech.transcriber import Transcriber
from edgetx.supervisor import DaemonThreads, Service, supervise

logger = logging.getLogger("edgetx")

P = ParamSpec("P")

DRAIN_SECONDS = 4.5
FLUSH_SECONDS = 2.5
"""With two seconds for a session that has to be cut short, less than the ten in which the service stops."""
MODEL_FILE = Path("/proc/device-tree/model")


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that the settings name, revealed; ``api_keys`` by provider."""

    mqtt_password: str | None = field(repr=False)
    api_keys: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Daemon:
    """What the parts share."""

    config: Config
    secrets: Secrets
    health: Health
    topics: Topics
    outbox: Outbox
    publisher: Publisher
    quotas: Mapping[str, Quota]


def secrets_of(config: Config, environment: Mapping[str, str]) -> Secrets:
    """Fetch the secrets before anything is started. Raise SettingsError with every one that is not there."""
    named = {f"providers.{name}.api_key": getattr(config.providers[name], "api_key", None) for name in _used(config)}
    named["mqtt.password"] = config.mqtt.password
    revealed: dict[str, str] = {}
    faults: list[str] = []
    for where, secret in named.items():
        if secret is not None:
            try:
                revealed[where] = reveal(secret, environment, where=where)
            except SettingsError as error:
                faults += error.faults
    if faults:
        raise SettingsError(faults)
    keys = {name: revealed[where] for name in _used(config) if (where := f"providers.{name}.api_key") in revealed}
    return Secrets(revealed.get("mqtt.password"), keys)


async def run(config: Config, secrets: Secrets, environment: Mapping[str, str]) -> None:
    """Run the daemon until a signal comes or every recording has ended."""
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    notify = systemd.notifier(environment)
    services = build(config, secrets, notify=notify, watchdog_seconds=systemd.watchdog_seconds(environment))
    gc.freeze()  # What lives as long as the daemon need not be looked through again and again.
    await supervise(services, stopping=lambda: notify("STOPPING=1"))


def build(config: Config, secrets: Secrets, *, notify: systemd.Notify, watchdog_seconds: float | None) -> list[Service]:
    """Wire everything that runs; nothing is started."""
    health = Health(clock=time.monotonic)
    topics = Topics(config.mqtt.base_topic, config.device)
    outbox = Outbox()
    publisher = Publisher(
        settings=config.mqtt,
        password=secrets.mqtt_password,
        topics=topics,
        outbox=outbox,
        report=partial(_broker_reports, health),
        sleep=asyncio.sleep,
        random=random.random,
    )
    daemon = Daemon(config, secrets, health, topics, outbox, publisher, _quotas(config))
    publisher.put(topics.info(_info(config)))
    microphones = [_microphone(daemon, settings) for settings in config.microphones]
    monitor = Monitor(
        health=health,
        microphones=[microphone.state for microphone in microphones],
        publish_health=partial(_publish_health, daemon, time.monotonic()),
        notify=notify,
        watchdog_seconds=watchdog_seconds,
        clock=time.monotonic,
    )
    return [
        *(
            Service(f"microphone {m.name}", m.run, m.stop, stop_seconds=DRAIN_SECONDS, leading=True)
            for m in microphones
        ),
        Service("mqtt", publisher.run, partial(publisher.stop, FLUSH_SECONDS), stop_seconds=FLUSH_SECONDS),
        Service("monitor", monitor.run),
    ]


def _microphone(daemon: Daemon, settings: MicrophoneSettings) -> Microphone:
    log = AudioLog(keep_seconds=settings.keep.memory_seconds)
    account = Account(
        timeline=Timeline(monotonic=time.monotonic, wall=time.time),
        deliver=partial(_deliver, daemon, settings.name),
        new_id=lambda: uuid.uuid4().hex[:12],
        clock_synced=clock.synchronised,
        provider=settings.provider,
    )
    state = MicrophoneState(
        name=settings.name,
        log=log,
        account=account,
        health=daemon.health,
        publish_fields=lambda fields: daemon.publisher.put(daemon.topics.state(settings.name, fields)),
        log_line=logger.info,
    )
    transcriber = _transcriber(daemon, settings, log=log, account=account, state=state)
    capture = _capture(daemon, settings, log=log, state=state, transcriber=transcriber)
    return Microphone(settings.name, capture, log=log, transcriber=transcriber, state=state)


def _transcriber(
    daemon: Daemon, settings: MicrophoneSettings, *, log: AudioLog, account: Account, state: MicrophoneState
) -> Transcriber:
    name = settings.provider
    api_key = daemon.secrets.api_keys.get(name, "")
    return Transcriber(
        provider=registry.provider(name, daemon.config.providers[name], api_key=api_key),
        connect=registry.connect,
        log=log,
        account=account,
        catch_up_seconds=float("inf") if isinstance(settings.source, WavSettings) else settings.catch_up_seconds,
        report=state.provider_is,
        monotonic=time.monotonic,
        sleep=asyncio.sleep,
        random=random.random,
        quota=daemon.quotas.get(name),
    )


def _capture(
    daemon: Daemon, settings: MicrophoneSettings, *, log: AudioLog, state: MicrophoneState, transcriber: Transcriber
) -> Capture:
    loop = asyncio.get_running_loop()
    place, progress = state.account.timeline.observe, partial(daemon.health.progress, settings.name)

    def observe(frame: int, monotonic: float) -> None:
        place(frame, monotonic)
        progress()

    def make_source() -> Source:
        progress()  # Looking for a device that is not there is no hang; being stuck in opening it is.
        return _source(settings, lambda: (log.end - transcriber.position) / RATE, progress)

    return Capture(
        make_source=make_source,
        listen=settings.listen,
        log=log,
        clock=time.monotonic,
        random=random.random,
        observe=observe,
        report_gap=_on_loop(loop, state.lost),
        report_state=_on_loop(loop, state.capture_is),
        measure=_level_reporter(daemon, settings),
    )


def _on_loop(loop: asyncio.AbstractEventLoop, function: Callable[P, None]) -> Callable[P, None]:
    """Return ``function`` for use in another thread; a loop that is gone no longer wants to know."""

    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(partial(function, *args, **kwargs))

    return call


def _source(settings: MicrophoneSettings, lead_seconds: Callable[[], float], progress: Callable[[], None]) -> Source:
    source = settings.source
    if isinstance(source, AlsaSettings):
        return AlsaSource(source, time.monotonic)
    recording = WavSource(source, time.monotonic, time.sleep)
    return recording if source.pace == "realtime" else Held(recording, lead_seconds, waiting=progress)


def _deliver(daemon: Daemon, microphone: str, event: SpeechEvent) -> None:
    if isinstance(event, Transcript):
        daemon.publisher.put(daemon.topics.transcript(microphone, event))
    else:
        daemon.publisher.put(daemon.topics.event(microphone, event))


def _broker_reports(health: Health, status: str, detail: str) -> None:
    if health.report("mqtt", "broker", status=status, detail=detail):
        logger.info("broker: %s%s%s", status, ": " if detail else "", one_line(detail))


def _publish_health(daemon: Daemon, started: float, fields: dict[str, Any]) -> None:
    more: dict[str, Any] = {"uptime_seconds": round(time.monotonic() - started, 1), "version": __version__}
    dropped = {str(kind): daemon.outbox.dropped[kind] for kind in (Kind.FINAL, Kind.EVENT)}
    if any(dropped.values()):
        more["dropped"] = dropped
    daemon.publisher.put(daemon.topics.health(fields | more))


def _level_reporter(daemon: Daemon, settings: MicrophoneSettings) -> Callable[[AudioFormat, Chunk, bytes], None] | None:
    """Return what capture is to show each chunk to, in its thread, if levels are wanted."""
    if not settings.level_seconds:
        return None
    from edgetx.audio.level import Meter  # noqa: PLC0415  (numpy, for which most need not pay)

    put = _on_loop(asyncio.get_running_loop(), daemon.publisher.put)
    meter = Meter()
    due = time.monotonic()

    def measure(form: AudioFormat, chunk: Chunk, pcm: bytes) -> None:
        nonlocal due
        meter.feed(form, chunk, pcm=pcm)
        if (now := time.monotonic()) >= due:
            due = now + settings.level_seconds
            put(daemon.topics.level(settings.name, asdict(meter.read())))

    return measure


def _quotas(config: Config) -> dict[str, Quota]:
    """Return one for each provider whose settings limit its sessions: its microphones share the account."""
    allowed = {name: getattr(config.providers[name], "sessions_per_minute", None) for name in _used(config)}
    return {name: Quota(per_minute) for name, per_minute in allowed.items() if per_minute}


def _used(config: Config) -> set[str]:
    return {microphone.provider for microphone in config.microphones}


def _info(config: Config) -> dict[str, Any]:
    settings = without_secrets(config)
    return {
        "version": __version__,
        "model": MODEL_FILE.read_text().strip("\0\n") if MODEL_FILE.exists() else None,
        "microphones": settings["microphones"],
        "settings": settings,
    }
