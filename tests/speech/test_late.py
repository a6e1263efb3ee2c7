"""After a long break: live words come at once, what was kept follows late and complete. Over real sockets.

The stand-ins' words are true to the sound, so that each can be told by its place.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from edgetx.audio.format import RATE
from edgetx.audio.kept import Kept
from edgetx.audio.spool import Spool
from edgetx.config import Secret
from edgetx.provider_settings import AiolaSettings, LocalSettings
from edgetx.speech import conversation, sender, transcriber
from edgetx.speech.events import Transcript
from edgetx.speech.ledger import Fate
from edgetx.speech.providers.aiola import Aiola
from edgetx.speech.providers.local import Local
from edgetx.speech.quota import Quota
from edgetx.speech.silence import PAUSE_FRAMES
from edgetx.speech.turns import STARTS
from tests.rigs import aiola_scenario
from tests.rigs.aiola_server import AiolaServer
from tests.rigs.assemblyai_scenario import Fault, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.desk import CHUNK_BYTES, HOP, Desk, assert_every_sound_is_in_a_word
from tests.rigs.gate import Gate
from tests.rigs.hearing import bursts
from tests.rigs.microphones import SPEECH, wav_bytes
from tests.rigs.story import story, until


@pytest.fixture(autouse=True)
def well_as_soon_as_it_is_live(monkeypatch):
    """Not after a minute of sound: in most of these stories there is none then."""
    monkeypatch.setattr(conversation, "PROVEN_FRAMES", 0)
    monkeypatch.setattr(sender, "REVIEW_SECONDS", 0.1)


OLD = bursts(0.4, 0.6, 1.0, 0.6, 1.0, 0.6, 0.8)
"""Five seconds and three words, spoken while the provider was away."""
OLD_WORDS = [(0.4, 1.0), (2.0, 2.6), (3.6, 4.2)]
NEW = bursts(0.4, 0.4, 1.2, 0.4, 0.8)
SECONDS = len(OLD) / 2 / RATE
SEAM = len(OLD) // 2 - 8 * RATE // 100
"""Amid the last moment of silence before the live session begins."""
PADDING = bytes(30 * 2 * RATE // 1000)
"""The provider takes no less than 50 ms at once, and 20 are left over."""
NEW_WORDS = [(SECONDS + 0.4, SECONDS + 0.8), (SECONDS + 2.0, SECONDS + 2.4)]


@asynccontextmanager
async def back_after_an_outage(server_url: str, **more) -> AsyncIterator[Desk]:
    """A desk whose provider was away while `OLD` was spoken, and is there when the block begins."""
    server = urlsplit(server_url)
    with Gate(server.port) as gate:
        desk = Desk(server._replace(netloc=f"127.0.0.1:{gate.port}").geturl(), **{"catch_up_seconds": 1.0} | more)
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: "waiting" in [status for status, _ in desk.reports])
        desk.put(OLD)
        gate.open()
        await until(lambda: ("ready", "") in desk.reports)
        try:
            yield desk
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def places(finals: list[Transcript]) -> list[tuple[int, int]]:
    return [final.frames for final in finals]


def assert_at(finals: list[Transcript], words: list[tuple[float, float]]) -> None:
    assert len(finals) == len(words)
    for final, (start, end) in zip(finals, words, strict=True):
        assert abs(final.frames[0] - start * RATE) <= HOP
        assert abs(final.frames[1] - end * RATE) <= HOP


def late(desk: Desk) -> list[Transcript]:
    return [final for final in desk.finals if final.late]


def live(desk: Desk) -> list[Transcript]:
    return [final for final in desk.finals if not final.late]


def assert_all_was_transcribed_once(desk: Desk) -> None:
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0
    assert desk.events("gap") == []
    assert_at(live(desk), NEW_WORDS)
    assert_at(late(desk), OLD_WORDS)


@story
async def test_after_a_long_outage_live_words_come_at_once_and_the_old_ones_follow_late_and_complete():
    async with AssemblyAIServer() as server, back_after_an_outage(server.url) as desk:
        await desk.play(NEW)
    assert_all_was_transcribed_once(desk)
    first_live, last_late = desk.finals.index(live(desk)[0]), desk.finals.index(late(desk)[-1])
    assert first_live < last_late
    assert len({final.session for final in desk.finals}) == len(server.connections) == 2
    assert bytes(server.connections[0].audio) == OLD[2 * SEAM :] + NEW
    assert bytes(server.connections[1].audio) == OLD[: 2 * SEAM] + PADDING
    told = [(opened.get("late"), closed["clean"]) for opened, closed in sessions(desk)]
    assert sorted(told, key=str) == [(None, True), (True, True)]
    assert "waiting" not in [status for status, _ in desk.reports[desk.reports.index(("ready", "")) :]]
    partials = [heard for heard in desk.delivered if isinstance(heard, Transcript) and not heard.final]
    assert partials
    assert not [partial for partial in partials if partial.late or partial.frames[0] < SECONDS * RATE]


def sessions(desk: Desk) -> list[tuple[dict, dict]]:
    opened = {event["session"]: event for event in desk.events("session_opened")}
    return [(opened[event["session"]], event) for event in desk.events("session_closed")]


@story
async def test_a_backfill_that_breaks_goes_on_with_what_is_owed_in_order():
    broken = Scenario(fault=Fault.RESET, fault_at_ms=2200)
    async with AssemblyAIServer(Scenario(), broken, Scenario()) as server, back_after_an_outage(server.url) as desk:
        await desk.play(NEW)
    assert_all_was_transcribed_once(desk)
    assert len(server.connections) == 3
    assert bytes(server.connections[2].audio) == OLD[2 * late(desk)[0].frames[1] : 2 * SEAM] + PADDING
    assert [status for status, _ in desk.reports].count("ready") == 1


@story
async def test_a_live_session_that_breaks_while_there_is_a_backfill_loses_nothing_and_doubles_nothing():
    broken = Scenario(fault=Fault.RESET, fault_at_ms=1500)
    async with AssemblyAIServer(broken, Scenario()) as server, back_after_an_outage(server.url) as desk:
        await desk.play(NEW)
    assert_all_was_transcribed_once(desk)
    assert len(server.connections) == 3


@story
async def test_where_one_session_is_allowed_all_goes_in_order():
    async with (
        AssemblyAIServer() as server,
        back_after_an_outage(server.url, more={"max_sessions": 1}) as desk,
    ):
        await desk.play(NEW)
    assert len(server.connections) == 1
    assert late(desk) == []
    assert_at(desk.finals, OLD_WORDS + NEW_WORDS)
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0


@story
async def test_a_stop_in_the_middle_of_a_backfill_hears_its_last_words_and_leaves_the_rest_owed():
    async with AssemblyAIServer() as server, back_after_an_outage(server.url) as desk:
        await until(lambda: late(desk))
        desk.log.finish()
        desk.transcriber.stop_late()
    assert {closed["clean"] for closed in desk.events("session_closed")} == {True}
    owed = desk.account.ledger.owed(0, desk.log.end)
    assert [last for _, last in owed] == [SEAM]
    assert late(desk)[-1].frames[1] <= owed[0][0]
    assert len(server.connections[1].audio) // 2 == owed[0][0]
    desk.account.lose_owed(0, desk.log.end, cause="stopped")
    assert desk.is_settled()


@story
async def test_a_backfill_that_is_cut_short_leaves_owed_what_it_has_no_words_for():
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, catch_up_seconds=1.0)
        desk.put(OLD)
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: late(desk))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await until(lambda: [connection.closed for connection in server.connections].count(None) == 0)
    assert [connection.texts for connection in server.connections] == [['{"type":"Terminate"}']] * 2
    (owed,) = desk.account.ledger.owed(0, desk.log.end)
    assert owed[0] >= late(desk)[-1].frames[1]
    assert owed[1] == desk.log.end


@story
async def test_a_stop_before_a_backfill_came_about_does_not_wait_for_it():
    full = Scenario(fault=Fault.TOO_MANY_SESSIONS)
    async with AssemblyAIServer(Scenario(), full) as server, back_after_an_outage(server.url) as desk:
        await until(lambda: [failed for failed in desk.events("session_failed") if "late" in failed])
        desk.log.finish()
        desk.transcriber.stop_late()
    told = desk.events("session_failed")
    assert [failed.get("late") for failed in told].count(True) == 1
    assert "Too many concurrent sessions" in told[-1]["reason"]
    assert "refused" not in [status for status, _ in desk.reports]
    assert desk.account.ledger.owed(0, desk.log.end) == [(0, SEAM)]


@story
async def test_what_has_left_the_log_is_told_as_overflow_and_the_rest_follows():
    async with AssemblyAIServer() as server, back_after_an_outage(server.url, keep_seconds=3.4) as desk:
        await desk.play(NEW)
    gaps = desk.events("gap")
    assert {gap["cause"] for gap in gaps} == {"overflow"}
    assert gaps[0]["frames"][0] == 0
    assert all(one["frames"][1] <= other["frames"][0] for one, other in pairwise(gaps))
    assert places(late(desk))[-1] == pytest.approx((3.6 * RATE, 4.2 * RATE), abs=HOP)
    assert_at(live(desk), NEW_WORDS)
    assert desk.is_settled()


@story
async def test_what_a_log_no_longer_has_needs_no_session():
    async with AssemblyAIServer() as server, back_after_an_outage(server.url, keep_seconds=1.0) as desk:
        desk.put(NEW)
        await until(lambda: live(desk) or desk.events("gap"))
        desk.put(bursts(1.0))
        desk.log.finish()
    assert desk.is_settled()
    assert {gap["cause"] for gap in desk.events("gap")} == {"overflow"}


@story
async def test_a_session_that_falls_far_behind_goes_on_between_two_words_and_what_it_left_out_follows():
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, catch_up_seconds=1.0)
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: ("ready", "") in desk.reports)
        desk.put(bursts(0.4, 3.2, 0.4, 1.0))
        await until(lambda: desk.transcriber.position > 3.6 * RATE)
        await desk.play(bursts(0.0, 0.6, 1.0))
        await running
    seam = late(desk)[0].frames[0] / RATE
    assert 1.0 < seam < 4.0
    assert_at(live(desk), [(0.4, seam), (4.0, 5.6)])
    assert_at(late(desk), [(seam, 3.6)])
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0
    sent = sum(len(connection.audio) for connection in server.connections) // 2
    assert desk.log.end < sent <= desk.log.end + PAUSE_FRAMES


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@story
async def test_whatever_breaks_every_moment_of_speech_is_transcribed_once(seed):
    chance = random.Random(seed)
    breaks = [Fault.RESET, Fault.CLOSE_1000, Fault.HTTP_503, Fault.CLOSE_BEFORE_BEGIN]
    scenarios = [Scenario(fault=chance.choice(breaks), fault_at_ms=chance.uniform(200, 4000)) for _ in range(12)]
    sound = bursts(*(chance.uniform(0.2, 0.9) for _ in range(24)), 1.0)
    async with AssemblyAIServer(*scenarios, Scenario()) as server:
        desk = Desk(server.url, catch_up_seconds=0.5)
        desk.transcriber.starts = Quota(100)  # This desk hardly sleeps.
        await asyncio.gather(desk.transcriber.run(), desk.play(sound))
    assert len(server.connections) >= 12
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0
    assert all(one.frames[0] < other.frames[0] for one, other in pairwise(late(desk)))
    assert_every_sound_is_in_a_word(desk, sound)


@story
async def test_two_owed_ranges_are_not_heard_in_one_breath():
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, catch_up_seconds=1.0)
        desk.put(OLD)
        desk.account.ledger.settle(round(0.8 * RATE), round(3.8 * RATE), Fate.TRANSCRIBED)
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: len(late(desk)) == 2)
        desk.log.finish()
        await running
    assert_at(late(desk), [(0.4, 0.8), (3.8, 4.2)])
    assert desk.is_settled()


@story
async def test_a_backfill_leaves_a_session_of_the_accounts_to_the_live_one():
    quota = Quota(2)
    async with AssemblyAIServer() as server, back_after_an_outage(server.url, quota=quota) as desk:
        await until(lambda: [seconds for seconds in desk.slept if seconds > 30])
        assert len(server.connections) == 1
        assert quota.delay(desk.transcriber.monotonic()) == 0
        assert "waiting" not in [status for status, _ in desk.reports[desk.reports.index(("ready", "")) :]]
        desk.log.finish()
        desk.transcriber.stop_late()


@story
async def test_a_provider_that_gives_no_times_settles_what_each_session_was_sent():
    scenario = aiola_scenario.Scenario()
    async with AiolaServer(scenario, places=2) as server:
        with Gate(urlsplit(server.url).port) as gate:
            settings = AiolaSettings(
                Secret("text", aiola_scenario.KEY),
                endpoint=f"http://127.0.0.1:{gate.port}",
                auth_endpoint=f"http://127.0.0.1:{gate.port}",
                chunk_samples=1600,
            )
            desk = Desk(provider=Aiola("aiola", settings, aiola_scenario.KEY), catch_up_seconds=1.0)
            running = asyncio.create_task(desk.transcriber.run())
            await until(lambda: "waiting" in [status for status, _ in desk.reports])
            desk.put(OLD)
            gate.open()
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(NEW)
            await running
    assert (len(late(desk)), len(live(desk))) == (3, 2)
    seam = SEAM
    for finals, first, last in ((late(desk), 0, seam), (live(desk), seam, desk.log.end)):
        edges = [edge for frames in places(finals) for edge in frames]
        assert edges == sorted(edges)
        assert first <= edges[0]
        assert edges[-1] <= last
    assert all(final.estimated for final in desk.finals)
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0


@pytest.mark.parametrize("max_sessions", [1, 2])
@story
async def test_what_an_earlier_run_has_left_on_disk_is_transcribed_from_there(tmp_path, max_sessions):
    spool = Spool(tmp_path)
    for at in range(0, len(OLD), CHUNK_BYTES * 20):
        spool.write(at // 2, OLD[at : at + CHUNK_BYTES * 20])
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, catch_up_seconds=1.0, more={"max_sessions": max_sessions})
        desk.transcriber.reader = Kept(desk.log, spool)
        desk.log.append(len(OLD) // 2, b"")
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: ("ready", "") in desk.reports)
        await desk.play(NEW)
        await running
    if max_sessions == 1:
        assert_at(live(desk), OLD_WORDS + NEW_WORDS)
        assert desk.account.ledger.settled[Fate.LOST] == 0
    else:
        assert_all_was_transcribed_once(desk)
    assert desk.is_settled()


@story
async def test_a_segment_that_is_gone_from_the_disk_is_left_to_the_keeper_and_the_rest_is_transcribed(tmp_path):
    spool = Spool(tmp_path)
    for at in range(0, len(OLD), RATE):
        spool.write(at // 2, OLD[at : at + RATE])
    lost = spool.segments[3]
    spool.remove(lost)
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, catch_up_seconds=1.0)
        desk.transcriber.reader = Kept(desk.log, spool)
        desk.log.append(len(OLD) // 2, b"")
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: ("ready", "") in desk.reports)
        await desk.play(NEW)
        await running
    assert desk.events("gap") == []
    assert desk.account.ledger.owed(0, desk.log.end) == [lost]
    assert_at(late(desk), OLD_WORDS)


def with_long_silences(*, hum: int = 0) -> bytes:
    """Three words, and two silences of ten seconds between them."""
    return bursts(0.4, 0.6, 10.0, 0.6, 10.0, 0.6, 0.8, hum=hum)


@pytest.mark.parametrize("max_sessions", [1, 2])
@story
async def test_of_long_silence_in_kept_sound_only_a_pause_is_sent_and_every_word_keeps_its_place(max_sessions):
    sound = with_long_silences()
    end = len(sound) // 2 / RATE
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, catch_up_seconds=1.0, more={"max_sessions": max_sessions})
        desk.put(sound)
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: ("ready", "") in desk.reports)
        await desk.play(bursts(0.4, 0.6, 3.0, 0.6, 0.8))
        await running
    kept = late(desk) if max_sessions == 2 else live(desk)[:3]
    assert_at(kept, [(0.4, 1.0), (11.0, 11.6), (21.6, 22.2)])
    assert_at(live(desk)[-2:], [(end + 0.4, end + 1.0), (end + 4.0, end + 4.6)])
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0
    sent = sum(len(connection.audio) for connection in server.connections) / 2 / RATE
    left_out = 2 * (10 - PAUSE_FRAMES / RATE)
    assert sent == pytest.approx(end + 5.4 - left_out, abs=0.5)


@story
async def test_what_is_only_quiet_is_sent_whole():
    sound = with_long_silences(hum=10)
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, catch_up_seconds=1.0)
        desk.put(sound)
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: len(late(desk)) == 3)
        desk.log.finish()
        await running
    assert sum(len(connection.audio) for connection in server.connections) >= len(sound)
    assert desk.is_settled()


@story
async def test_a_provider_that_gives_no_times_hears_every_word_around_silence_that_was_left_out():
    sound = with_long_silences()
    async with AiolaServer(aiola_scenario.Scenario(), places=2) as server:
        settings = AiolaSettings(
            Secret("text", aiola_scenario.KEY), endpoint=server.url, auth_endpoint=server.url, chunk_samples=1600
        )
        desk = Desk(provider=Aiola("aiola", settings, aiola_scenario.KEY), catch_up_seconds=1.0)
        desk.put(sound)
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: len(late(desk)) == 3)
        desk.log.finish()
        await running
    edges = [edge for frames in places(late(desk)) for edge in frames]
    assert edges == sorted(edges)
    for final, (start, end) in zip(late(desk), [(0.4, 1.0), (11.0, 11.6), (21.6, 22.2)], strict=True):
        assert final.frames[0] <= start * RATE
        assert end * RATE <= final.frames[1] <= (end + 1.5) * RATE
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0


@story
async def test_the_recogniser_of_this_device_finds_words_in_their_places_around_silence_that_was_left_out():
    reading = wav_bytes(SPEECH / "austen-0930.wav")
    silence = bytes(12 * 2 * RATE)
    desk = Desk(provider=Local("local", LocalSettings()))
    desk.put(bytes(RATE) + reading + silence + reading + bytes(3 * RATE))
    desk.log.finish()
    await desk.transcriber.run()
    first, second = ({word.text: word.start for word in final.words} for final in desk.finals)
    apart_seconds = (len(reading) + len(silence)) / 2 / RATE
    for word in ("might", "even", "made", "boy"):
        assert (second[word] - first[word]).total_seconds() == pytest.approx(apart_seconds, abs=0.05)
    (closed,) = desk.events("session_closed")
    assert closed["audio_seconds"] == pytest.approx((desk.log.end - 12 * RATE + PAUSE_FRAMES) / RATE, abs=1.0)
    assert desk.is_settled()


@story
async def test_a_provider_that_lets_us_in_and_hangs_up_is_not_called_for_what_is_late_as_well():
    slamming = [Scenario(cut="after Begin")] * 4
    async with AssemblyAIServer(*slamming, Scenario()) as server, back_after_an_outage(server.url) as desk:
        desk.transcriber.starts = Quota(100)  # Enough for the late one, too.
        await until(lambda: len(server.connections) == len(slamming))
        assert desk.events("session_opened")
        assert not [opened for opened in desk.events("session_opened") if opened.get("late")]
        await desk.play(NEW)
    assert_all_was_transcribed_once(desk)


@story
async def test_what_is_late_does_not_wait_for_a_microphone_that_delivers_nothing_now(monkeypatch):
    monkeypatch.setattr(conversation, "PROVEN_FRAMES", 10**9)
    monkeypatch.setattr(transcriber, "LASTING_SECONDS", 0.2)
    async with AssemblyAIServer() as server, back_after_an_outage(server.url) as desk:
        await until(lambda: len(late(desk)) == len(OLD_WORDS))
        desk.log.finish()
    assert_at(desk.finals, OLD_WORDS)
    assert desk.is_settled()


@story
async def test_live_and_late_together_call_a_provider_that_hangs_up_no_oftener_than_ten_times_a_minute():
    broken = Scenario(fault=Fault.CLOSE_1000, fault_at_ms=300)
    async with AssemblyAIServer(*[broken] * 30) as server:
        desk = Desk(server.url, catch_up_seconds=1.0)
        desk.put(OLD)
        running = asyncio.create_task(desk.transcriber.run())
        playing = asyncio.create_task(desk.play(bursts(60.0)))
        await until(lambda: len(server.connections) == STARTS)
        slept = len(desk.slept)
        await until(lambda: len(desk.slept) > slept + 10)
        for task in (running, playing):
            task.cancel()
        await asyncio.gather(running, playing, return_exceptions=True)
    assert len(server.connections) == STARTS == 10
    assert 1 <= len([opened for opened in desk.events("session_opened") if opened.get("late")]) <= 5
