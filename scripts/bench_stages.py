"""One stage of the daemon alone, at the pace of a real microphone: what it costs without its neighbours.

    python bench_stages.py speech SECONDS PROVIDER-URL     log → transcriber → session → websocket; a final every 5 s
    python bench_stages.py mqtt SECONDS BROKER-URL         transcript → topics → outbox → broker's acknowledgement
    python bench_stages.py health SECONDS -                the monitor's tick
    python bench_stages.py disk SECONDS FOLDER             log → keeper → files, in an outage: nothing is settled

prints the CPU seconds an hour of the thread that runs the event loop; of disk, which has a thread of its own, those of
the process. The pace matters: the same work costs a third
when it is done at one go, because nobody wakes up for it.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

from edgetx.audio.keeper import Keeper  # noqa: E402
from edgetx.audio.keeping import Rules  # noqa: E402
from edgetx.audio.log import AudioLog  # noqa: E402
from edgetx.audio.spool import Spool  # noqa: E402
from edgetx.config import MqttSettings, Secret  # noqa: E402
from edgetx.health import Health  # noqa: E402
from edgetx.microphone import MicrophoneState  # noqa: E402
from edgetx.monitor import Monitor  # noqa: E402
from edgetx.mqtt.outbox import Outbox  # noqa: E402
from edgetx.mqtt.publisher import Publisher  # noqa: E402
from edgetx.mqtt.topics import Topics  # noqa: E402
from edgetx.provider_settings import AssemblyAISettings  # noqa: E402
from edgetx.speech import registry  # noqa: E402
from edgetx.speech.account import Account  # noqa: E402
from edgetx.speech.events import PlacedWord, Transcript  # noqa: E402
from edgetx.speech.ledger import Ledger  # noqa: E402
from edgetx.speech.timeline import Timeline  # noqa: E402
from edgetx.speech.transcriber import Transcriber  # noqa: E402
from tests.rigs.assemblyai_scenario import KEY  # noqa: E402

HOUR_SECONDS = 3600
PERIOD_SECONDS = 0.1
TRANSCRIPT_SECONDS = 5.0
SETTLE_SECONDS = 1.5
PERIOD = b"\1\0" * 1600


def nothing(*_: Any) -> None:
    pass


async def speech(address: str) -> None:
    log = AudioLog(keep_seconds=30)
    threading.Thread(target=feed, args=(log,), daemon=True).start()
    settings = AssemblyAISettings(Secret("text", KEY), url=address)
    await Transcriber(
        provider=registry.provider("bench", settings, api_key=KEY),
        connect=registry.connect,
        log=log,
        account=account(),
        catch_up_seconds=10,
        report=nothing,
        monotonic=time.monotonic,
        sleep=asyncio.sleep,
        random=lambda: 0.0,
    ).run()


def feed(log: AudioLog) -> None:
    """Capture's part, in capture's place: another thread."""
    due = time.monotonic()
    while True:
        due += PERIOD_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))
        log.append(log.end, PERIOD)


def account() -> Account:
    return Account(
        timeline=Timeline(monotonic=time.monotonic, wall=time.time),
        deliver=nothing,
        new_id=lambda: "0123456789ab",
        clock_synced=lambda: True,
        provider="bench",
    )


async def mqtt(address: str) -> None:
    topics = Topics("edgetx", "stage")
    publisher = Publisher(
        settings=MqttSettings(url=address),
        password=None,
        topics=topics,
        outbox=Outbox(),
        report=nothing,
        sleep=asyncio.sleep,
        random=lambda: 0.0,
    )
    connection = asyncio.create_task(publisher.run())
    while not connection.done():
        await asyncio.sleep(TRANSCRIPT_SECONDS)
        publisher.put(topics.transcript("desk", transcript()))
    await connection


def transcript() -> Transcript:
    start = datetime.now(UTC)
    moments = [start + timedelta(milliseconds=100 * n) for n in range(8)]
    words = tuple(PlacedWord("kitchen", first, last, 0.9) for first, last in pairwise(moments))
    return Transcript(
        id="0123456789ab-17",
        text=" ".join(word.text for word in words),
        final=True,
        start=start,
        end=moments[-1],
        frames=(16000, 32000),
        provider="bench",
        session="0123456789ab",
        clock_synced=True,
        words=words,
        confidence=0.9,
    )


async def health(_address: str) -> None:
    verdicts = Health(clock=time.monotonic)
    state = MicrophoneState(
        name="desk",
        log=AudioLog(keep_seconds=1),
        account=account(),
        health=verdicts,
        publish_fields=nothing,
        log_line=nothing,
    )
    state.begin()
    await Monitor(
        health=verdicts,
        microphones=lambda: {"desk": state},
        publish_health=nothing,
        notify=nothing,
        watchdog_seconds=30.0,
        clock=time.monotonic,
    ).run()


async def disk(folder: str) -> None:
    log = AudioLog(keep_seconds=120)
    threading.Thread(target=feed, args=(log,), daemon=True).start()
    await Keeper(
        log=log,
        spool=Spool(Path(folder)),
        rules=Rules.of(memory_seconds=30, max_bytes=10**9, max_age_seconds=HOUR_SECONDS),
        owed=Ledger().owed,
        lose=nothing,
        report=nothing,
        sleep=asyncio.sleep,
    ).run()


STAGES: dict[str, Callable[[str], Awaitable[None]]] = {
    "speech": speech,
    "mqtt": mqtt,
    "health": health,
    "disk": disk,
}


async def main() -> None:
    stage, seconds, address = sys.argv[1:]
    running = asyncio.ensure_future(STAGES[stage](address))
    await asyncio.sleep(SETTLE_SECONDS)
    cpu_time = time.process_time if stage == "disk" else time.thread_time
    before = cpu_time()
    await asyncio.sleep(float(seconds))
    used = cpu_time() - before
    if running.done():
        await running
        sys.exit(f"The stage {stage} ended by itself.")
    running.cancel()
    await asyncio.wait((running,))
    print(used / float(seconds) * HOUR_SECONDS)


if __name__ == "__main__":
    asyncio.run(main())
