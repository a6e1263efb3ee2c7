"""Aiola's sessions from a microphone's log to transcripts, against the stand-in that the official clients proved."""

import asyncio
import json
from dataclasses import replace

import pytest

from edgetx.audio.format import RATE
from edgetx.config import Secret
from edgetx.provider_settings import AiolaSettings
from edgetx.retry import REFUSED_SECONDS
from edgetx.speech.closing import WAIT_SECONDS
from edgetx.speech.providers.aiola import Aiola
from edgetx.speech.session import Limits
from tests.rigs.aiola_scenario import KEY, Fault, Scenario
from tests.rigs.aiola_server import AiolaServer
from tests.rigs.desk import Desk
from tests.rigs.hearing import bursts
from tests.rigs.story import story, until

TWO_WORDS = bursts(0.3, 0.5, 1.0, 0.5, 0.3)
KEYWORDS = {"eye ola": "Aiola"}
UNAUTHORISED = Scenario(refusal=("authentication failed", {"code": "UNAUTHORIZED"}))


class Impatient(Aiola):
    """The provider, with less patience than it needs on the Internet."""

    @property
    def limits(self) -> Limits:
        return replace(super().limits, open_seconds=1.0, drain_seconds=0.7)


def desk_at(server: AiolaServer, *, key: str = KEY, **settings: object) -> Desk:
    urls = {"endpoint": server.url, "auth_endpoint": server.url}
    aiola = AiolaSettings(Secret("text", key), chunk_samples=1600, keywords=KEYWORDS, **urls, **settings)
    return Desk(provider=Impatient("aiola", aiola, key))


async def transcribed(desk: Desk) -> None:
    """Play the two words in time, and transcribe to the end."""
    running = asyncio.create_task(desk.transcriber.run())
    await desk.play(TWO_WORDS)
    await running


def assert_two_words(desk: Desk, server: AiolaServer) -> None:
    """Check that both words came, about in their places, that nothing is owed and that no session is left open."""
    assert [final.text for final in desk.finals] == ["Word1.", "Word1."]
    ends = [final.frames[1] / RATE for final in desk.finals]
    assert ends == [pytest.approx(0.8, abs=0.6), pytest.approx(2.3, abs=0.6)]
    assert all(final.estimated for final in desk.finals)
    assert desk.is_settled()
    assert not desk.events("gap")
    assert not server.sessions


@pytest.mark.parametrize("transports", [("polling", "websocket"), ("websocket",), ("polling",)])
@story
async def test_two_words_are_transcribed_and_the_session_is_given_back(transports):
    async with AiolaServer(Scenario(asks=True)) as server:
        desk = desk_at(server, transports=transports)
        await transcribed(desk)
        assert_two_words(desk, server)
        await until(lambda: server.connections[0].closed)
    (connection,) = server.connections
    assert connection.events[0] == ("set_keywords", (json.dumps(KEYWORDS).encode(),))
    assert connection.audio.startswith(TWO_WORDS)
    assert connection.closed == "client disconnect"
    assert {len(args[0]) for name, args in connection.events if name == "binary_data"} == {3200}
    (closed,) = desk.events("session_closed")
    assert closed["clean"] is True
    assert [status for status, _ in desk.reports] == ["connecting", "ready", "idle"]


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.DISCONNECT, Fault.CLOSE])
@story
async def test_a_session_that_breaks_is_followed_by_one_with_a_new_token_and_the_keywords_and_no_word_is_lost(fault):
    async with AiolaServer(Scenario(fault=fault, fault_at_ms=2100), Scenario(), jwt_once=True) as server:
        desk = desk_at(server)
        await transcribed(desk)
        assert_two_words(desk, server)
    first, second = server.connections
    assert first.query["x-aiola-api-token"] != second.query["x-aiola-api-token"]
    assert first.query["execution_id"] != second.query["execution_id"]
    assert first.events[0] == second.events[0]
    assert first.events[0][0] == "set_keywords"
    assert [closed["clean"] for closed in desk.events("session_closed")] == [False, True]


@story
async def test_a_token_that_has_expired_when_the_session_breaks_is_not_shown_again():
    broken = Scenario(fault=Fault.RESET, fault_at_ms=2300)
    async with AiolaServer(broken, Scenario(), jwt_seconds=2) as server:
        desk = desk_at(server)
        await transcribed(desk)
        assert_two_words(desk, server)
    tokens = [connection.query["x-aiola-api-token"] for connection in server.connections]
    assert len(set(tokens)) == len(tokens) == 2
    assert desk.events("session_failed") == []


@pytest.mark.parametrize("auth_type", ["x-api-key", "bearer"])
@story
async def test_the_older_generations_need_no_session(auth_type):
    async with AiolaServer(Scenario(nested=True)) as server:
        desk = desk_at(server, auth_type=auth_type, namespace="/transcript")
        await transcribed(desk)
        assert_two_words(desk, server)
    assert not server.questions
    assert server.connections[0].namespace == "/transcript"


@story
async def test_a_token_that_is_refused_is_tried_once_more_with_a_new_one():
    async with AiolaServer(UNAUTHORISED, Scenario()) as server:
        desk = desk_at(server)
        await transcribed(desk)
        assert_two_words(desk, server)
    assert len({connection.query["x-aiola-api-token"] for connection in server.connections}) == 2
    assert "refused" not in [status for status, _ in desk.reports]


@story
async def test_a_second_token_that_is_refused_is_a_no():
    async with AiolaServer(UNAUTHORISED, UNAUTHORISED, Scenario()) as server:
        desk = desk_at(server)
        await transcribed(desk)
        assert_two_words(desk, server)
    (detail,) = [detail for status, detail in desk.reports if status == "refused"]
    assert "authentication failed UNAUTHORIZED" in detail
    assert REFUSED_SECONDS in desk.slept


@story
async def test_without_a_free_place_it_waits_for_one():
    async with AiolaServer(places=0) as server:
        desk = desk_at(server)
        running = asyncio.create_task(transcribed(desk))
        await until(lambda: len(server.questions) >= 4)
        server.places = 1
        await running
        assert_two_words(desk, server)
    details = [detail for status, detail in desk.reports if status == "waiting"]
    assert all("HTTP status 409, MAX_CONCURRENCY_REACHED" in detail for detail in details)
    assert max(desk.slept) >= WAIT_SECONDS


@story
async def test_a_wrong_key_is_refused_and_never_shown():
    async with AiolaServer() as server:
        desk = desk_at(server, key="wr0ng-key")
        running = asyncio.create_task(desk.transcriber.run())
        await until(lambda: "refused" in [status for status, _ in desk.reports])
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert "HTTP status 401, UNAUTHORIZED" in str(desk.reports)
    assert "wr0ng-key" not in str(desk.reports)
    assert not server.connections


@story
async def test_what_the_server_says_besides_is_published():
    says = (("structured", {"results": {"pump": "off"}}), ("error", {"message": f"odd {KEY}"}))
    async with AiolaServer(Scenario(says=says)) as server:
        desk = desk_at(server)
        await transcribed(desk)
        assert_two_words(desk, server)
    told = [
        {name: data[name] for name in data if name not in ("session", "provider")} for data in desk.events("provider")
    ]
    assert told == [{"name": "structured", "data": {"results": {"pump": "off"}}}, {"error": "odd ***"}]
