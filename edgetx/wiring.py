"""Wires one microphone, from its source to the outbox: the part of the composition root that a reload makes anew."""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec

from edgetx import clock, gating
from edgetx.audio.arrangement import Arrangement
from edgetx.audio.capture import Capture
from edgetx.audio.format import RATE
from edgetx.audio.heard import Bearing, Remark
from edgetx.audio.held import Held
from edgetx.audio.keeper import Keeper
from edgetx.audio.keeping import Range, Rules
from edgetx.audio.kept import Kept
from edgetx.audio.log import AudioLog, Reader
from edgetx.audio.source import Source
from edgetx.audio.spool import Spool
from edgetx.audio.wav import WavSource
from edgetx.config import AlsaSettings, MicrophoneSettings, WavSettings
from edgetx.daemon import Daemon, part_reports
from edgetx.health import one_line
from edgetx.levels import level_reporter
from edgetx.log import about
from edgetx.microphone import Microphone, MicrophoneState
from edgetx.restart import Remembered, capture_of, carry_on, recover, remember
from edgetx.speech import registry
from edgetx.speech.account import Account
from edgetx.speech.budget import Budget
from edgetx.speech.events import MicrophoneEvent, SpeechEvent, Transcript
from edgetx.speech.keyless import Keyless
from edgetx.speech.ledger import Ledger
from edgetx.speech.timeline import Timeline
from edgetx.speech.transcriber import Transcriber

logger = logging.getLogger("edgetx")

P = ParamSpec("P")

SHOWN_LETTERS = 300
SOUND_SECONDS = 7 * 86_400.0
"""Sound that nobody would transcribe for so long is given up."""


def new_microphone(daemon: Daemon, settings: MicrophoneSettings) -> Microphone:
    """Return a microphone that goes on where one of this name was before, in this run of the daemon or the last."""
    timeline = Timeline(monotonic=time.monotonic, wall=time.time)
    ledger = Ledger(partial(daemon.state.changed, settings.name))
    spool = _spool(daemon, settings.name, timeline)
    remembered = daemon.remembered.get(settings.name)
    if remembered is None and (remembered := known_of(spool)):
        logger.warning(
            "%s: what was known of the sound on disk is lost; all of it is transcribed, some of it perhaps again",
            settings.name,
        )
    now = clock.now()
    first = carry_on(remembered, timeline, ledger, now=now, at_least=spool.end)
    changed = partial(daemon.state.changed_now, settings.name)
    budget = gating.new_budget(settings, remembered, now=now, changed=changed)
    account = new_account(daemon, settings.name, timeline, ledger=ledger, provider=settings.provider)
    tell = _on_loop(asyncio.get_running_loop(), lambda *speech: state.spoke(*speech))  # noqa: PLW0108  (to be made yet)
    log = gating.new_log(settings, start=first, tell=tell)
    daemon.state.follow(settings.name, lambda: remember(log, timeline, ledger, now=clock.now(), budget=budget))
    state = MicrophoneState(
        name=settings.name,
        log=log,
        account=account,
        health=daemon.health,
        publish_fields=partial(_show_state, daemon, settings.name),
        log_line=_log_line(settings),
        muted=daemon.mutes.wanted(settings.name),
        minutes=partial(gating.session_minutes, budget),
    )
    transcriber = _transcriber(daemon, settings, Kept(log, spool), state=state, budget=budget)
    capture = _capture(daemon, settings, log=log, since=now.monotonic, state=state, transcriber=transcriber)
    keeper = _keeper(daemon, settings, spool, log=log, state=state, owed=transcriber.owed)
    return Microphone(settings.name, capture, log=log, transcriber=transcriber, state=state, keeper=keeper)


def new_account(daemon: Daemon, name: str, timeline: Timeline, *, ledger: Ledger, provider: str = "") -> Account:
    """Return the account of a microphone, which publishes under its name."""
    return Account(
        timeline=timeline,
        deliver=partial(_deliver, daemon, name),
        new_id=lambda: uuid.uuid4().hex[:12],
        clock_synced=clock.synchronised,
        provider=provider,
        ledger=ledger,
    )


def sound_folder(daemon: Daemon) -> Path:
    """Where each microphone's sound has a folder of its name."""
    return daemon.folder / "audio"


def known_of(spool: Spool) -> Remembered | None:
    """Return what sound on disk tells of itself, for a microphone of which nothing else is known."""
    if not spool.segments:
        return None
    return recover(spool.segments, spool.moment_of(spool.end) or clock.now())


def _spool(daemon: Daemon, name: str, timeline: Timeline) -> Spool:
    """Return the sound that the last run left on disk."""
    spool = Spool(
        sound_folder(daemon) / name,
        sync=daemon.config.state.durability == "power",
        captured=lambda frame: capture_of(frame, timeline, now=clock.now()),
    )
    spool.open()
    return spool


def _keeper(
    daemon: Daemon,
    settings: MicrophoneSettings,
    spool: Spool,
    *,
    log: AudioLog,
    state: MicrophoneState,
    owed: Callable[[int, int], list[Range]],
) -> Keeper:
    keep = settings.keep
    return Keeper(
        log=log,
        spool=spool,
        rules=Rules.of(
            memory_seconds=keep.memory_seconds, max_bytes=keep.disk_megabytes * 10**6, max_age_seconds=SOUND_SECONDS
        ),
        owed=owed,
        lose=state.lost,
        report=partial(part_reports, daemon.health, "state", sound_of(settings.name), microphone=settings.name),
        sleep=asyncio.sleep,
        written=partial(_owed_after_restart, daemon, settings.name),
        commit=daemon.state.commit,
    )


def sound_of(name: str) -> str:
    """Return the part of the health that a microphone's kept sound is."""
    return f"sound of {name}"


def _owed_after_restart(daemon: Daemon, name: str, start: int, end: int) -> list[Range]:
    kept = daemon.state.kept(name)
    return kept.balance.owed(start, end) if kept else [(start, end)]


def _transcriber(
    daemon: Daemon, settings: MicrophoneSettings, reader: Reader, *, state: MicrophoneState, budget: Budget
) -> Transcriber:
    name = settings.provider
    api_key = daemon.secrets.api_keys.get(name, "")
    provider = registry.provider(name, daemon.config.providers[name], api_key=api_key)
    missing = daemon.secrets.missing_key(name)
    return Transcriber(
        provider=Keyless(provider, missing) if missing else provider,
        connect=partial(registry.connect, log_line=_log_line(settings)),
        log=state.log,
        reader=reader,
        account=state.account,
        catch_up_seconds=float("inf") if isinstance(settings.source, WavSettings) else settings.catch_up_seconds,
        report=state.provider_is,
        monotonic=time.monotonic,
        sleep=asyncio.sleep,
        random=random.random,
        quota=daemon.quotas.get(name),
        close_after_seconds=settings.close_after_seconds if settings.gate == "close-when-silent" else None,
        budget=budget,
    )


def _capture(
    daemon: Daemon,
    settings: MicrophoneSettings,
    *,
    log: AudioLog,
    since: float,
    state: MicrophoneState,
    transcriber: Transcriber,
) -> Capture:
    loop = asyncio.get_running_loop()
    arrangement = _arrangement(settings)
    show = _on_loop(loop, partial(_show_level, daemon, state))
    place, progress = state.account.timeline.observe, partial(daemon.health.progress, settings.name)

    def observe(frame: int, monotonic: float) -> None:
        place(frame, monotonic)
        progress()

    def make_source() -> Source:
        progress()  # Looking for a device that is not there is no hang; being stuck in opening it is.
        return _source(settings, arrangement, lambda: (log.end - transcriber.position) / RATE, waiting=progress)

    return Capture(
        make_source=make_source,
        make_ears=arrangement.front_end,
        describe=arrangement.described,
        log=log,
        since=since,
        clock=time.monotonic,
        random=random.random,
        observe=observe,
        report_gap=_on_loop(loop, state.lost),
        report_state=gating.resting(log, _on_loop(loop, state.capture_is)),
        measure=level_reporter(settings.level_seconds, show, clock=time.monotonic, listened=arrangement.listened),
        spatial=_on_loop(loop, partial(_array_tells, arrangement, state)),
        silent_seconds=settings.silent_seconds if isinstance(settings.source, AlsaSettings) else 0.0,
        muted=state.muted,
    )


def _show_level(daemon: Daemon, state: MicrophoneState, fields: dict[str, Any]) -> None:
    """Publish how loud it is and, of an array, where somebody has spoken in the last second."""
    end = state.log.end
    direction = state.account.directions.of(end - RATE, end)
    shown = {"direction": direction.fields()} if direction else {}
    daemon.publisher.put(daemon.topics.level(state.name, fields | shown))


def _array_tells(
    arrangement: Arrangement, state: MicrophoneState, bearings: tuple[Bearing, ...], remarks: tuple[Remark, ...]
) -> None:
    state.account.directions.cone = arrangement.board is not None and arrangement.board.linear
    state.heard(bearings, remarks)


def _arrangement(settings: MicrophoneSettings) -> Arrangement:
    log_line = _log_line(settings)
    return Arrangement(
        settings.array,
        settings.listen,
        tell=lambda sentence: log_line(f"{settings.name}: {sentence}"),
        clock=time.monotonic,
    )


def _on_loop(loop: asyncio.AbstractEventLoop, function: Callable[P, None]) -> Callable[P, None]:
    """Return ``function`` for use in another thread; a loop that is gone no longer wants to know."""

    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(partial(function, *args, **kwargs))

    return call


def _source(
    settings: MicrophoneSettings,
    arrangement: Arrangement,
    lead_seconds: Callable[[], float],
    *,
    waiting: Callable[[], None],
) -> Source:
    source = settings.source
    if isinstance(source, AlsaSettings):
        return arrangement.device(source)
    recording = WavSource(source, time.monotonic, time.sleep)
    return recording if source.pace == "realtime" else Held(recording, lead_seconds, waiting=waiting)


def _show_state(daemon: Daemon, microphone: str, fields: dict[str, Any]) -> None:
    daemon.publisher.put(daemon.topics.state(microphone, fields))
    daemon.moved.set()


def _deliver(daemon: Daemon, microphone: str, event: SpeechEvent) -> None:
    if isinstance(event, Transcript):
        daemon.publisher.put(daemon.topics.transcript(microphone, event))
    else:
        daemon.publisher.put(daemon.topics.event(microphone, event))
        _log_session(microphone, event)


def _log_session(microphone: str, event: MicrophoneEvent) -> None:
    """Log where a session begins and ends, by its id: what a provider's support asks for."""
    data = event.data
    if event.name == "session_opened":
        more = f" ({one_line(str(data['provider_id']))})" if data.get("provider_id") else ""
        told = f"opened with {data['provider']}{more}"
    elif event.name == "session_closed":
        told = f"with {data['provider']} closed after {data['seconds']:g} s: {one_line(str(data['reason']))}"
    else:
        return
    extra = about(microphone=microphone, provider=data["provider"], session=data["session"])
    logger.info("%s: session %s %s", microphone, data["session"], told[:SHOWN_LETTERS], extra=extra)


def _log_line(settings: MicrophoneSettings) -> Callable[[str], None]:
    """Return what takes a sentence for the log on this microphone and its provider."""
    return partial(logger.info, "%s", extra=about(microphone=settings.name, provider=settings.provider))
