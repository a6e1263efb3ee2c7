"""An outage that outlasts memory: what is on disk is transcribed, by this run or the next. Real sockets, real files."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from edgetx.audio.format import RATE
from edgetx.audio.keeper import Keeper
from edgetx.audio.keeping import Rules
from edgetx.audio.kept import Kept
from edgetx.audio.log import AudioLog
from edgetx.audio.spool import Spool
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.desk import CHUNK_BYTES, Desk, assert_words_at
from tests.rigs.hearing import bursts
from tests.rigs.story import story

SOUND = bursts(0.3, *(0.4, 0.8) * 5)
WORDS = [(0.3 + 1.2 * n, 0.7 + 1.2 * n) for n in range(5)]
KEEP_SECONDS = 2


def keeper_of(desk: Desk, folder: str) -> Keeper:
    """Give the desk a disk; it is `begun` with what an earlier run left there."""
    spool = Spool(Path(folder))
    spool.open()
    desk.transcriber.reader = Kept(desk.log, spool)
    return Keeper(
        log=desk.log,
        spool=spool,
        rules=Rules.of(memory_seconds=desk.keep_seconds, max_bytes=10**7, max_age_seconds=60),
        owed=desk.account.ledger.owed,
        lose=desk.account.lose,
        report=lambda status, detail: desk.reports.append((status, detail)),
        sleep=asyncio.sleep,
    )


async def captured(desk: Desk, keeper: Keeper, sound: bytes) -> None:
    """Have sound come while no provider is there."""
    for at in range(0, len(sound), CHUNK_BYTES):
        desk.put(sound[at : at + CHUNK_BYTES])
        await keeper.round()


async def transcribed(desk: Desk, keeper: Keeper) -> None:
    desk.log.finish()
    keeping = asyncio.create_task(keeper.run())
    await desk.transcriber.run()
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    await keeper.stop()


@pytest.mark.parametrize("catch_up_seconds", [float("inf"), 2])
@story
async def test_an_outage_that_outlasts_memory_loses_no_word(catch_up_seconds):
    with tempfile.TemporaryDirectory() as name:
        async with AssemblyAIServer() as server:
            desk = Desk(server.url, keep_seconds=KEEP_SECONDS, catch_up_seconds=catch_up_seconds)
            keeper = keeper_of(desk, name)
            await captured(desk, keeper, SOUND)
            assert desk.log.oldest > 4 * RATE
            await transcribed(desk, keeper)
        assert_words_at(desk, *WORDS)
        assert desk.is_settled()
        assert (desk.events("gap"), keeper.spool.segments) == ([], ())


@story
async def test_what_a_run_left_on_disk_the_next_one_transcribes():
    with tempfile.TemporaryDirectory() as name:
        async with AssemblyAIServer() as server:
            before = Desk(server.url, keep_seconds=KEEP_SECONDS)
            keeper = keeper_of(before, name)
            await captured(before, keeper, SOUND)
            await keeper.stop()
            assert before.events("gap") == []

            desk = Desk(server.url, keep_seconds=KEEP_SECONDS)
            desk.log = desk.transcriber.log = AudioLog(keep_seconds=KEEP_SECONDS, start=before.log.end + RATE)
            keeper = keeper_of(desk, name)
            keeper.begin()
            await transcribed(desk, keeper)
        assert_words_at(desk, *WORDS)
        assert desk.is_settled()
        (gap,) = desk.events("gap")
        assert (gap["cause"], gap["frames"]) == ("restart", [before.log.end, desk.log.end])


@pytest.mark.parametrize("max_sessions", [1, 2])
@pytest.mark.parametrize("damaged", [0, 2])
@story
async def test_a_segment_that_turns_bad_while_the_daemon_runs_is_told_damaged_and_costs_no_other(max_sessions, damaged):
    with tempfile.TemporaryDirectory() as name:
        async with AssemblyAIServer() as server:
            desk = Desk(server.url, keep_seconds=KEEP_SECONDS, catch_up_seconds=1, more={"max_sessions": max_sessions})
            keeper = keeper_of(desk, name)
            await captured(desk, keeper, SOUND)
            segment = keeper.spool.segments[damaged]
            path = Path(name) / f"{segment.start:020}.pcm"
            path.write_bytes(path.read_bytes()[:-1] + b"\x55")
            await transcribed(desk, keeper)
        (gap,) = desk.events("gap")
        assert (gap["cause"], gap["frames"]) == ("damaged", list(segment))
        assert desk.is_settled()
        assert keeper.spool.segments == ()
        halves = [word for word in WORDS if word[0] * RATE < segment.end and segment.start < word[1] * RATE]
        whole = [word for word in WORDS if word not in halves]
        heard = {round(final.frames[0] / RATE, 1) for final in desk.finals if not final.text.endswith(" word2.")}
        assert {round(start, 1) for start, _ in whole} <= heard
