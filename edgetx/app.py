"""The composition root: settings in, running services out. The only file that names concrete classes."""

import asyncio
import gc
import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec

from edgetx import __version__, reload_note, systemd
from edgetx.audio.hotplug import HotPlug
from edgetx.config import Config, without_secrets
from edgetx.control import obey
from edgetx.daemon import Daemon, part_reports, warn_of_renamed
from edgetx.health import Health
from edgetx.keys import Secrets, used_providers
from edgetx.leftovers import Leftovers
from edgetx.monitor import Monitor
from edgetx.mqtt.hearing import Hearing
from edgetx.mqtt.outbox import Outbox
from edgetx.mqtt.publisher import Publisher
from edgetx.mqtt.topics import Kind, Topics
from edgetx.mutes import Mutes
from edgetx.plans import BrokerPlan, MicrophonePlan, Settings, broker_plans, fixed_settings, microphone_plans
from edgetx.reload import Reload
from edgetx.roster import Roster
from edgetx.speech.quota import Quota
from edgetx.state import State
from edgetx.store import Store
from edgetx.supervisor import DaemonThreads, Service, supervise
from edgetx.wiring import new_microphone, sound_of

logger = logging.getLogger("edgetx")

P = ParamSpec("P")

DRAIN_SECONDS = 4.5
CUT_SECONDS = 2.0
"""For a session that has to be cut short."""
FLUSH_SECONDS = 2.0
SAVE_SECONDS = 0.8
SPARE_SECONDS = 0.2
"""All five together are less than the ten in which the service stops."""
MODEL_FILE = Path("/proc/device-tree/model")


async def run(read_settings: Callable[[], Settings], environment: Mapping[str, str]) -> None:
    """Run the daemon until a signal comes or every recording has ended. Raise SettingsError before all else."""
    config, secrets = read_settings()
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    notify = systemd.notifier(environment)
    daemon = await _daemon(config, secrets, environment)
    warn_of_renamed(daemon, daemon.remembered)
    services, reload = build(daemon, read_settings, notify=notify, environment=environment)

    def stopping() -> None:
        reload.leave()
        notify("STOPPING=1")

    gc.freeze()  # What lives as long as the daemon need not be looked through again and again.
    # To a program in a terminal SIGHUP says that the terminal is gone: it stops, as anybody would expect.
    await supervise(services, stopping=stopping, reload=None if os.isatty(0) else reload.ask)


async def _daemon(config: Config, secrets: Secrets, environment: Mapping[str, str]) -> Daemon:
    """Read what the last run left, and return what the parts share."""
    health = Health(clock=time.monotonic)
    folder = systemd.state_folder(environment)
    store = Store(folder, config.state.durability)
    state = State(store, report=partial(part_reports, health, "state", "file"))
    known = await state.open()
    outbox = Outbox(journal=state)
    outbox.dropped.update(known.given_up)
    outbox.restore(known.rows)
    mutes = Mutes(folder, report=partial(part_reports, health, "state", "mutes"))
    return Daemon(config, secrets, health, outbox, state, folder, dict(known.microphones), _quotas(config, {}), mutes)


def build(
    daemon: Daemon, read_settings: Callable[[], Settings], *, notify: systemd.Notify, environment: Mapping[str, str]
) -> tuple[list[Service], Reload[Settings]]:
    """Wire everything that runs; nothing is started but the state."""
    daemon.state.saved = daemon.saved
    brokers = Roster(partial(_mqtt_service, daemon), left=partial(_broker_left, daemon))
    brokers.enrol(broker_plans((daemon.config, daemon.secrets)))  # First: this makes the publisher.
    microphones = Roster(partial(_microphone_service, daemon), left=partial(_microphone_left, daemon))
    microphones.enrol(microphone_plans((daemon.config, daemon.secrets)))
    daemon.publisher.put(daemon.topics.info(_info(daemon.config)))
    monitor = Monitor(
        health=daemon.health,
        microphones=daemon.states,
        publish_health=partial(_publish_health, daemon, time.monotonic()),
        notify=notify,
        watchdog_seconds=systemd.watchdog_seconds(environment),
        clock=time.monotonic,
    )
    reload = Reload(
        read=read_settings,
        apply=partial(_apply, daemon, microphones, brokers),
        health=daemon.health,
        tell=monitor.tell,
        notify=notify,
        monotonic_ns=time.monotonic_ns,
        answer=partial(reload_note.leave, systemd.runtime_folder(environment)),
    )
    services = [
        Service(
            "microphones", microphones.run, microphones.stop, stop_seconds=DRAIN_SECONDS + CUT_SECONDS, leading=True
        ),
        Service("brokers", brokers.run, brokers.stop, stop_seconds=FLUSH_SECONDS + SPARE_SECONDS),
        Service("state", partial(daemon.state.run, daemon.put), daemon.state.stop, stop_seconds=SAVE_SECONDS),
        Service("monitor", monitor.run),
        Service("leftovers", Leftovers(daemon).run),
        Service("hot-plug", HotPlug(partial(_look_again, daemon)).run),
        Service("reload", reload.run),
    ]
    return services, reload


async def _apply(
    daemon: Daemon, microphones: Roster[MicrophonePlan], brokers: Roster[BrokerPlan], settings: Settings
) -> list[str]:
    """Apply changed settings: what their change does not touch goes on. Last words go where they belonged.

    Return the settings that wait for the next start.
    """
    known = {*daemon.microphones, *daemon.remembered}
    config, daemon.secrets = settings
    waiting = fixed_settings(daemon.config, config)
    daemon.config = replace(config, state=daemon.config.state)
    daemon.quotas = _quotas(daemon.config, daemon.quotas)
    warn_of_renamed(daemon, known)
    if await microphones.apply(microphone_plans(settings)) and await brokers.apply(broker_plans(settings)):
        daemon.publisher.put(daemon.topics.info(_info(daemon.config)))
    return waiting


def _mqtt_service(daemon: Daemon, plan: BrokerPlan) -> Service:
    topics = Topics(plan.settings.base_topic, plan.device)
    daemon.publisher = publisher = Publisher(
        settings=plan.settings,
        password=plan.password,
        missing=plan.missing_password,
        topics=topics,
        hearing=_hearing(daemon, topics),
        outbox=daemon.outbox,
        report=partial(part_reports, daemon.health, "mqtt", "broker"),
        sleep=asyncio.sleep,
        random=random.random,
    )
    return Service("mqtt", publisher.run, partial(publisher.stop, FLUSH_SECONDS), stop_seconds=FLUSH_SECONDS)


def _hearing(daemon: Daemon, topics: Topics) -> Hearing:
    daemon.health.report("mqtt", "requests", status="idle")  # Before the broker, whose trouble is the greater one.
    return Hearing(
        topics,
        obey=partial(obey, daemon),
        put=daemon.put,
        report=partial(part_reports, daemon.health, "mqtt", "requests"),
        warn=logger.warning,
        clock=time.monotonic,
    )


def _broker_left(daemon: Daemon, plan: BrokerPlan) -> None:
    if (plan.device, plan.settings.base_topic) != (daemon.config.device, daemon.config.mqtt.base_topic):
        daemon.outbox.forget_retained()


def _microphone_service(daemon: Daemon, plan: MicrophonePlan) -> Service:
    microphone = new_microphone(daemon, plan.settings)
    daemon.microphones[microphone.name] = microphone
    name = f"microphone {microphone.name}"
    return Service(name, microphone.run, microphone.stop, stop_seconds=DRAIN_SECONDS, microphone=microphone.name)


def _microphone_left(daemon: Daemon, plan: MicrophonePlan) -> None:
    name = plan.settings.name
    microphone = daemon.microphones.pop(name)
    if microphone.is_stuck:
        # Another capture would find the device taken, by us, for ever, and its attempts would feed the watchdog.
        raise RuntimeError(f"The driver of {name} does not let go of its device: the daemon has to start anew.")
    microphone.state.leave()
    daemon.health.forget("state", sound_of(name))
    daemon.remembered[name] = known = daemon.state.recall(name)
    daemon.state.follow(name, lambda: known)


def _look_again(daemon: Daemon) -> None:
    for microphone in daemon.microphones.values():
        microphone.capture.look_again()


def _publish_health(daemon: Daemon, started: float, fields: dict[str, Any]) -> None:
    more: dict[str, Any] = {"uptime_seconds": round(time.monotonic() - started, 1), "version": __version__}
    dropped = {str(kind): daemon.outbox.dropped[kind] for kind in (Kind.FINAL, Kind.EVENT)}
    if any(dropped.values()):
        more["dropped"] = dropped
    daemon.publisher.put(daemon.topics.health(fields | more))


def _quotas(config: Config, before: Mapping[str, Quota]) -> dict[str, Quota]:
    """Return one for each provider whose settings limit its sessions: its microphones share the account.

    One from ``before`` the reload goes on: the account has not forgotten its sessions either.
    """
    allowed = {name: getattr(config.providers[name], "sessions_per_minute", None) for name in used_providers(config)}
    quotas = {name: Quota(per_minute) for name, per_minute in allowed.items() if per_minute}
    same = {name: before[name] for name in quotas.keys() & before.keys() if before[name].per_minute == allowed[name]}
    return quotas | same


def _info(config: Config) -> dict[str, Any]:
    settings = without_secrets(config)
    return {
        "version": __version__,
        "model": MODEL_FILE.read_text().strip("\0\n") if MODEL_FILE.exists() else None,
        "microphones": settings["microphones"],
        "settings": settings,
    }
