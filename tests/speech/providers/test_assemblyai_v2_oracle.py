"""The official client (assemblyai 0.33.0) and our provider against the same stand-in: one proves it, one is judged."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from edgetx.config import Secret
from edgetx.errors import Refused
from edgetx.provider_settings import AssemblyAIV2Settings
from edgetx.speech import registry
from edgetx.speech.encoding import Encoder
from edgetx.speech.events import Closed, Notice, Opened, Progress, Received, SessionEvent, Utterance, Verdict
from edgetx.speech.providers.assemblyai_codes import LEGACY_CLOSES
from edgetx.speech.providers.assemblyai_v2 import AssemblyAIV2
from tests.rigs.assemblyai_v2_messages import DEPRECATED, KEY, Scenario, transcript
from tests.rigs.assemblyai_v2_server import AssemblyAIV2Server, Connection
from tests.rigs.desk import TWO_WORDS, Desk, assert_words_at
from tests.rigs.hearing import bursts
from tests.rigs.oracle_venv import python_with, told_by
from tests.rigs.story import story

CLIENT = "assemblyai==0.33.0"
DRIVER = "oracle_assemblyai_v2.py"
SOUND = bursts(0.3, 0.9, 0.9, 0.4, 0.3)  # Two utterances; the second is still under way at the end.
SHORT = bursts(0.2, 0.2)


async def official_client(url: str, folder: Path, *, sound: bytes = SOUND, key: str = KEY, **options: Any) -> list[Any]:
    """Have the official client stream ``sound``; return what it told of."""
    path = folder / "sound"
    path.write_bytes(sound)
    return await told_by(CLIENT, DRIVER, urlsplit(url).netloc, key, str(path), json.dumps(options))


def provider(url: str, **settings: Any) -> AssemblyAIV2:
    return AssemblyAIV2("old", AssemblyAIV2Settings(Secret("text", KEY), url=url, **settings), KEY)


async def ours(
    it: AssemblyAIV2, *, sound: bytes = SOUND, force_at: int | None = None, finish: bool = True
) -> list[SessionEvent]:
    """Stream ``sound`` as edgetx does, as fast as it goes; return what happened, up to the close."""
    session, events = it.session(), []
    async with registry.connect(it.opening()) as wire:
        while not any(isinstance(event, Closed) for event in events):
            if (message := await wire.receive()) is None:
                session.connection_closed(wire.close_code, wire.close_reason)
            else:
                session.receive(message)
            events += (new := session.events())
            if any(isinstance(event, Opened) for event in new):
                for number, start in enumerate(range(0, len(sound), 3200)):
                    session.send_audio(sound[start : start + 3200])
                    if number == force_at:
                        session.force_end_utterance()
                if finish:
                    session.finish()
            for due in session.to_send():
                await wire.send(due)
    return events


def said(connection: Connection) -> list[Any]:
    """What was sent, in order: the length of each binary message, the meaning of each text."""
    return [json.loads(part) if isinstance(part, str) else len(part) for part in connection.messages]


def end_of(events: list[SessionEvent]) -> tuple[bool, Verdict, int | None]:
    (closed,) = [event for event in events if isinstance(event, Closed)]
    return closed.clean, closed.verdict, closed.code


# --- a session


@pytest.mark.oracle(CLIENT)
@story
async def test_the_official_client_completes_a_session_with_a_token_and_ours_sends_the_same(tmp_path):
    boost, threshold = ["aws", "google cloud", "naïve"], 500
    async with AssemblyAIV2Server() as server:
        asked = {"word_boost": boost, "end_utterance_silence_threshold": threshold}
        told = await official_client(server.url, tmp_path, token_seconds=90, force_at=20, settings=asked)
        it = provider(
            server.url,
            tokens=True,
            token_seconds=90,
            word_boost=tuple(boost),
            end_utterance_silence_threshold=threshold,
        )
        events = await ours(it, force_at=20)

    names = [event["event"] for event in told]
    assert names[:2] == ["Token", "Open"]
    assert names[-2:] == ["Information", "Close"]
    assert told[-2]["audio_duration_seconds"] == pytest.approx(2.8)
    assert "Error" not in names
    assert any(event["event"] == "PartialTranscript" and not event["text"] for event in told)
    finals = [event for event in told if event["event"] == "FinalTranscript"]
    assert len(finals) >= 2

    theirs, our = server.connections
    assert our.path == theirs.path
    names = [name for name, _ in theirs.query]
    assert [name for name, _ in our.query] == names
    assert [pair for pair in our.query if pair[0] != "token"] == [pair for pair in theirs.query if pair[0] != "token"]
    assert dict(our.query)["token"] != dict(theirs.query)["token"]
    assert "authorization" not in our.headers | theirs.headers
    assert our.audio == theirs.audio == SOUND
    assert said(our) == said(theirs)
    assert said(our)[0] == {"end_utterance_silence_threshold": threshold}
    assert said(our)[-1] == {"terminate_session": True}
    assert our.closed == theirs.closed == (1000, "")

    (their_question, their_body), (our_question, our_body) = server.token_requests
    for header in ("authorization", "content-type"):
        assert our_question[header] == their_question[header]
    assert json.loads(our_body) == json.loads(their_body) == {"expires_in": 90}

    heard = [event for event in events if isinstance(event, Utterance) and event.final]
    assert [(event.text, event.start_ms, event.end_ms) for event in heard] == [
        (event["text"], event["audio_start"], event["audio_end"]) for event in finals
    ]
    assert any(isinstance(event, Utterance) and not event.final for event in events)
    assert Notice("provider", {"audio_duration_seconds": 2.8}) in events
    assert events[-1].clean


@pytest.mark.oracle(CLIENT)
@story
async def test_the_same_with_a_key_and_mu_law_at_8_khz_and_finals_alone(tmp_path):
    encoder = Encoder(8000, "pcm_mulaw")
    encoded = encoder.encode(SOUND) + encoder.flush()
    async with AssemblyAIV2Server() as server:
        asked = {"sample_rate": 8000, "encoding": "pcm_mulaw", "disable_partial_transcripts": True}
        told = await official_client(
            server.url, tmp_path, sound=encoded, bytes_a_ms=8, pace=4, settings={**asked, "information": False}
        )
        events = await ours(provider(server.url, **asked, enable_extra_session_information=False))

    finals = [event for event in told if event["event"] == "FinalTranscript"]
    assert [event["event"] for event in told] == ["Open", *["FinalTranscript"] * len(finals), "Close"]
    assert [final["audio_start"] for final in finals] == [300, 2100]  # The stand-in decodes, so it hears in its place.

    theirs, our = server.connections
    assert our.query == theirs.query
    assert our.headers["authorization"] == theirs.headers["authorization"] == KEY
    assert our.audio[: len(encoded)] == theirs.audio == encoded
    assert not our.audio[len(encoded) :].strip(b"\xff")
    assert our.closed == theirs.closed == (1000, "")
    heard = [event for event in events if isinstance(event, Utterance)]
    assert [(event.text, event.final) for event in heard] == [(final["text"], True) for final in finals]


# --- what the stand-in refuses

WRONG = {
    "wrong key": (Scenario(), {"key": "wrong"}, 4001, "Not Authorized"),
    "sample rate": (Scenario(), {"settings": {"sample_rate": 0}}, 4000, "Sample rate must be a positive integer"),
    "word boost": (Scenario(), {"settings": {"word_boost": "x"}}, 4104, "Could not parse word boost parameter"),
    "too short": (Scenario(), {"chunk_ms": 50}, 4032, "Audio duration is too short"),
    "too long": (
        Scenario(),
        {"chunk_ms": 2100, "sound": bytes(2100 * 64), "pace": 10},
        4033,
        "Audio duration is too long",
    ),
    "too fast": (Scenario(fast_seconds=1), {"sound": bytes(320_000), "pace": 10}, 4029, "Client sent audio too fast"),
    "too long a session": (Scenario(session_seconds=0.5), {}, 4008, "Session Expired"),
    "idle": (Scenario(idle_seconds=0.3), {"chunk_ms": 1000}, 4031, "Session idle for too long"),
    "schema": (
        Scenario(),
        {"settings": {"end_utterance_silence_threshold": 20_001}},
        4101,
        "Endpoint received a message with an invalid schema",
    ),
    "temporary": (Scenario(fails=(1013, "Come again"), fails_at_ms=200), {}, 1013, "Come again"),
}


@pytest.mark.oracle(CLIENT)
@pytest.mark.parametrize("what", WRONG)
@story
async def test_the_stand_in_ends_a_session_of_the_official_client_as_the_vendor_does(tmp_path, what):
    scenario, options, code, text = WRONG[what]
    async with AssemblyAIV2Server(scenario) as server:
        told = await official_client(server.url, tmp_path, **options)
    errors = {event["error"] for event in told if event["event"] == "Error"}
    assert text in errors
    assert server.connections[0].closed == (code, text)


@pytest.mark.oracle(CLIENT)
@story
async def test_the_official_client_too_is_told_of_a_deprecated_model_and_of_too_many_streams(tmp_path):
    async with AssemblyAIV2Server(Scenario(deprecated=True)) as server:
        told = await official_client(server.url, tmp_path, sound=SHORT, close=False)
    assert {"event": "Error", "error": DEPRECATED} in told
    async with AssemblyAIV2Server(streams=0) as server:
        await official_client(server.url, tmp_path, sound=SHORT)
    assert server.connections[0].closed == (4102, "This account has exceeded the number of allowed streams")


@pytest.mark.oracle(CLIENT)
@story
async def test_our_table_knows_every_code_that_the_official_client_knows():
    python = python_with(CLIENT)
    program = "from assemblyai.types import RealtimeErrorMapping as m; print(*m)"
    run = await asyncio.create_subprocess_exec(str(python), "-c", program, stdout=asyncio.subprocess.PIPE)
    output, _ = await run.communicate()
    assert {int(code) for code in output.split()} <= {row.code for row in LEGACY_CLOSES}


# --- ours alone


@story
async def test_audio_in_json_is_the_same_audio():
    async with AssemblyAIV2Server() as server:
        await ours(provider(server.url, audio_framing="base64"), sound=SHORT + b"\1\0")
    connection = server.connections[0]
    assert connection.audio == SHORT + b"\1\0" + bytes(3198)
    assert [list(part) for part in said(connection)] == [["audio_data"]] * 5 + [["terminate_session"]]


@story
async def test_each_connection_brings_a_token_of_its_own_and_one_that_is_used_up_or_too_old_asks_for_another():
    async with AssemblyAIV2Server() as server:
        it = provider(server.url, tokens=True)
        assert end_of(await ours(it, sound=SHORT))[0]
        assert end_of(await ours(it, sound=SHORT))[0]
        used = urlsplit(server.url)._replace(query=f"token={dict(server.connections[0].query)['token']}").geturl()
        session = provider(used, tokens=True).session()
        async with registry.connect(provider(used).opening()) as wire:
            while (message := await wire.receive()) is not None:
                session.receive(message)
            session.connection_closed(wire.close_code, wire.close_reason)
    assert end_of(session.events()) == (False, Verdict.TOKEN, 4001)
    async with AssemblyAIV2Server(token_seconds=0) as server:
        assert end_of(await ours(provider(server.url, tokens=True))) == (False, Verdict.TOKEN, 4001)


@story
async def test_a_wrong_key_gets_no_token():
    async with AssemblyAIV2Server() as server:
        it = AssemblyAIV2("old", AssemblyAIV2Settings(Secret("text", "w"), url=server.url, tokens=True), "w")
        with pytest.raises(Refused, match=r"^AssemblyAI gave no token, with HTTP status 401: Authentication error"):
            await ours(it)


@story
async def test_a_deprecated_model_ends_our_session_though_the_connection_stays_open():
    async with AssemblyAIV2Server(Scenario(deprecated=True)) as server:
        events = await ours(provider(server.url))
    assert end_of(events) == (False, Verdict.REFUSED, None)
    assert "write 'type: assemblyai' instead" in events[-1].reason


@story
async def test_every_close_of_the_table_arrives_with_its_verdict_code_and_words():
    for row in LEGACY_CLOSES:
        async with AssemblyAIV2Server(Scenario(fails=(row.code, f"No. {row.code}"), fails_at_ms=200)) as server:
            events = await ours(provider(server.url), sound=SHORT, finish=False)
        assert end_of(events) == (False, row.verdict, row.code)
        assert events[-1].reason == f"No. {row.code}"


@story
async def test_a_script_is_heard_word_by_word():
    script = (
        (100, transcript("", 0, 100, final=False)),
        (200, transcript("how can", 0, 200, [{"start": 50, "end": 90, "text": "how", "confidence": 0.4}], final=False)),
        (300, transcript("How can I?", 0, 300, final=True)),
        (400, transcript("", 300, 400, final=True)),
    )
    async with AssemblyAIV2Server(Scenario(script=script)) as server:
        events = await ours(provider(server.url), sound=SHORT)
    kinds = [Opened, Received, Utterance, Utterance, Progress, Notice, Closed]
    assert [type(event) for event in events] == kinds
    assert [event.key for event in events if isinstance(event, Utterance)] == ["0", "0"]


@story
async def test_the_stand_in_refuses_what_no_client_sends():
    async with AssemblyAIV2Server(streams=1) as server:
        first = provider(server.url)
        async with registry.connect(first.opening()) as wire:
            await wire.receive()
            assert end_of(await ours(provider(server.url))) == (False, Verdict.WAIT, 4102)
            await wire.send("}{")
            while await wire.receive() is not None:
                pass
            assert wire.close_code == 4100


# --- with the transcriber


async def transcribed(*scenarios: Scenario, **settings: Any) -> Desk:
    """Transcribe two words to their end."""
    async with AssemblyAIV2Server(*scenarios) as server:
        desk = Desk(server.url)
        desk.put(TWO_WORDS)
        desk.log.finish()
        it = provider(server.url, end_utterance_silence_threshold=400, **settings)
        await replace(desk.transcriber, provider=it, connect=registry.connect).run()
    return desk


@story
async def test_words_arrive_in_their_places_and_every_frame_is_settled():
    desk = await transcribed(sample_rate=8000, encoding="pcm_mulaw", tokens=True)
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert desk.is_settled()
    assert [status for status, _ in desk.reports] == ["connecting", "ready", "idle"]


@story
async def test_what_a_broken_session_did_not_answer_is_sent_again_and_nothing_twice():
    desk = await transcribed(Scenario(fails=(4029, "Client sent audio too fast"), fails_at_ms=1600), Scenario())
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert desk.is_settled()
    first, last = desk.events("session_closed")
    assert (first["code"], first["reason"], last["clean"]) == (4029, "Client sent audio too fast", True)


@story
async def test_a_deprecated_model_is_reported_as_refused_with_what_to_write_instead():
    desk = await transcribed(Scenario(deprecated=True), Scenario())
    (detail,) = [detail for status, detail in desk.reports if status == "refused"]
    assert "write 'type: assemblyai' instead of 'type: assemblyai-v2'" in detail
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
