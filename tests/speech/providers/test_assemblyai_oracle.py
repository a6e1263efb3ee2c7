"""AssemblyAI's official client proves our stand-in, and is the measure of what we send."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from edgetx.speech.events import Utterance
from edgetx.speech.providers.assemblyai_session import AssemblyAISession
from tests.rigs.assemblyai_client import converse
from tests.rigs.assemblyai_scenario import KEY, Fault, Scenario
from tests.rigs.assemblyai_server import AssemblyAIServer, Connection
from tests.rigs.hearing import bursts
from tests.rigs.oracle_venv import told_by
from tests.rigs.story import story

CLIENT = "assemblyai==1.8.2"

pytestmark = pytest.mark.oracle(CLIENT)

SOUND = bursts(0.3, 0.5, 0.6, 0.4, 0.3)
SHORT = bursts(0.1, 0.2, 0.1)
SETTINGS = {
    "speech_model": "universal-streaming-english",
    "format_turns": True,
    "keyterms": ("Aiola", "x y"),
    "end_of_turn_confidence_threshold": 0.5,
    "min_turn_silence": 300,
    "max_turn_silence": 2000,
}
ALL_SETTINGS = SETTINGS | {
    "speech_model": "u3-rt-pro",
    "mode": "min_latency",
    "domain": "medical-v1",
    "turn_left_pad_ms": 100,
    "interruption_delay": 200,
    "vad_threshold": 0.25,
    "voice_focus": "near-field",
    "voice_focus_threshold": 0.75,
    "prompt": "a & b = c? naïve",
    "agent_context": "d",
    "language_codes": ("en", "es"),
    "language_code": "en",
    "language_detection": True,
    "speaker_labels": True,
    "max_speakers": 3,
    "speaker_labels_revision_interval_ms": 5000,
    "include_partial_turns": True,
    "continuous_partials": False,
    "filter_profanity": True,
    "redact_pii": True,
    "redact_pii_policies": ("date", "drug"),
    "redact_pii_sub": "entity_name",
    "inactivity_timeout": 60,
    "session_heartbeat": True,
    "acknowledge_silence": True,
    "customer_support_audio_capture": False,
    "webhook_url": "https://example.org/a?b=c&d=e",
    "llm_gateway": {"model": "m", "messages": [{"role": "user", "content": "x & y"}], "max_tokens": 5},
}
TOKEN = {"expires_in_seconds": 60, "max_session_duration_seconds": 600}


async def official_client(url: str, folder: Path, *, sound: bytes = SOUND, **orders: Any) -> list[dict[str, Any]]:
    """Have the official client stream ``sound``; return the events that it told of."""
    (folder / "sound.pcm").write_bytes(sound)
    settings = orders.pop("settings", SETTINGS)
    parameters = {"sample_rate": 16000, "encoding": "pcm_s16le", **settings}
    parameters["keyterms_prompt"] = parameters.pop("keyterms")
    host = f"ws://{urlsplit(url).netloc}"
    every = {"host": host, "key": KEY, "pcm": str(folder / "sound.pcm"), "chunk_ms": 100, "parameters": parameters}
    (folder / "orders.json").write_text(json.dumps(every | {"token": None, "commands": False} | orders))
    return await told_by(CLIENT, "oracle_assemblyai.py", str(folder / "orders.json"))


def command(session: AssemblyAISession) -> None:
    session.keep_alive()
    session.update_configuration(max_turn_silence=900, keyterms_prompt=[], format_turns=False)
    session.force_endpoint()


def plain(query: dict[str, str]) -> dict[str, Any]:
    """A query's values as what they mean: the official client writes True and its own spaces."""
    return {name: _plain(value) for name, value in query.items()}


def _plain(value: str) -> Any:
    return json.loads(value.lower() if value in {"True", "False"} else value) if _is_json(value) else value


def _is_json(value: str) -> bool:
    return value in {"True", "False", "true", "false"} or value[0] in "[{0123456789"


def headers(headers_: dict[str, str], *names: str) -> dict[str, str]:
    named = {name.lower(): value for name, value in headers_.items()}
    return {name: named[name] for name in names}


def order_of(connection: Connection) -> list[Any]:
    return [json.loads(text) for text in connection.texts]


def finals(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in told if event["event"] == "Turn" and event["end_of_turn"]]


@story
async def test_the_official_client_completes_a_session_and_ours_sends_the_same(tmp_path):
    async with AssemblyAIServer() as server:
        told = await official_client(server.url, tmp_path)
        events = await converse(server.url, SOUND, **SETTINGS)

    names = [event["event"] for event in told]
    assert names[0] == "Begin"
    assert names[-1] == "Termination"
    turns = [event for event in told if event["event"] == "Turn"]
    assert [turn["turn_order"] for turn in finals(told)] == [0, 1]
    assert not all(turn["end_of_turn"] for turn in turns)

    theirs, our = server.connections
    assert our.path == theirs.path
    assert plain(our.query) == plain(theirs.query)
    sent = ("authorization", "assemblyai-version")
    assert headers(our.headers, *sent) == headers(theirs.headers, *sent)
    assert our.audio == theirs.audio == SOUND
    assert {size for _, size in our.frames} == {size for _, size in theirs.frames}
    assert order_of(our) == order_of(theirs)
    assert our.closed == theirs.closed

    ended = [event for event in events if isinstance(event, Utterance) and event.final]
    assert [final.text for final in ended] == [turn["transcript"] for turn in finals(told)]
    assert events[-1] == replace(events[-1], clean=True)


@story
async def test_every_parameter_is_sent_as_the_official_client_sends_it(tmp_path):
    async with AssemblyAIServer() as server:
        told = await official_client(server.url, tmp_path, sound=SHORT, settings=ALL_SETTINGS)
        await converse(server.url, SHORT, **ALL_SETTINGS)
    assert told[-1]["event"] == "Termination"
    theirs, our = server.connections
    for name, value in plain(theirs.query).items():
        assert (name, plain(our.query).get(name)) == (name, value)
    assert our.query.keys() == theirs.query.keys()


@story
async def test_the_commands_are_those_of_the_official_client(tmp_path):
    async with AssemblyAIServer() as server:
        told = await official_client(server.url, tmp_path, commands=True)
        await converse(server.url, SOUND, halfway=command, **SETTINGS)
    assert [event["turn_order"] for event in finals(told)] == [0, 1]
    theirs, our = server.connections
    assert order_of(our) == order_of(theirs)
    assert [text["type"] for text in order_of(our)] == [
        "KeepAlive",
        "UpdateConfiguration",
        "ForceEndpoint",
        "Terminate",
    ]
    assert our.frames[-1][1] == theirs.frames[-1][1]


@story
async def test_a_formatted_twin_comes_second_with_the_official_client_and_is_one_final_with_us(tmp_path):
    async with AssemblyAIServer(Scenario(twin_finals=True)) as server:
        told = await official_client(server.url, tmp_path)
        events = await converse(server.url, SOUND, **SETTINGS)
    assert [(turn["turn_order"], turn["turn_is_formatted"]) for turn in finals(told)] == [
        (0, False),
        (0, True),
        (1, False),
        (1, True),
    ]
    ended = [event for event in events if isinstance(event, Utterance) and event.final]
    assert [final.text for final in ended] == [turn["transcript"] for turn in finals(told)[1::2]]


@story
async def test_heartbeats_and_silences_come_as_the_official_client_reads_them(tmp_path):
    settings = SETTINGS | {"session_heartbeat": True, "acknowledge_silence": True}
    async with AssemblyAIServer() as server:
        told = await official_client(server.url, tmp_path, sound=bytes(2100 * 32), settings=settings)
    assert [event["total_audio_received_ms"] for event in told if event["event"] == "Heartbeat"] == [1000, 2000]
    assert [event["end_ms"] for event in told if event["event"] == "Silence"] == [1000, 2000]


@story
async def test_a_temporary_token_is_asked_for_as_the_official_client_does_and_opens_one_session(tmp_path):
    async with AssemblyAIServer() as server:
        told = await official_client(server.url, tmp_path, sound=SHORT, token=TOKEN)
        events = await converse(server.url, SHORT, tokens=True, max_session_seconds=600, **SETTINGS)
    assert told[-1]["event"] == "Termination"
    assert events[-1].clean
    theirs, our = server.tokens.asked
    assert (our.path, our.query) == (theirs.path, theirs.query)
    assert headers(our.headers, "authorization") == headers(theirs.headers, "authorization")
    their_session, our_session = server.connections
    token = our_session.query.pop("token")  # The official client sends its own as a header.
    assert token != headers(their_session.headers, "authorization")["authorization"]
    assert "authorization" not in {name.lower() for name in our_session.headers}
    assert plain(our_session.query) == plain(their_session.query)


@story
async def test_the_stand_in_refuses_the_official_client_with_a_wrong_key(tmp_path):
    async with AssemblyAIServer() as server:
        told = await official_client(server.url, tmp_path, sound=SHORT, key="wrong")
    assert told[0]["event"] == "Error"
    assert "Unauthorized Connection" in told[0]["error"]
    assert server.connections[0].closed == (1008, "Unauthorized Connection: Invalid API key")


@story
async def test_the_stand_in_refuses_the_official_client_with_chunks_that_are_too_short(tmp_path):
    async with AssemblyAIServer() as server:
        told = await official_client(server.url, tmp_path, sound=SHORT, chunk_ms=25)
    (error,) = [event for event in told if event["event"] == "Error"][:1]
    assert error["code"] == 3007
    assert "Expected between 50 and 1000 ms" in error["error"]


@story
async def test_an_error_that_no_close_frame_has_room_for_reaches_the_official_client_and_us(tmp_path):
    words = "Session Cancelled: An error occurred, " + "and so on " * 20
    scenario = Scenario(fault=Fault.ERROR, fault_at_ms=200, error=(3005, words.strip()))
    async with AssemblyAIServer(scenario) as server:
        told = await official_client(server.url, tmp_path, sound=SHORT)
        events = await converse(server.url, SHORT, **SETTINGS)
    assert [(event["code"], event["error"]) for event in told if event["event"] == "Error"] == [(3005, words.strip())]
    theirs, our = server.connections
    assert our.closed == (3005, "See Error message for details")
    assert theirs.closed in [our.closed, (1000, "")]  # It hangs up at the Error, which may be before the close comes.
    assert events[-1].code == 3005
    assert events[-1].reason == words.strip()[:200]


@story
@pytest.mark.parametrize("code", [1008, 3009])
async def test_one_session_too_many_is_closed_with_either_code(tmp_path, code):
    async with AssemblyAIServer(Scenario(sessions_per_minute=1, too_many_code=code)) as server:
        await converse(server.url, SHORT, **SETTINGS)
        told = await official_client(server.url, tmp_path, sound=SHORT)
        events = await converse(server.url, SHORT, **SETTINGS)
    (error,) = [event for event in told if event["event"] == "Error"]
    assert "concurrent sessions" in error["error"]
    assert (events[-1].code, events[-1].verdict.value) == (code, "wait")
