"""The vendor's limits, as the stand-in keeps them, and what the provider makes of each."""

import asyncio
import json
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import websockets
from websockets.asyncio.client import connect

from edgetx.errors import Refused, TryAgain
from edgetx.speech.events import Closed, Notice, Opened, Progress, Received, Utterance, Verdict
from tests.rigs.assemblyai_client import converse
from tests.rigs.assemblyai_scenario import KEY, Fault, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.assemblyai_visit import Connection, Visit
from tests.rigs.hearing import HOP_MS, bursts
from tests.rigs.story import story, until

SOUND = bursts(0.3, 0.5, 0.6, 0.4, 0.5)
SHORT = bursts(0.1, 0.2, 0.1)
CHUNK_100_MS = bytes(3200)


def finals(events):
    return [event for event in events if isinstance(event, Utterance) and event.final]


async def close_of(url, *messages, key=KEY):
    """Say ``messages`` by hand; return code and reason of the close."""
    headers = {"Authorization": key} if key else {}
    async with connect(url, additional_headers=headers, compression=None) as client:
        with pytest.raises(websockets.ConnectionClosed):  # noqa: PT012  (a message may already meet the close)
            for message in messages:
                await client.send(message)
            while True:
                await client.recv()
        return client.close_code, client.close_reason


# --- sessions


@story
@pytest.mark.parametrize(("rate", "encoding"), [(16_000, "pcm_mulaw"), (8000, "pcm_s16le"), (8000, "pcm_mulaw")])
async def test_each_format_is_heard_as_the_plain_one(rate, encoding):
    async with AssemblyAIServer() as server:
        usual = finals(await converse(server.url, SOUND))
        told = finals(await converse(server.url, SOUND, sample_rate=rate, encoding=encoding))
    assert [final.text for final in told] == [final.text for final in usual] == ["Word1.", "Word1."]
    for one, other in zip(told, usual, strict=True):
        assert one.start_ms == pytest.approx(other.start_ms, abs=HOP_MS)
        assert one.end_ms == pytest.approx(other.end_ms, abs=HOP_MS)
    plain, other = server.connections
    assert len(other.audio) < 0.6 * len(plain.audio)


@story
async def test_a_client_that_is_gone_already_is_not_reset_and_nothing_is_said():
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.transport.abort()
        await until(lambda: writer.transport.get_extra_info("socket").fileno() < 0)
        gone = SimpleNamespace(transport=writer.transport)
        await Visit(gone, Scenario(fault=Fault.RESET), Connection("/", {}, {}), lambda _: 1.0)._break()


@story
async def test_heartbeats_and_silence_are_proof():
    async with AssemblyAIServer() as server:
        events = await converse(server.url, bytes(3200 * 25), session_heartbeat=True, acknowledge_silence=True)
    assert [event.until_ms for event in events if isinstance(event, Received)] == [1000, 2000]
    assert [event.until_ms for event in events if isinstance(event, Progress)] == [1000, 2500]


@story
async def test_what_the_provider_does_not_do_is_told():
    async with AssemblyAIServer(Scenario(configuration={"model": "other", "domain": None})) as server:
        opened, *events = await converse(server.url, SHORT, speech_model="u3-rt-pro", domain="medical-v1")
    assert isinstance(opened, Opened)
    assert [event.data["warning"] for event in events if isinstance(event, Notice)] == [
        "asked for speech_model=u3-rt-pro, the provider uses other",
        "asked for domain=medical-v1, the provider uses null",
    ]


@story
async def test_with_its_default_configuration_nothing_is_amiss():
    async with AssemblyAIServer() as server:
        events = await converse(server.url, SHORT, speech_model="u3-rt-pro", domain="medical-v1", redact_pii=True)
    assert not [event for event in events if isinstance(event, Notice)]
    assert events[-1].clean


@story
async def test_revisions_and_answers_are_told():
    word = {"start": 0, "end": 90, "text": "hi", "confidence": 0.9, "speaker": "B", "word_is_final": True}
    script = (
        (100, {"type": "SpeakerRevision", "revisions": [{"turn_order": 0, "speaker_label": "B", "words": [word]}]}),
        (200, {"type": "LLMGatewayResponse", "turn_order": 0, "transcript": "hi", "data": {"answer": 42}}),
    )
    async with AssemblyAIServer(Scenario(script=script)) as server:
        events = await converse(server.url, SHORT)
    assert [(event.name, event.data["turn"]) for event in events if isinstance(event, Notice)] == [
        ("speaker_revision", "0"),
        ("llm_response", "0"),
    ]


# --- closes


@story
async def test_a_session_that_has_lasted_as_long_as_it_may_is_followed_by_another():
    async with AssemblyAIServer(Scenario(session_seconds=0.2, fault=Fault.NO_TERMINATION)) as server:
        *_, closed = await converse(server.url, SHORT)
    why = "Session Expired: Maximum session duration exceeded"
    assert closed == Closed(why, verdict=Verdict.AGAIN, code=3008)


@story
async def test_sound_that_comes_in_a_rush_ends_the_session_for_now():
    async with AssemblyAIServer(Scenario(burst_seconds=1, rate=1)) as server:
        *_, closed = await converse(server.url, bytes(32 * 5000))
    assert (closed.code, closed.verdict) == (3007, Verdict.SLOWER)
    assert "Audio Transmission Rate Exceeded" in closed.reason


@story
@pytest.mark.parametrize("ms", [49, 1001])
async def test_a_message_of_a_wrong_length_ends_the_session(ms):
    async with AssemblyAIServer() as server:
        code, reason = await close_of(server.url, bytes(ms * 32))
    assert code == 3007
    assert f"Input Duration Violation: {ms}.0 ms. Expected between 50 and 1000 ms" in reason


@story
@pytest.mark.parametrize(
    ("message", "words"),
    [("}{", "Invalid JSON"), ("[1]", "Invalid Message"), ('{"type":"Hello"}', "Invalid Message Type: Hello")],
)
async def test_a_message_that_is_none_ends_the_session(message, words):
    async with AssemblyAIServer() as server:
        assert await close_of(server.url, message) == (3006, words)


@story
@pytest.mark.parametrize("query", ["sample_rate=0", "sample_rate=x", "encoding=flac", f"keyterms_prompt={['a'] * 101}"])
async def test_a_parameter_that_is_none_ends_the_session(query):
    async with AssemblyAIServer() as server:
        code, reason = await close_of(f"{server.url}?{query}".replace("'", "%22").replace(" ", ""))
    assert code == 3006
    assert reason.startswith("User Input Validation Error")


@story
async def test_only_keeping_alive_keeps_a_session_open_that_has_an_inactivity_timeout():
    async with AssemblyAIServer(Scenario(inactivity_seconds=0.2)) as server:
        code, reason = await close_of(server.url, *[CHUNK_100_MS] * 3, '{"type":"KeepAlive"}')
        assert (code, reason) == (3005, "Session Cancelled: Inactivity timeout")
    assert server.connections[0].texts == ['{"type":"KeepAlive"}']


@story
async def test_without_a_key_or_with_a_wrong_one_nothing_begins():
    async with AssemblyAIServer() as server:
        assert await close_of(server.url, key=None) == (1008, "Unauthorized Connection: Missing Authorization header")
        assert await close_of(server.url, key="wrong") == (1008, "Unauthorized Connection: Invalid API key")
        assert await close_of(f"{server.url}?token={KEY}", key=None) == (
            1008,
            "Unauthorized Connection: Invalid API key",
        )


# --- tokens


@story
async def test_each_session_has_a_token_of_its_own():
    async with AssemblyAIServer() as server:
        for _ in range(2):
            *_, closed = await converse(server.url, SHORT, tokens=True, token_seconds=5, max_session_seconds=60)
            assert closed.clean
        first, second = server.connections
        used = first.query["token"]
        assert used != second.query["token"]
        assert await close_of(f"{server.url}?token={used}", key=None) == (
            1008,
            "Unauthorized Connection: Token has already been used",
        )
    assert [asked.query for asked in server.tokens.asked] == [
        {"expires_in_seconds": "5", "max_session_duration_seconds": "60"}
    ] * 2
    assert not any(KEY in json.dumps([connection.query, connection.headers]) for connection in server.connections[:2])


@story
async def test_a_token_that_came_too_late_is_worth_another_attempt():
    async with AssemblyAIServer(Scenario(token_seconds=0)) as server:
        *_, closed = await converse(server.url, SHORT, tokens=True)
    assert closed == Closed("Unauthorized Connection: Token has expired", verdict=Verdict.TOKEN, code=1008)


@story
async def test_a_wrong_key_gets_no_token():
    async with AssemblyAIServer(Scenario(key="another")) as server:
        with pytest.raises(Refused) as raised:
            await converse(server.url, SHORT, tokens=True)
    assert str(raised.value) == "AssemblyAI gave no token, with HTTP status 401: Unauthorized: Invalid API key."
    assert not server.connections


@story
@pytest.mark.parametrize("status", [429, 500])
async def test_a_token_that_is_not_to_be_had_now_is_asked_for_again(status):
    async with AssemblyAIServer(Scenario(token_status=status)) as server:
        with pytest.raises(TryAgain, match=f"HTTP status {status}: "):
            await converse(server.url, SHORT, tokens=True)
    assert len(server.tokens.asked) == 1
    assert urlsplit(server.url).path == "/v3/ws"


@story
@pytest.mark.parametrize(
    "query", ["", "?expires_in_seconds=601", "?expires_in_seconds=5&max_session_duration_seconds=59"]
)
async def test_a_wrong_question_for_a_token_is_answered_in_words(query):
    async with AssemblyAIServer() as server:
        url = server.url.removesuffix("ws") + f"token{query}"
        with pytest.raises(websockets.InvalidStatus) as raised:
            async with connect(url, additional_headers={"Authorization": KEY}):
                pass
    response = raised.value.response
    assert response.status_code == 400
    assert "must be between" in json.loads(response.body)["error"]
