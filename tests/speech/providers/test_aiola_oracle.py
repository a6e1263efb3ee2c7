"""Aiola's official clients of two generations prove our stand-in, and are the measure of what we send."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgetx.config import Secret
from edgetx.provider_settings import AiolaSettings
from edgetx.speech import registry
from edgetx.speech.events import Opened, Utterance
from edgetx.speech.providers.aiola import Aiola
from edgetx.speech.session import SocketEvent
from tests.rigs.aiola_scenario import KEY, Scenario
from tests.rigs.aiola_server import PATH, AiolaServer, Connection
from tests.rigs.hearing import bursts
from tests.rigs.oracle_venv import told_by
from tests.rigs.story import story, until

THIRD, SECOND = "aiola==0.4.0", "aiola-stt==0.1.20"
"""Of the generations of the official client."""

pytestmark = pytest.mark.oracle(THIRD, SECOND)

SOUND = bursts(0.3, 0.5, 0.6, 0.4, 0.6)
CHUNK = 8192
TRANSCRIPTS = [{"event": "transcript", "value": {"transcript": "Word1."}}] * 2


async def official(requirement: str, driver: str, url: str, folder: Path, *, key: str = KEY) -> list[dict[str, Any]]:
    """Have an official client stream `SOUND`; return the events that it told of."""
    pcm = folder / "sound.pcm"
    pcm.write_bytes(SOUND)
    return await told_by(requirement, driver, url, key, str(pcm), str(CHUNK))


async def ours(server: AiolaServer, **settings: Any) -> list[str]:
    """Stream `SOUND` as edgetx does; return the transcripts."""
    urls = {"endpoint": server.url, "auth_endpoint": server.url}
    provider = Aiola("aiola", AiolaSettings(Secret("text", KEY), **urls, **settings), KEY)
    session, texts = provider.session(), []
    async with registry.connect(provider.opening()) as wire:
        while len(texts) < 2:
            session.receive(await wire.receive())
            for event in session.events():
                if isinstance(event, Opened):
                    session.send_audio(SOUND)
                    session.finish()
                elif isinstance(event, Utterance):
                    texts.append(event.text)
            for message in session.to_send():
                await wire.send(message)
    return texts


def without_timestamp(connection: Connection) -> dict[str, Any]:
    """The query as what it means; the time against caches and the token of this very session are not compared."""
    query = {name: json.loads(value) if value[0] == "{" else value for name, value in connection.query.items()}
    return {name: value for name, value in query.items() if name not in ("t", "x-aiola-api-token")}


def keywords(connection: Connection) -> list[Any]:
    """The keywords told after connecting, as what they mean."""
    told = [args[0] for name, args in connection.events if name == "set_keywords"]
    return [json.loads(words) if isinstance(words, bytes) else words for words in told]


def sizes(connection: Connection) -> list[int]:
    return [len(args[0]) for name, args in connection.events if name == "binary_data"]


@story
async def test_the_client_of_the_third_generation_completes_a_session_and_ours_sends_the_same(tmp_path):
    async with AiolaServer() as server:
        told = await official(THIRD, "oracle_aiola.py", server.url, tmp_path)
        asked = [(q.method, q.path, q.headers["Authorization"][:10], q.body) for q in server.questions]
        assert not server.sessions
        server.questions.clear()
        texts = await ours(
            server,
            auth_type="aiola-session",
            execution_id="exec0123",
            lang_code="en",
            time_zone="Europe/Berlin",
            keywords={"eye ola": "Aiola"},
            tasks_config={"TRANSLATION": {"src_lang_code": "en", "dst_lang_code": "de"}},
            vad_config={"threshold": 0.5, "min_silence_ms": 400},
        )
        await until(lambda: server.connections[1].closed)

    assert told == [
        *TRANSCRIPTS,
        {"event": "heard", "value": [True, True]},
        {"event": "closed", "value": "deleted"},
    ]
    assert texts == ["Word1.", "Word1."]
    ask = [(q.method, q.path, q.headers["Authorization"][:10], q.body) for q in server.questions]
    assert [json.loads(body or "null") for *_, body in ask] == [json.loads(body or "null") for *_, body in asked]
    assert [question[:3] for question in ask] == [question[:3] for question in asked]

    theirs, our = server.connections
    assert our.path == theirs.path == f"{PATH}/"
    assert without_timestamp(our) == without_timestamp(theirs)
    for connection in (theirs, our):
        assert connection.headers["authorization"] == f"Bearer {connection.query['x-aiola-api-token']}"
    assert keywords(our) == keywords(theirs) == [{"eye ola": "Aiola"}]
    assert [name for name, _ in our.events][:2] == [name for name, _ in theirs.events][:2]
    assert theirs.audio == SOUND
    assert our.audio.rstrip(b"\0") == SOUND.rstrip(b"\0")
    assert sizes(our)[: len(sizes(theirs)) - 1] == sizes(theirs)[:-1]
    assert our.transport == theirs.transport == "websocket"
    assert our.closed == "client disconnect"  # Theirs may drop the connection before its goodbye is written.


@story
async def test_the_client_of_the_second_generation_completes_a_session_and_ours_sends_the_same(tmp_path):
    async with AiolaServer() as server:
        told = await official(SECOND, "oracle_aiola_stt.py", server.url, tmp_path)
        texts = await ours(
            server,
            auth_type="bearer",
            execution_id="exec0123",
            lang_code="de_DE",
            time_zone="Europe/Berlin",
            keywords=["aiola", "ngnix"],
            vad_config={"vad_threshold": 0.5, "min_silence_duration_ms": 400},
            transports=("websocket",),
        )
        await until(lambda: server.connections[1].closed)

    assert told == [*TRANSCRIPTS, {"event": "closed", "value": ""}]
    assert texts == ["Word1.", "Word1."]
    theirs, our = server.connections
    assert our.path == theirs.path == f"{PATH}/"
    assert without_timestamp(our) == without_timestamp(theirs)
    assert our.headers["authorization"] == theirs.headers["authorization"] == f"Bearer {KEY}"
    assert our.events == theirs.events
    assert our.events[0] == ("set_keywords", (b'["aiola", "ngnix"]',))
    assert sizes(our) == [CHUNK] * len(sizes(our))
    assert our.closed == "client disconnect"  # Theirs drops the connection before its goodbye is written.
    assert not server.questions


@story
async def test_the_stand_in_refuses_the_client_of_the_third_generation_with_a_wrong_key(tmp_path):
    async with AiolaServer() as server:
        told = await official(THIRD, "oracle_aiola.py", server.url, tmp_path, key="wrong")
    assert told == [{"event": "error", "value": "Token generation failed: 401"}]


@story
async def test_the_stand_in_refuses_the_client_of_the_third_generation_when_no_place_is_free(tmp_path):
    async with AiolaServer(places=0) as server:
        told = await official(THIRD, "oracle_aiola.py", server.url, tmp_path)
    assert told == [{"event": "error", "value": "Session creation failed: 409"}]


@story
async def test_the_stand_in_refuses_both_clients_in_the_namespace(tmp_path):
    async with AiolaServer(Scenario(refusal=("no", {"code": "FORBIDDEN"})), places=2) as server:
        third = await official(THIRD, "oracle_aiola.py", server.url, tmp_path)
        second = await official(SECOND, "oracle_aiola_stt.py", server.url, tmp_path)
    assert third == [{"event": "error", "value": "Failed to connect to Streaming service"}]
    assert second[-1] == {"event": "raised", "value": "ConnectionError"}


def test_an_event_of_ours_is_the_one_that_the_clients_send():
    provider = Aiola("aiola", AiolaSettings(Secret("text", KEY), chunk_samples=CHUNK // 2), KEY)
    session = provider.session()
    session.send_audio(bytes(CHUNK))
    assert session.to_send() == [SocketEvent("binary_data", (bytes(CHUNK),))]
