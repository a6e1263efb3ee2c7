"""One session after another: when a new one begins, what is told of each, and that none takes a word with it.

Over real sockets, against the stand-in for AssemblyAI.
"""

import asyncio
import time
from dataclasses import dataclass

import pytest

from edgetx.audio.format import RATE
from edgetx.retry import REFUSED_SECONDS
from edgetx.speech import sender
from edgetx.speech.closing import WAIT_SECONDS
from edgetx.speech.ledger import Fate
from edgetx.speech.quota import Quota
from tests.rigs.assemblyai_scenario import KEY, Fault, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.desk import TWO_WORDS, Desk, assert_words_at, play, transcribe
from tests.rigs.hearing import bursts
from tests.rigs.story import until

# --- a session that would expire -------------------------------------------------------------------------------


def rotate(sound: bytes, **more) -> tuple[Desk, list]:
    """Play a recording in real time through sessions that last four seconds; the stand-in ends them at 4.6."""

    async def scene() -> tuple[Desk, list]:
        async with asyncio.timeout(60), AssemblyAIServer(Scenario(session_seconds=4.6)) as server:
            desk = Desk(server.url, limits={"session_seconds": 4.0}, **more)
            await asyncio.gather(desk.transcriber.run(), desk.play(sound))
        return desk, server.connections

    return asyncio.run(scene())


def assert_nothing_lost(desk: Desk, connections: list, sound: bytes) -> None:
    assert b"".join(bytes(connection.audio) for connection in connections) == sound
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0


def assert_no_trouble(desk: Desk) -> None:
    assert [status for status, _ in desk.reports if status != "ready"] == ["connecting", "idle"]
    assert desk.events("session_failed") == []
    closed = desk.events("session_closed")
    assert [(end["reason"], end["clean"]) for end in closed[:-1]] == [("rotated", True)] * (len(closed) - 1)


def test_a_session_is_left_at_a_silence_before_it_expires_and_the_next_goes_on():
    sound = bursts(1.5, 0.8, 1.6, 0.5, 1.6)
    desk, connections = rotate(sound)
    assert len(connections) == 2
    assert_words_at(desk, (1.5, 2.3), (3.9, 4.4))
    assert_nothing_lost(desk, connections, sound)
    assert_no_trouble(desk)
    first, second = desk.events("session_closed")
    assert 3.5 <= first["seconds"] < 4.6
    assert first["acknowledged_seconds"] == first["audio_seconds"] == len(connections[0].audio) / 2 / RATE
    assert second["session"] != first["session"]


def test_a_session_in_which_nobody_pauses_is_left_in_time_all_the_same():
    sound = bursts(0.5, 4.5, 0.6)
    desk, connections = rotate(sound)
    assert len(connections) == 2
    assert_nothing_lost(desk, connections, sound)
    assert_no_trouble(desk)
    heard = [final.frames for final in desk.finals]
    assert len(heard) == 2
    assert abs(heard[0][1] - heard[1][0]) <= RATE // 100
    assert 3.85 <= desk.events("session_closed")[0]["seconds"] < 4.6


def test_what_came_while_the_old_session_ended_is_sent_though_nothing_may_be_caught_up():
    sound = bursts(1.0, 0.5, 3.6)
    desk, connections = rotate(sound, catch_up_seconds=0.3)
    assert len(connections) == 2
    assert desk.events("gap") == []
    assert_nothing_lost(desk, connections, sound)


def test_a_session_whose_successor_does_not_come_about_is_a_break_like_any_other():
    async def scene():
        async with AssemblyAIServer(Scenario(session_seconds=3), Scenario(fault=Fault.HTTP_503), Scenario()) as server:
            desk = Desk(server.url, limits={"session_seconds": 2.0})
            await asyncio.gather(desk.transcriber.run(), desk.play(bursts(2.5)))
        assert [status for status, _ in desk.reports][:3] == ["connecting", "ready", "waiting"]
        assert desk.events("session_failed")[0]["reason"].endswith("HTTP status 503.")
        assert len(server.connections) >= 3
        assert desk.is_settled()

    play(scene)


@pytest.mark.parametrize(("synced", "delays"), [(True, (80, 91)), (False, (200, 271))])
def test_the_end_that_the_provider_names_counts_if_the_clock_is_right(synced, delays):
    async def scene():
        async with AssemblyAIServer(Scenario(session_seconds=100)) as server:
            desk = Desk(server.url, limits={"session_seconds": 300.0}, clock_synced=synced)
            running = asyncio.create_task(desk.transcriber.run())
            await until(lambda: desk.slept)
            assert delays[0] <= desk.slept[0] <= delays[1]
            desk.log.finish()
            await running

    play(scene)


def test_a_provider_that_never_confirms_the_end_has_ended_when_its_last_words_had_time():
    async def scene():
        async with AssemblyAIServer(Scenario(fault=Fault.NO_TERMINATION)) as server:
            desk = Desk(server.url, limits={"ends_by_silence": True})
            desk.put(TWO_WORDS)
            desk.log.finish()
            await desk.transcriber.run()
        assert len(server.connections) == 1
        assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
        assert desk.is_settled()
        (closed,) = desk.events("session_closed")
        assert closed["clean"] is True
        assert 1.8 <= closed["acknowledged_seconds"] <= closed["audio_seconds"]

    play(scene)


@pytest.mark.parametrize("answers", [True, False])
def test_what_such_a_provider_did_not_provably_get_stays_owed(answers):
    async def scene():
        async with AssemblyAIServer(Scenario(script=(), fault=Fault.NO_TERMINATION)) as server:
            desk = Desk(server.url, limits={"ends_by_silence": True}, keepalive_seconds=0.1 if answers else 60.0)
            desk.put(TWO_WORDS)
            desk.log.finish()
            await desk.transcriber.run()
        assert desk.account.ledger.owed(0, desk.log.end) == ([] if answers else [(0, desk.log.end)])
        (closed,) = desk.events("session_closed")
        assert closed["acknowledged_seconds"] == (closed["audio_seconds"] if answers else 0)

    play(scene)


# --- how many sessions -----------------------------------------------------------------------------------------


@dataclass
class HastyDesk(Desk):
    """Its time passes as fast as it sleeps."""

    skew: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.transcriber.monotonic = lambda: time.monotonic() + self.skew

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.skew += seconds
        await asyncio.sleep(0)


def test_no_more_sessions_begin_than_the_account_allows_whichever_microphone_wants_one():
    async def scene():
        async with AssemblyAIServer() as server:
            quota = Quota(1)
            one, other = (HastyDesk(server.url, quota=quota) for _ in range(2))
            for desk in (one, other):
                desk.put(TWO_WORDS)
                desk.log.finish()
            await one.transcriber.run()
            await other.transcriber.run()
            assert "waiting" not in [status for status, _ in one.reports]
            assert 55 < other.slept[0] <= 60
            detail = dict(other.reports)["waiting"]
            assert detail.startswith(
                "Too soon: no more than 1 new sessions a minute are allowed (sessions_per_minute)."
            )
            assert_words_at(other, (0.3, 0.7), (1.3, 1.8))

    play(scene)


def test_an_outage_does_not_use_up_the_sessions_that_are_needed_at_its_end():
    async def scene():
        desk = Desk("ws://127.0.0.1:1/v3/ws", quota=Quota(1))
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: len(desk.slept) >= 4)
        running.cancel()
        assert desk.slept[:4] == [0.625, 1.25, 2.5, 5.0]

    play(scene)


def test_too_many_sessions_are_a_reason_to_wait_long():
    desk, connections = transcribe(Scenario(fault=Fault.TOO_MANY_SESSIONS), Scenario())
    assert len(connections) == 2
    assert desk.slept[0] >= WAIT_SECONDS


def test_a_token_that_is_refused_is_tried_once_more_with_a_new_one_and_then_only_after_long():
    async def scene():
        refusing = Scenario(fault=Fault.HTTP_401)
        async with AssemblyAIServer(refusing, refusing, Scenario()) as server:
            desk = Desk(server.url, renewable=True)
            desk.put(TWO_WORDS)
            desk.log.finish()
            await desk.transcriber.run()
        states = [status for status, _ in desk.reports]
        assert states == ["connecting", "waiting", "connecting", "refused", "connecting", "ready", "idle"]
        assert desk.slept[0] < WAIT_SECONDS
        assert desk.slept[1] == REFUSED_SECONDS

    play(scene)


# --- what is told ----------------------------------------------------------------------------------------------


def test_a_provider_that_is_away_is_told_once_and_again_after_it_was_there():
    async def scene():
        away, there = Scenario(fault=Fault.HTTP_503), Scenario(fault=Fault.RESET, fault_at_ms=100)
        async with AssemblyAIServer(away, away, away, there, away, Scenario()) as server:
            desk = Desk(server.url)
            desk.put(TWO_WORDS)
            desk.log.finish()
            await desk.transcriber.run()
        failed = desk.events("session_failed")
        assert [set(event) for event in failed] == [{"provider", "reason", "refused"}] * 2
        assert failed[0]["reason"].endswith("cannot serve us now: HTTP status 503.")
        assert failed[0]["refused"] is False
        assert len(desk.events("session_closed")) == len(desk.events("session_opened")) == 2

    play(scene)


def test_a_session_that_begins_twice_has_begun_once():
    again = (100.0, {"type": "Begin", "id": "again", "expires_at": 1})
    desk, _ = transcribe(Scenario(script=(again, again)))
    assert len(desk.events("session_opened")) == len(desk.events("session_closed")) == 1


def test_a_refusal_is_told_and_no_secret_with_it():
    desk, _ = transcribe(Scenario(key="another"), Scenario())
    (failed,) = desk.events("session_failed")
    assert failed["refused"] is True
    assert failed["reason"].startswith("Unauthorized Connection")
    assert KEY not in str(desk.delivered)


def test_the_end_of_a_session_says_why_and_how_much_has_provably_arrived():
    desk, _ = transcribe(Scenario(fault=Fault.RESET, fault_at_ms=1500), Scenario())
    broken, ended = desk.events("session_closed")
    assert broken["clean"] is False
    assert 0.7 <= broken["acknowledged_seconds"] <= broken["audio_seconds"]
    assert 0 < broken["seconds"] < 30
    assert (ended["clean"], ended["code"]) == (True, 1000)
    assert ended["acknowledged_seconds"] == ended["audio_seconds"]


def heartbeat(at_ms: float) -> tuple[float, dict]:
    return at_ms, {"type": "Heartbeat", "total_audio_received_ms": at_ms, "total_duration_ms": at_ms}


def test_what_the_provider_says_that_it_received_is_proven():
    script = (heartbeat(800.0),)
    desk, _ = transcribe(Scenario(script=script, fault=Fault.RESET, fault_at_ms=1200), Scenario())
    broken = desk.events("session_closed")[0]
    assert 0.8 <= broken["acknowledged_seconds"] <= broken["audio_seconds"]


def test_quiet_that_the_provider_says_that_it_received_is_settled(monkeypatch):
    monkeypatch.setattr(sender, "REVIEW_SECONDS", 0.1)

    async def scene():
        script = tuple(heartbeat(at * 100.0) for at in range(1, 41))
        async with AssemblyAIServer(Scenario(script=script)) as server:
            desk = Desk(server.url, keepalive_seconds=60)
            running = asyncio.create_task(desk.transcriber.run())
            desk.put(bursts(4.0, hum=30))
            await until(lambda: desk.account.ledger.settled[Fate.SILENT] >= RATE * 2)
            desk.log.finish()
            await running

    play(scene)


@pytest.mark.parametrize("speaks", [True, False])
def test_speech_that_has_begun_is_not_taken_for_silence(speaks):
    started = {"type": "SpeechStarted", "timestamp": 100, "confidence": 0.9}

    async def scene():
        said = [(200.0, started)] * speaks + [heartbeat(at * 100.0) for at in range(3, 39)]
        broken = Scenario(script=tuple(said), fault=Fault.RESET, fault_at_ms=4000)
        async with AssemblyAIServer(broken, Scenario()) as server:
            desk = Desk(server.url)
            await asyncio.gather(desk.transcriber.run(), desk.play(bursts(4.5, hum=30)))
        again = len(server.connections[1].audio) == len(bursts(4.5, hum=30))
        assert again is speaks

    play(scene)
