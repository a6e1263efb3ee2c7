"""The transcriber over real sockets, against the stand-in for AssemblyAI that its official client has proved.

The sound is tones and silences, and the stand-in's words are true to it, so every word's place can be checked.
"""

import asyncio
from dataclasses import replace

import pytest

from edgetx.audio.format import RATE, Gap
from edgetx.retry import REFUSED_SECONDS
from edgetx.speech import conversation, sender
from edgetx.speech.account import Account
from edgetx.speech.events import Transcript
from edgetx.speech.ledger import Fate
from edgetx.speech.providers.assemblyai_session import AssemblyAISession
from tests.rigs.assemblyai_scenario import KEY, Fault, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.desk import TWO_WORDS, Desk, assert_words_at, play, transcribe
from tests.rigs.hearing import bursts
from tests.rigs.story import until


def test_words_arrive_in_their_places_and_every_frame_is_settled():
    desk, (connection,) = transcribe()
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0
    assert [status for status, _ in desk.reports] == ["connecting", "ready", "idle"]
    assert connection.texts == ['{"type":"Terminate"}']
    assert connection.audio == TWO_WORDS
    (opened,), (closed,) = desk.events("session_opened"), desk.events("session_closed")
    assert opened["session"] == closed["session"] == desk.finals[0].session
    assert closed["clean"] is True
    assert closed["audio_seconds"] == len(TWO_WORDS) / 2 / RATE


EXPIRED = Scenario(fault=Fault.ERROR, error=(3008, "Session Expired: Maximum session duration exceeded"))
RESTARTS = [Scenario(fault=Fault.ERROR, error=(code, "Service restart")) for code in (1001, 1011, 1012, 1013, 3005)]


@pytest.mark.parametrize(
    "broken", [Scenario(fault=Fault.RESET), Scenario(fault=Fault.CLOSE_1000), EXPIRED, *RESTARTS], ids=str
)
def test_what_a_broken_session_did_not_answer_is_sent_again_and_nothing_twice(broken):
    desk, connections = transcribe(replace(broken, fault_at_ms=1500), Scenario())
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert desk.is_settled()
    first_end = desk.finals[0].frames[1]
    assert connections[1].audio == TWO_WORDS[2 * first_end :]
    assert "waiting" in [status for status, _ in desk.reports]
    assert [closed["clean"] for closed in desk.events("session_closed")] == [False, True]


ODD = [Fault.GARBAGE, Fault.BINARY, Fault.JSON_ARRAY, Fault.BARE_TURN, Fault.UNKNOWN_TYPE]


@pytest.mark.parametrize("fault", ODD)
def test_what_is_not_understood_is_told_once_and_harms_nothing(fault):
    desk, connections = transcribe(Scenario(fault=fault))
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert len(connections) == len(desk.events("provider")) == 1


FAILS_TO_BEGIN = [Fault.CLOSE_BEFORE_BEGIN, Fault.SILENT_BEFORE_BEGIN, Fault.HTTP_503, Fault.HUGE_MESSAGE]


@pytest.mark.parametrize("fault", FAILS_TO_BEGIN)
def test_a_provider_that_fails_at_first_is_tried_again(fault):
    desk, connections = transcribe(Scenario(fault=fault), Scenario())
    assert len(connections) == 2
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert "waiting" in [status for status, _ in desk.reports]


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        (Scenario(fault=Fault.HTTP_401), "HTTP status 401"),
        (Scenario(key="another"), "Unauthorized Connection: Invalid API key"),
    ],
)
def test_a_provider_that_refuses_is_left_alone_for_long_and_says_why(scenario, told):
    desk, _ = transcribe(scenario, Scenario())
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert REFUSED_SECONDS in desk.slept
    (detail,) = [detail for status, detail in desk.reports if status == "refused"]
    assert told in detail
    assert KEY not in detail


def test_a_provider_that_does_not_answer_terminate_gets_what_is_owed_once_more():
    desk, _ = transcribe(Scenario(fault=Fault.NO_TERMINATION), Scenario())
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert desk.is_settled()


def test_what_the_log_could_not_keep_is_told_as_overflow():
    async def scene():
        async with AssemblyAIServer() as server:
            desk = Desk(server.url, keep_seconds=2.0)
            running = asyncio.create_task(desk.transcriber.run())
            await until(lambda: ("ready", "") in desk.reports)
            desk.put(bursts(2.8, 0.3, 0.5))
            desk.log.finish()
            await running
        (gap,) = desk.events("gap")
        assert (gap["cause"], gap["frames"]) == ("overflow", [0, desk.log.end - RATE])
        assert_words_at(desk, (2.8, 3.1))
        assert desk.is_settled()

    play(scene)


def test_a_stream_that_goes_on_is_sent_as_it_comes():
    async def scene():
        async with AssemblyAIServer() as server:
            desk = Desk(server.url)
            running = asyncio.create_task(desk.transcriber.run())
            for at in range(0, len(TWO_WORDS), 3200):
                desk.put(TWO_WORDS[at : at + 3200])
                await asyncio.sleep(0)
            desk.log.finish()
            await running
        assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
        assert server.connections[0].audio == TWO_WORDS

    play(scene)


def test_a_hole_moves_the_words_behind_it_and_is_not_told_again():
    async def scene():
        async with AssemblyAIServer() as server:
            desk = Desk(server.url)
            desk.put(bursts(0.3, 0.4, 0.5))
            desk.account.lose(Gap(desk.log.end, 2 * RATE, "device"))
            desk.put(bursts(0.2, 0.3, 0.6), at=desk.log.end + 2 * RATE)
            desk.log.finish()
            await desk.transcriber.run()
        assert [gap["cause"] for gap in desk.events("gap")] == ["device"]
        assert_words_at(desk, (0.3, 0.7), (3.4, 3.7))
        assert desk.is_settled()

    play(scene)


def test_a_transcriber_that_is_cut_short_still_ends_its_session():
    async def scene():
        async with AssemblyAIServer() as server:
            desk = Desk(server.url)
            desk.put(bursts(0.3))
            running = asyncio.create_task(desk.transcriber.run())
            await until(lambda: server.connections and server.connections[0].frames)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await until(lambda: server.connections[0].closed)
            assert server.connections[0].texts == ['{"type":"Terminate"}']
            assert desk.events("session_closed")[0]["clean"] is False

    play(scene)


def test_a_session_that_has_not_begun_yet_is_ended_too():
    async def scene():
        async with AssemblyAIServer(Scenario(fault=Fault.SILENT_BEFORE_BEGIN)) as server:
            desk = Desk(server.url, limits={"open_seconds": 60.0})
            running = asyncio.create_task(desk.transcriber.run())
            await until(lambda: any(task.get_name() == "session sender" for task in asyncio.all_tasks()))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await until(lambda: server.connections[0].closed)
            assert server.connections[0].texts == ['{"type":"Terminate"}']
            assert desk.delivered == []

    play(scene)


def test_one_who_is_cut_short_while_connecting_leaves_no_connection():
    async def scene():
        came, gone = asyncio.Event(), asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(4096):
                came.set()
            gone.set()
            writer.close()

        async with await asyncio.start_server(silent, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            running = asyncio.create_task(Desk(f"ws://127.0.0.1:{port}/v3/ws").transcriber.run())
            await came.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await gone.wait()

    play(scene)


class Crash(Exception):
    """A fault of the program."""


def crash(*_, **__):
    raise Crash


@pytest.mark.parametrize("crashing", [(AssemblyAISession, "send_audio"), (Account, "understood")])
def test_a_crash_of_the_program_still_ends_the_session(monkeypatch, crashing):
    async def scene():
        monkeypatch.setattr(*crashing, crash)
        async with AssemblyAIServer() as server:
            desk = Desk(server.url)
            desk.put(TWO_WORDS)
            with pytest.raises(Crash):
                await desk.transcriber.run()
            await until(lambda: server.connections[0].closed)
            assert server.connections[0].texts == ['{"type":"Terminate"}']

    play(scene)


def test_a_provider_that_stops_reading_is_left_and_another_session_gets_what_it_did_not_answer():
    desk, connections = transcribe(Scenario(fault=Fault.STALLED, fault_at_ms=1500), Scenario())
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert desk.is_settled()
    assert len(connections) == 2
    assert "has not answered" in desk.events("session_closed")[0]["reason"]


def test_after_sound_that_came_too_fast_the_next_session_is_sent_no_more_than_real_time():
    too_fast = (3007, "Audio Transmission Rate Exceeded: Received 9.0 sec. audio in 3.0 sec")
    strict = Scenario(rate=1.0, burst_seconds=2.6)
    sound = bursts(7.0, 0.4, 0.6, hum=100)
    desk, connections = transcribe(Scenario(fault=Fault.ERROR, error=too_fast), strict, sound=sound)
    assert len(connections) == 2
    assert connections[1].audio == sound
    assert_words_at(desk, (7.0, 7.4))


def test_words_that_the_session_held_back_come_out_when_it_is_given_up():
    turn = {"type": "Turn", "turn_order": 0, "turn_is_formatted": False, "end_of_turn": True, "transcript": "help me"}

    async def scene():
        script = ((200.0, turn | {"words": [{"text": "help me", "start": 0, "end": 150}]}),)
        async with AssemblyAIServer(Scenario(script=script, fault=Fault.NO_TERMINATION)) as server:
            desk = Desk(server.url, more={"format_turns": True})
            desk.put(bursts(0.0, 0.3))
            running = asyncio.create_task(desk.transcriber.run())
            await until(lambda: [event for event in desk.delivered if isinstance(event, Transcript)])
            assert desk.finals == []
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert [final.text for final in desk.finals] == ["help me"]

    play(scene)


def test_quiet_that_the_provider_is_known_to_have_is_settled_and_not_sent_again(monkeypatch):
    monkeypatch.setattr(sender, "REVIEW_SECONDS", 0.1)

    async def scene():
        async with AssemblyAIServer(Scenario(fault=Fault.CLOSE_1000, fault_at_ms=4200), Scenario()) as server:
            desk = Desk(server.url)
            running = asyncio.create_task(desk.transcriber.run())
            desk.put(bursts(3.5, hum=30))
            while not desk.account.ledger.settled[Fate.SILENT]:
                await asyncio.sleep(0.05)
                desk.put(bursts(0.01, hum=30))
            desk.put(bursts(0.5, 0.3, 0.6))
            desk.log.finish()
            await running
        assert len(server.connections) == 2
        assert len(server.connections[1].audio) < 2 * desk.log.end
        assert desk.account.ledger.settled[Fate.LOST] == 0
        assert len(desk.finals) == 1
        assert desk.is_settled()

    play(scene)


def test_words_of_a_recogniser_that_stalls_while_pings_are_answered_are_sent_again(monkeypatch):
    monkeypatch.setattr(sender, "REVIEW_SECONDS", 0.1)

    async def scene():
        sound = bursts(0.5, *(0.6, 0.9) * 3, hum=100)
        stalled = Scenario(script=(), fault=Fault.RESET, fault_at_ms=4900)
        async with AssemblyAIServer(stalled, Scenario()) as server:
            desk = Desk(server.url)
            await asyncio.gather(desk.transcriber.run(), desk.play(sound))
        assert desk.events("session_closed")[0]["acknowledged_seconds"] > 4
        assert_words_at(desk, (0.5, 1.1), (2.0, 2.6), (3.5, 4.1))
        assert desk.is_settled()

    play(scene)


def test_a_session_proves_well_by_what_has_arrived_not_by_what_was_sent(monkeypatch):
    monkeypatch.setattr(sender, "REVIEW_SECONDS", 0.05)
    monkeypatch.setattr(conversation, "PROVEN_FRAMES", RATE)

    async def scene(*, keepalive_seconds: float) -> bool:
        async with AssemblyAIServer(Scenario(script=())) as server:
            desk = Desk(server.url, keepalive_seconds=keepalive_seconds)
            running = asyncio.create_task(desk.transcriber.run())
            await desk.play(bursts(2.0))
            proven = desk.transcriber._is_proven
            await running
            return proven

    assert asyncio.run(scene(keepalive_seconds=0.1))
    assert not asyncio.run(scene(keepalive_seconds=60.0))


def test_nobody_there_is_tried_again_with_growing_delays():
    async def scene():
        desk = Desk("ws://127.0.0.1:1/v3/ws")
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: len(desk.slept) >= 4)
        running.cancel()
        assert desk.slept[:4] == [0.625, 1.25, 2.5, 5.0]
        assert "cannot be reached" in desk.reports[1][1]

    play(scene)
