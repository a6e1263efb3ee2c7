"""Only speech is sent: over real sockets, to stand-ins whose words are true to the sound that they were sent.

The sound is tones and silences, in real time, and the detector knows which is which: what is proved is that no word is
lost between what it finds and what the provider hears.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from edgetx import clock
from edgetx.audio.format import RATE, Gap
from edgetx.audio.keeping import Rules
from edgetx.audio.log import AudioLog
from edgetx.config import Secret
from edgetx.provider_settings import AiolaSettings, AssemblyAIV2Settings, LocalSettings
from edgetx.speech import sender
from edgetx.speech.budget import NOTE_SECONDS, Budget
from edgetx.speech.gated import GatedSender
from edgetx.speech.ledger import Fate
from edgetx.speech.providers.aiola import Aiola
from edgetx.speech.providers.assemblyai_v2 import AssemblyAIV2
from edgetx.speech.providers.local import Local
from edgetx.speech.quota import Quota
from edgetx.speech.session import Limits
from tests.rigs import aiola_scenario
from tests.rigs.aiola_server import AiolaServer
from tests.rigs.assemblyai_scenario import KEY, Fault, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.assemblyai_v2_server import AssemblyAIV2Server
from tests.rigs.assemblyai_v2_server import Scenario as V2Scenario
from tests.rigs.desk import Desk, assert_every_sound_is_in_a_word, assert_words_at
from tests.rigs.detector import Loud
from tests.rigs.gate import Gate
from tests.rigs.hearing import bursts
from tests.rigs.microphones import readings, wav_bytes
from tests.rigs.story import story, until

TALK = bursts(1.5, 0.4, 0.3, 0.5, 3.0, 0.6, 1.0)
"""An utterance of two words, a silence in which nobody speaks, and another word."""
WORDS = [(1.5, 2.7), (5.7, 6.3)]
SPEECH = [(1.5 - 0.4, 2.7 + 0.7), (5.7 - 0.4, 6.3 + 0.7)]
"""What the detector finds, with pre-roll and hang-over."""


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(sender, "REVIEW_SECONDS", 0.1)


@asynccontextmanager
async def at_work(desk: Desk) -> AsyncIterator[None]:
    running = asyncio.create_task(desk.transcriber.run())
    try:
        yield
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / RATE


def assert_all_words_came_and_the_rest_is_silent(desk: Desk, words: list[tuple[float, float]]) -> None:
    assert_words_at(desk, *words)
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0


@story
async def test_only_speech_is_sent_with_what_led_to_it_and_what_followed():
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, detector=Loud())
        async with at_work(desk):
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(TALK)
    (connection,) = server.connections
    assert_all_words_came_and_the_rest_is_silent(desk, WORDS)
    spoken = sum(end - start for start, end in SPEECH)
    assert seconds(connection.audio) < spoken + 2 * 0.8 + 0.3
    assert TALK[2 * RATE * 11 // 10 : 2 * RATE * 3] in connection.audio
    assert [(start, end) for start, end in desk.spoken if end] == [
        (round(start * RATE), round(end * RATE)) for start, end in SPEECH
    ]


@story
async def test_an_utterance_ends_when_the_speech_does_and_not_with_the_next_one():
    """The stand-in ends a turn after more silence than the hang-over is."""
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, detector=Loud(), more={"min_turn_silence": 1200})
        async with at_work(desk):
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(bursts(0.6, 0.5, 3.0), to_its_end=False)
            await until(lambda: desk.finals)
            assert not desk.log.ended
            desk.log.finish()
    assert_words_at(desk, (0.6, 1.1))
    assert seconds(server.connections[0].audio) < 0.4 + 0.5 + 0.7 + 0.8 + 0.15


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("quiet_seconds", [0.2, 0.8])
@story
async def test_an_utterance_ends_at_once_when_the_microphone_is_muted_behind_it(quiet_seconds: float, *, gated: bool):
    """In the hang-over, or when the session has not heard enough silence yet; the rest of it is none of the sound."""
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, detector=Loud() if gated else None, more={"min_turn_silence": 1200})
        async with at_work(desk):
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(bursts(0.6, 0.5, quiet_seconds), to_its_end=False)
            await asyncio.to_thread(desk.log.rest)
            await until(lambda: desk.finals)
            desk.put(b"", at=desk.log.end + RATE)
            await desk.play(bursts(1.0, 0.5, 2.0))
    assert_words_at(desk, (0.6, 1.1), (3.1 + quiet_seconds, 3.6 + quiet_seconds))
    if gated:
        assert seconds(server.connections[0].audio) < 2 * (0.4 + 0.5 + 0.7 + 0.8 + 0.15)


def test_no_thread_wakes_for_silence_nor_for_speech_but_the_one_that_captures(monkeypatch):
    woken = []
    stop_live = GatedSender._stop_live
    monkeypatch.setattr(GatedSender, "_stop_live", lambda sender: (woken.append(1), stop_live(sender)))

    @story
    async def scene():
        async with AssemblyAIServer() as server:
            desk = Desk(server.url, detector=Loud())
            async with at_work(desk):
                await until(lambda: ("ready", "") in desk.reports)
                await desk.play(TALK, to_its_end=False)
                assert woken == []
                desk.log.finish()
        assert_all_words_came_and_the_rest_is_silent(desk, WORDS)

    scene()


@story
async def test_the_session_is_never_ahead_of_the_time_and_short_pauses_stay_as_short():
    chance = random.Random(7)
    sound = bursts(*(chance.choice([0.2, 0.75, 0.9, 1.2, 1.6]) for _ in range(10)), 1.0)
    async with AssemblyAIServer(Scenario(rate=1.0, burst_seconds=1.5)) as server:
        desk = Desk(server.url, detector=Loud(), more={"min_turn_silence": 1300})
        async with at_work(desk):
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(sound)
    (connection,) = server.connections
    assert seconds(connection.audio) <= seconds(sound)
    assert desk.is_settled()


@pytest.mark.parametrize(("lag_seconds", "close_after_seconds"), [(0.0, None), (0.9, None), (0.0, 0.3)])
@story
async def test_whatever_breaks_every_word_is_transcribed(lag_seconds: float, close_after_seconds: float | None):
    chance = random.Random(3)
    breaks = [Fault.RESET, Fault.CLOSE_1000, Fault.HTTP_503, Fault.CLOSE_BEFORE_BEGIN]
    scenarios = [Scenario(fault=chance.choice(breaks), fault_at_ms=chance.uniform(200, 3000)) for _ in range(8)]
    spans = [span for _ in range(7) for span in (chance.choice([0.3, 1.0, 1.9, 2.6]), chance.uniform(1.0, 1.5))]
    sound = bursts(*spans, 1.0)
    async with AssemblyAIServer(*scenarios, Scenario()) as server:
        detector = Loud(lag=round(lag_seconds * RATE))
        desk = Desk(server.url, detector=detector, close_after_seconds=close_after_seconds)
        desk.transcriber.starts = Quota(100)
        async with at_work(desk):
            await desk.play(sound)
    assert_every_sound_is_in_a_word(desk, sound)
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0


@story
async def test_a_hole_in_mid_speech_is_lost_and_told_and_the_words_around_it_come():
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, detector=Loud())
        async with at_work(desk):
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(bursts(1.0, 1.0), to_its_end=False)
            desk.account.lose(Gap(desk.log.end, 2 * RATE, "device"))
            desk.put(b"", at=desk.log.end + 2 * RATE)
            await desk.play(bursts(0.0, 0.5, 2.0))
    assert [gap["cause"] for gap in desk.events("gap")] == ["device"]
    assert_words_at(desk, (1.0, 2.0), (4.0, 4.5))
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 2 * RATE


@pytest.mark.parametrize("behind_seconds", [0.0, 1.5])
@story
async def test_a_word_that_a_hole_cuts_off_before_anybody_is_sure_of_it_is_sent(behind_seconds: float):
    """And the silence before it is not: only what led to it. The sound may go on, or the device be gone."""
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, detector=Loud())
        async with at_work(desk):
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(bursts(0.5, 0.4, 2.5, 0.08), to_its_end=False)
            desk.account.lose(Gap(desk.log.end, RATE, "device"))
            desk.put(b"", at=desk.log.end + RATE)
            if behind_seconds:
                await desk.play(bursts(behind_seconds), to_its_end=False)
            else:
                await asyncio.to_thread(desk.log.rest)
            await until(lambda: len(desk.finals) > 1)
            desk.log.finish()
    assert_words_at(desk, (0.5, 0.9), (3.4, 3.48))
    assert desk.is_settled()
    assert seconds(server.connections[0].audio) < 0.4 + 0.4 + 0.7 + 1.5 + 0.4 + 0.08 + 1.5 + 0.15


@story
async def test_the_speech_of_which_nothing_is_known_is_sent_as_ever():
    """What an earlier run left: nobody listened to it here."""
    async with AssemblyAIServer() as server:
        desk = Desk(server.url, detector=Loud())
        AudioLog.append(desk.log, 0, bursts(0.5, 0.4, 0.6))
        async with at_work(desk):
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(bursts(1.0, 0.4, 1.0))
    assert_all_words_came_and_the_rest_is_silent(desk, [(0.5, 0.9), (2.5, 2.9)])


# --- close-when-silent -----------------------------------------------------------------------------------------------


def closing(url: str, **more) -> Desk:
    return Desk(url, detector=Loud(), close_after_seconds=1.0, **more)


@story
async def test_when_nobody_speaks_there_is_no_session_and_the_next_speech_begins_one():
    async with AssemblyAIServer() as server:
        desk = closing(server.url)
        async with at_work(desk):
            await desk.play(TALK)
    assert_all_words_came_and_the_rest_is_silent(desk, WORDS)
    assert len(server.connections) == 2
    assert next(closed["reason"] for closed in desk.events("session_closed")) == "silence"
    assert all(closed["clean"] for closed in desk.events("session_closed"))
    assert all(connection.texts == ['{"type":"Terminate"}'] for connection in server.connections)
    told = [status for status, _ in desk.reports]
    assert told == ["idle", "idle", "ready", "idle", "idle", "ready", "idle"]
    assert desk.reports[0] == ("idle", "Nobody speaks.")


@story
async def test_of_what_is_said_while_the_provider_takes_two_seconds_to_begin_nothing_is_lost():
    async with AssemblyAIServer(Scenario(begin_seconds=2.0), Scenario(begin_seconds=2.0)) as server:
        desk = closing(server.url, limits={"open_seconds": 5.0})
        async with at_work(desk):
            await desk.play(TALK)
    assert_all_words_came_and_the_rest_is_silent(desk, WORDS)
    assert not [final for final in desk.finals if final.late]


@story
async def test_of_what_is_said_while_the_provider_refuses_nothing_is_lost():
    async with AssemblyAIServer() as server:
        address = urlsplit(server.url)
        with Gate(address.port) as gate:
            desk = closing(address._replace(netloc=f"127.0.0.1:{gate.port}").geturl())
            async with at_work(desk):
                await desk.play(TALK[: 2 * RATE * 4], to_its_end=False)
                assert "waiting" in [status for status, _ in desk.reports]
                gate.open()
                await desk.play(TALK[2 * RATE * 4 :])
    assert_all_words_came_and_the_rest_is_silent(desk, WORDS)


@story
async def test_one_that_is_stopped_while_nobody_speaks_opens_no_session():
    async with AssemblyAIServer() as server:
        desk = closing(server.url)
        async with at_work(desk):
            await desk.play(bursts(1.0))
    assert server.connections == []
    assert desk.is_settled()


@story
async def test_a_device_that_is_stuck_in_mid_speech_keeps_no_session_open():
    async with AssemblyAIServer() as server:
        desk = closing(server.url)
        async with at_work(desk):
            await desk.play(bursts(0.5, 1.0), to_its_end=False)
            await until(lambda: desk.events("session_closed"))
            assert desk.log.spoken.speaking
            await desk.play(bursts(0.0, 0.4, 1.0))
    assert [closed["reason"] for closed in desk.events("session_closed")][:1] == ["silence"]
    assert_every_sound_is_in_a_word(desk, bursts(0.5, 1.4, 1.0))
    assert desk.is_settled()


@story
async def test_in_mid_speech_with_nothing_to_send_yet_nobody_asks_again_and_again():
    """A session that was replaced has settled all, and of a stuck device no more comes."""
    async with AssemblyAIServer() as server:
        desk = closing(server.url, limits={"session_seconds": 1.0})
        async with at_work(desk):
            await desk.play(bursts(0.5, 1.5), to_its_end=False)
            await until(lambda: desk.reports[-1] == ("idle", "Nobody speaks."))
            told = len(desk.reports)
            await asyncio.sleep(0.2)
            assert len(desk.reports) == told
            await desk.play(bursts(0.0, 0.4, 1.0))
    assert desk.is_settled()
    assert len(desk.reports) < 20


class Drowsy(AssemblyAIV2):
    """The provider, where a session ends after a second without sound."""

    @property
    def limits(self) -> Limits:
        return replace(super().limits, idle_seconds=1.0)


# --- other providers -------------------------------------------------------------------------------------------------


@story
async def test_aiola_hears_only_speech_and_enough_silence_to_end_it():
    async with AiolaServer(aiola_scenario.Scenario()) as server:
        desk = Desk(provider=aiola(server.url), detector=Loud())
        async with at_work(desk):
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(bursts(0.6, 0.5, 2.0), to_its_end=False)
            await until(lambda: desk.finals)
            await desk.play(bursts(0.2, 0.5, 0.5))
    assert len(desk.finals) == 2
    assert desk.is_settled()


def aiola(url: str) -> Aiola:
    settings = AiolaSettings(Secret("text", aiola_scenario.KEY), endpoint=url, auth_endpoint=url, chunk_samples=1600)
    return Aiola("aiola", settings, aiola_scenario.KEY)


@story
async def test_when_a_session_of_aiolas_was_closed_nothing_is_left_to_begin_another_for():
    async with AiolaServer(aiola_scenario.Scenario(), aiola_scenario.Scenario()) as server:
        desk = Desk(provider=aiola(server.url), detector=Loud(), close_after_seconds=1.0)
        async with at_work(desk):
            await desk.play(bursts(0.6, 0.5, 2.5), to_its_end=False)
            await until(lambda: desk.events("session_closed"))
            await desk.play(bursts(1.0))
    assert [closed["reason"] for closed in desk.events("session_closed")] == ["silence"]
    assert len(desk.finals) == 1
    assert desk.is_settled()


@story
async def test_the_local_recogniser_says_what_it_heard_when_the_speech_has_ended():
    desk = Desk(provider=Local("local", LocalSettings()), detector=Loud())
    reading = wav_bytes(readings()[0])[: 2 * 3 * RATE]
    async with at_work(desk):
        await until(lambda: ("ready", "") in desk.reports)
        await desk.play(bytes(RATE) + reading + bytes(2 * 3 * RATE), to_its_end=False)
        await until(lambda: desk.finals)
        assert desk.finals[-1].frames[1] > 2 * RATE
        desk.log.finish()
    assert desk.is_settled()


@story
async def test_what_was_said_in_an_outage_comes_late_though_nobody_speaks_any_more():
    async with AssemblyAIServer() as server:
        address = urlsplit(server.url)
        with Gate(address.port) as gate:
            desk = closing(address._replace(netloc=f"127.0.0.1:{gate.port}").geturl(), catch_up_seconds=0.5)
            async with at_work(desk):
                await desk.play(bursts(0.5, 0.5, 2.0), to_its_end=False)
                gate.open()
                await until(lambda: ("idle", "Nobody speaks.") in desk.reports[2:])
                await until(lambda: desk.finals)
                desk.log.finish()
    assert [final.late for final in desk.finals] == [True]
    assert_all_words_came_and_the_rest_is_silent(desk, [(0.5, 1.0)])


# --- the budget ------------------------------------------------------------------------------------------------------


class Days:
    """The clock, which can be set to the next day."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.days = 0
        self._now = clock.now
        monkeypatch.setattr(clock, "now", self.now)

    def now(self) -> clock.Moment:
        now = self._now()
        noon = now.wall // 86_400 * 86_400 + 43_200 + now.monotonic % 1000
        return replace(now, wall=noon + 86_400 * self.days, synced=True)


def assert_budget_is_told_once(desk: Desk, minutes: float) -> None:
    (told,) = desk.events("budget_used_up")
    assert told["minutes"] == minutes
    assert told["until"].hour == 0


def test_when_the_budget_is_used_up_what_is_said_is_given_up_until_the_next_day(monkeypatch):
    @story
    async def scene():
        days = Days(monkeypatch)
        async with AssemblyAIServer() as server:
            desk = Desk(server.url, budget=Budget(1.5))
            async with at_work(desk):
                await until(lambda: ("ready", "") in desk.reports)
                await desk.play(bursts(0.3, 0.5, 1.7, 0.5, 0.5), to_its_end=False)
                assert desk.reports[-1][0] == "waiting"
                assert "The 0.025 minutes of sessions a day (max_session_minutes_per_day)" in desk.reports[-1][1]
                days.days += 1
                await until(lambda: desk.reports[-1] == ("ready", ""))
                await desk.play(bursts(0.2, 0.4, 0.5))
        (first, second) = server.connections
        assert first.texts == second.texts == ['{"type":"Terminate"}']
        assert [closed["reason"] for closed in desk.events("session_closed")][:1] == ["budget"]
        assert_words_at(desk, (0.3, 0.8), (3.7, 4.1))
        assert desk.is_settled()
        gaps = desk.events("gap")
        assert {gap["cause"] for gap in gaps} == {"budget"}
        assert abs(desk.account.ledger.settled[Fate.LOST] - 2.0 * RATE) < 0.5 * RATE
        assert_budget_is_told_once(desk, 0.025)

    scene()


def test_while_a_session_is_open_what_was_used_is_noted_again_and_again_and_at_both_its_ends(monkeypatch):
    @story
    async def scene():
        Days(monkeypatch)
        notes: list[int] = []
        budget = Budget(60, lambda: notes.append(budget.spent(clock.now()).open))
        async with AssemblyAIServer() as server:
            desk = Desk(server.url, budget=budget)
            async with at_work(desk):
                await until(lambda: ("ready", "") in desk.reports)
                await until(lambda: len(notes) > 5)
                desk.log.finish()
        assert set(notes[:-1]) == {1}
        assert notes[-1] == 0
        assert max(desk.slept) <= NOTE_SECONDS

    scene()


def test_what_is_given_up_is_so_before_it_would_go_to_disk(monkeypatch):
    @story
    async def scene():
        Days(monkeypatch)
        keep_seconds = 12.0
        desk = Desk(keep_seconds=keep_seconds, budget=Budget(0.0))
        async with at_work(desk):
            await until(lambda: len(desk.slept) > 1)
            desk.log.finish()
            desk.transcriber.stop_late()
        rules = Rules.of(memory_seconds=keep_seconds, max_bytes=1, max_age_seconds=1)
        assert max(desk.slept) < rules.write_after / RATE

    scene()


def test_who_was_woken_by_speech_before_still_waits_for_the_budget(monkeypatch):
    @story
    async def scene():
        days = Days(monkeypatch)
        async with AssemblyAIServer() as server:
            desk = Desk(server.url, detector=Loud(), close_after_seconds=0.5, budget=Budget(2.0))
            async with at_work(desk):
                await desk.play(bursts(0.6, 0.4, 2.5, 2.5, 1.0), to_its_end=False)
                assert "used up" in desk.reports[-1][1]
                slept = len(desk.slept)
                await asyncio.sleep(0.5)
                assert len(desk.slept) - slept < 10
                days.days += 1
                await until(lambda: desk.reports[-1] == ("idle", "Nobody speaks."))
                desk.log.finish()
        assert [closed["reason"] for closed in desk.events("session_closed")] == ["silence", "budget"]
        assert desk.is_settled()

    scene()


def test_with_a_gate_only_speech_is_given_up_and_a_stop_does_not_wait_for_the_day(monkeypatch):
    @story
    async def scene():
        Days(monkeypatch)
        async with AssemblyAIServer() as server:
            desk = Desk(server.url, detector=Loud(), budget=Budget(60), longest_sleep=60)
            desk.budget.begin(replace(clock.now(), monotonic=0.0))  # As if one had been open all the time.
            async with at_work(desk):
                await desk.play(bursts(1.5, 0.5, 1.5))
                desk.transcriber.stop_late()
        assert server.connections == []
        assert [gap["frames"] for gap in desk.events("gap")] == [[round(1.1 * RATE), round(2.7 * RATE)]]
        assert desk.is_settled()

    scene()


@story
async def test_a_provider_that_ends_a_session_without_sound_is_sent_a_little_silence_meanwhile():
    async with AssemblyAIV2Server(V2Scenario(idle_seconds=1.0)) as server:
        settings = AssemblyAIV2Settings(Secret("text", KEY), url=server.url)
        desk = Desk(provider=Drowsy("old", settings, KEY), detector=Loud(), longest_sleep=60)
        async with at_work(desk):
            await until(lambda: ("ready", "") in desk.reports)
            await desk.play(bursts(0.5, 0.5, 4.0, 0.5, 1.0))
    assert len(server.connections) == 1
    assert_all_words_came_and_the_rest_is_silent(desk, [(0.5, 1.0), (5.0, 5.5)])
