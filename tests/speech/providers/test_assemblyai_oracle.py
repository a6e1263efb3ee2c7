"""AssemblyAI's official client proves our stand-in, and is the measure of what we send."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from edgetx.config import Secret
from edgetx.provider_settings import AssemblyAISettings
from edgetx.speech import registry
from edgetx.speech.events import Closed, Utterance
from edgetx.speech.providers.assemblyai import AssemblyAI
from tests.rigs.assemblyai_scenario import KEY, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer, Connection
from tests.rigs.hearing import bursts
from tests.rigs.oracle_venv import python_with
from tests.rigs.story import story

pytestmark = pytest.mark.oracle

DRIVER = Path(__file__).parents[2] / "rigs" / "oracle_assemblyai.py"
SOUND = bursts(0.3, 0.5, 0.6, 0.4, 0.3)


async def official_client(url: str, folder: Path, *, key: str = KEY, chunk_ms: int = 100) -> list[dict[str, Any]]:
    """Have the official client stream `SOUND`; return the events that it told of."""
    python = await asyncio.to_thread(python_with, "assemblyai==1.8.2")
    pcm = folder / "sound.pcm"
    pcm.write_bytes(SOUND)
    address = urlsplit(url)
    arguments = (f"{address.scheme}://{address.netloc}", key, str(pcm), str(chunk_ms))
    client = await asyncio.create_subprocess_exec(
        str(python), str(DRIVER), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await client.communicate()
    return [json.loads(line) for line in output.splitlines()]


async def ours(url: str) -> list[Utterance | Closed]:
    """Stream `SOUND` as edgetx does, with the driver's settings."""
    settings = AssemblyAISettings(
        Secret("text", KEY),
        url=url,
        format_turns=True,
        keyterms=("Aiola", "x y"),
        end_of_turn_confidence_threshold=0.5,
        min_turn_silence=300,
        max_turn_silence=2000,
    )
    provider = AssemblyAI("aai", settings, KEY)
    session, events = provider.session(), []
    async with registry.connect(provider.opening()) as wire:
        for start in range(0, len(SOUND), 3200):
            session.send_audio(SOUND[start : start + 3200])
        session.finish()
        for message in session.to_send():
            await wire.send(message)
        while not any(isinstance(event, Closed) for event in events):
            if (message := await wire.receive()) is None:
                session.connection_closed(wire.close_code, wire.close_reason)
            else:
                session.receive(message)
            events += session.events()
    return [event for event in events if isinstance(event, Utterance | Closed)]


def plain(query: dict[str, str]) -> dict[str, Any]:
    """A query's values as what they mean: the official client writes True and its own spaces."""
    return {
        name: json.loads(value.lower()) if value[0] in "[TFtf0123456789" else value for name, value in query.items()
    }


def headers(connection: Connection) -> dict[str, str]:
    named = {name.lower(): value for name, value in connection.headers.items()}
    return {name: named[name] for name in ("authorization", "assemblyai-version")}


@story
async def test_the_official_client_completes_a_session_and_ours_sends_the_same(tmp_path):
    async with AssemblyAIServer() as server:
        told = await official_client(server.url, tmp_path)
        events = await ours(server.url)

    names = [event["event"] for event in told]
    assert names[0] == "Begin"
    assert names[-1] == "Termination"
    turns = [event for event in told if event["event"] == "Turn"]
    assert [turn["turn_order"] for turn in turns if turn["end_of_turn"]] == [0, 1]
    assert not all(turn["end_of_turn"] for turn in turns)

    theirs, our = server.connections
    assert our.path == theirs.path
    assert plain(our.query) == plain(theirs.query)
    assert headers(our) == headers(theirs)
    assert our.audio == theirs.audio == SOUND
    assert {size for _, size in our.frames} == {size for _, size in theirs.frames}
    assert [json.loads(text) for text in our.texts] == [json.loads(text) for text in theirs.texts]
    assert our.closed == theirs.closed

    finals = [event for event in events if isinstance(event, Utterance) and event.final]
    assert [final.text for final in finals] == [turn["transcript"] for turn in turns if turn["end_of_turn"]]
    assert events[-1] == replace(events[-1], clean=True)


@story
async def test_the_stand_in_refuses_the_official_client_with_a_wrong_key(tmp_path):
    async with AssemblyAIServer() as server:
        told = await official_client(server.url, tmp_path, key="wrong")
    assert told[0]["event"] == "Error"
    assert "Unauthorized Connection" in told[0]["error"]
    assert server.connections[0].closed == (1008, "Unauthorized Connection: Invalid API key")


@story
async def test_the_stand_in_refuses_the_official_client_with_chunks_that_are_too_short(tmp_path):
    async with AssemblyAIServer(Scenario()) as server:
        told = await official_client(server.url, tmp_path, chunk_ms=25)
    (error,) = [event for event in told if event["event"] == "Error"][:1]
    assert error["code"] == 3007
    assert "Expected between 50 and 1000 ms" in error["error"]
