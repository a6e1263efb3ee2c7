"""Each provider in the network from sound to words, through what the daemon wires: breaks, tokens and places included.

Against the stand-ins that the vendors' own clients have proved.
"""

import pytest

from edgetx.audio.format import RATE
from edgetx.config import Secret
from edgetx.doctor import provider as doctor
from edgetx.provider_settings import AiolaSettings, AssemblyAISettings, AssemblyAIV2Settings
from edgetx.speech import registry
from edgetx.speech.ledger import Fate
from edgetx.speech.session import Provider
from tests.rigs import aiola_scenario, assemblyai_scenario, assemblyai_v2_messages
from tests.rigs.aiola_server import AiolaServer
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.assemblyai_v2_server import AssemblyAIV2Server
from tests.rigs.desk import TWO_WORDS, Desk, assert_words_at
from tests.rigs.story import story


def assemblyai(url: str) -> Provider:
    key = assemblyai_scenario.KEY
    return registry.provider("aai", AssemblyAISettings(Secret("text", key), url=url, tokens=True), api_key=key)


def assemblyai_v2(url: str) -> Provider:
    key = assemblyai_v2_messages.KEY
    settings = AssemblyAIV2Settings(Secret("text", key), url=url, tokens=True, end_utterance_silence_threshold=400)
    return registry.provider("old", settings, api_key=key)


def aiola(url: str) -> Provider:
    key = aiola_scenario.KEY
    settings = AiolaSettings(Secret("text", key), endpoint=url, auth_endpoint=url, chunk_samples=1600)
    return registry.provider("aiola", settings, api_key=key)


async def transcribed(provider: Provider) -> Desk:
    desk = Desk(provider=provider)
    desk.put(TWO_WORDS)
    desk.log.finish()
    await desk.transcriber.run()
    assert desk.is_settled()
    assert desk.account.ledger.settled[Fate.LOST] == 0
    return desk


@story
async def test_assemblyai_gets_a_new_token_for_each_session_and_no_word_is_lost_between_them():
    broken = assemblyai_scenario.Scenario(fault=assemblyai_scenario.Fault.RESET, fault_at_ms=1500)
    async with AssemblyAIServer(broken, assemblyai_scenario.Scenario()) as server:
        desk = await transcribed(assemblyai(server.url))
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    tokens = [connection.query["token"] for connection in server.connections]
    assert len(set(tokens)) == len(tokens) == 2


@story
async def test_assemblyai_v2_too():
    async with AssemblyAIV2Server() as server:
        desk = await transcribed(assemblyai_v2(server.url))
    assert_words_at(desk, (0.3, 0.7), (1.3, 1.8))
    assert len(server.token_requests) == len(server.connections) == 1


@pytest.mark.parametrize("fault", list(aiola_scenario.Fault))
def test_aiola_gets_its_only_place_back_after_each_session_and_hears_everything(fault):
    @story
    async def told():
        broken = aiola_scenario.Scenario(fault=fault, fault_at_ms=1000)
        async with AiolaServer(broken, aiola_scenario.Scenario(), jwt_once=True) as server:
            desk = await transcribed(aiola(server.url))
            assert server.sessions == set()
        assert len(desk.finals) == 2
        assert all(final.estimated for final in desk.finals)
        assert abs(desk.finals[1].frames[1] - 1.8 * RATE) < RATE
        again = fault is not aiola_scenario.Fault.NONE
        assert [question.method for question in server.questions if question.method == "DELETE"] == ["DELETE"] * (
            1 + again
        )
        assert len(desk.events("session_closed")) == 1 + again

    told()


@pytest.mark.parametrize(
    ("server", "provider"), [(AssemblyAIServer, assemblyai), (AssemblyAIV2Server, assemblyai_v2), (AiolaServer, aiola)]
)
def test_the_doctor_finds_each_well(server, provider):
    @story
    async def told():
        lines: list[str] = []
        async with server() as there:
            assert await doctor.examine([provider(there.url)], show=lines.append), lines
        assert [verdict for line in lines[1:] if (verdict := line[12:20].strip()) not in {"", "note"}] == ["ok"] * 6

    told()


@story
async def test_the_doctor_finds_a_wrong_key_before_a_session_is_asked_for():
    lines: list[str] = []
    async with AiolaServer(key="another") as server:
        assert not await doctor.examine([aiola(server.url)], show=lines.append)
    assert [line[:20].split() for line in lines[1:] if line[0] != " "][2:] == [["authorised", "FAILED"]]
    assert aiola_scenario.KEY not in "".join(lines)


@story
async def test_the_doctor_shows_why_a_namespace_is_refused():
    lines: list[str] = []
    refusing = aiola_scenario.Scenario(refusal=("authentication failed", {"code": "UNAUTHORIZED"}))
    async with AiolaServer(refusing) as server:
        assert not await doctor.examine([aiola(server.url)], show=lines.append)
    assert "authentication failed UNAUTHORIZED. Check the key" in " ".join(" ".join(lines).split())
