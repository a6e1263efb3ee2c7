"""The way to a connection and out of it again: what is asked before, what is said after, over real sockets."""

import asyncio
import logging
import select
import socket
import threading

import pytest

from edgetx.config import Secret
from edgetx.errors import Refused, TryAgain
from edgetx.provider_settings import AiolaSettings, AssemblyAISettings, AssemblyAIV2Settings, LocalSettings
from edgetx.speech import registry
from edgetx.speech.session import HttpRequest, Opening, SocketIORequest, WebSocketRequest, at_once
from edgetx.supervisor import DaemonThreads
from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.assemblyai_server import AssemblyAIServer
from tests.rigs.http_server import answer, http_server
from tests.rigs.story import story, until

SECRET = Secret("text", "very-secret")


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (LocalSettings(), "Local"),
        (AssemblyAISettings(SECRET), "AssemblyAI"),
        (AssemblyAIV2Settings(SECRET), "AssemblyAIV2"),
        (AiolaSettings(SECRET), "Aiola"),
    ],
)
def test_each_type_has_its_vendors_file_and_shows_no_key(settings, kind):
    provider = registry.provider("it", settings, api_key="very-secret")
    assert (type(provider).__name__, provider.name) == (kind, "it")
    assert "very-secret" not in repr(provider)


def asking(port: int, url: str) -> Opening:
    """Ask for a key first, then lead to the stand-in with it."""
    answered = yield HttpRequest("fetch a token", "GET", f"http://127.0.0.1:{port}/token", {"Authorization": "secret"})
    if answered.status != 200:
        raise Refused("No token.")
    return WebSocketRequest(url, {"Authorization": answered.body.decode()})


@story
async def test_what_has_to_be_asked_is_asked_first_and_the_answer_is_used():
    async with AssemblyAIServer() as server:
        with http_server(answer(KEY.encode())) as (port, asked):
            async with registry.connect(asking(port, server.url)) as wire:
                assert "Begin" in str(await wire.receive())
        assert len(asked) == len(server.connections) == 1


@story
async def test_a_no_is_the_providers_to_understand_and_nothing_is_connected():
    async with AssemblyAIServer() as server:
        with http_server(answer(b"", status="401 Unauthorized")) as (port, _), pytest.raises(Refused, match="No token"):
            async with registry.connect(asking(port, server.url)):
                pass
        assert server.connections == []


@story
async def test_no_answer_is_trouble_that_passes():
    with pytest.raises(TryAgain, match=r"Could not fetch a token: 127\.0\.0\.1:1 cannot be reached"):
        async with registry.connect(asking(1, "ws://127.0.0.1:1")):
            pass


# --- the farewell -----------------------------------------------------------------------------------------------


def with_farewell(url: str, port: int) -> Opening:
    farewell = HttpRequest("give the place back", "DELETE", f"http://127.0.0.1:{port}/session", {"Authorization": "s"})
    return at_once(SocketIORequest(url, "/socket.io", "/events", transports=("websocket",), farewell=farewell))


async def leave(opening: Opening) -> None:
    """Try to connect where nobody is."""
    with pytest.raises(TryAgain):
        async with registry.connect(opening):
            pass


@story
async def test_a_place_is_given_back_even_if_the_connection_did_not_come_about():
    with http_server(answer(b"{}")) as (port, asked):
        await leave(with_farewell("http://127.0.0.1:1", port))
    assert asked[0].startswith(b"DELETE /session HTTP/1.1\r\n")


@story
async def test_a_place_is_given_back_by_one_who_is_cancelled_while_connecting():
    with socket.create_server(("127.0.0.1", 0)) as silent, http_server(answer(b"{}")) as (port, asked):
        opening = with_farewell(f"http://127.0.0.1:{silent.getsockname()[1]}", port)
        connecting = asyncio.create_task(leave(opening))
        await until(lambda: select.select([silent], [], [], 0)[0])
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert len(asked) == 1


def begging(port: int) -> Opening:
    """A place is asked for over HTTP, and has to be given back there."""
    answered = yield HttpRequest("begin a session", "POST", f"http://127.0.0.1:{port}/session")
    if answered.status != 200:
        raise Refused("No place.")
    farewell = HttpRequest("give the place back", "DELETE", f"http://127.0.0.1:{port}/{answered.body.decode()}")
    return SocketIORequest("http://127.0.0.1:1", "/socket.io", "/events", farewell=farewell)


@pytest.mark.parametrize(("status", "given_back"), [("200 OK", True), ("409 Conflict", False)])
@story
async def test_a_place_is_given_back_by_one_who_is_cancelled_before_the_answer_comes(status, given_back):
    answers = threading.Event()
    with http_server(answer(b"mine", status=status), answer(b""), wait=answers) as (port, asked):
        connecting = asyncio.create_task(leave(begging(port)))
        await until(lambda: asked)
        connecting.cancel()
        await asyncio.sleep(0)
        answers.set()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert [question.split(b" HTTP")[0] for question in asked] == [b"POST /session"] + [
            b"DELETE /mine"
        ] * given_back


@story
async def test_one_who_is_cancelled_does_not_wait_long_for_an_answer(monkeypatch):
    monkeypatch.setattr(registry, "FAREWELL_SECONDS", 0.1)
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    never = threading.Event()
    with http_server(answer(b"mine"), wait=never) as (port, asked):
        connecting = asyncio.create_task(leave(begging(port)))
        await until(lambda: asked)
        began = asyncio.get_running_loop().time()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert asyncio.get_running_loop().time() - began < 5
        never.set()
    assert len(asked) == 1


@story
async def test_a_farewell_that_fails_is_only_logged(caplog):
    caplog.set_level(logging.INFO, "edgetx")
    await leave(with_farewell("http://127.0.0.1:1", 1))
    with http_server(answer(b"", status="503 Service Unavailable")) as (port, _):
        await leave(with_farewell("http://127.0.0.1:1", port))
    first, second = (record.getMessage() for record in caplog.records if record.name == "edgetx")
    assert first.startswith("Could not give the place back: 127.0.0.1:1 cannot be reached")
    assert second == "Could not give the place back: HTTP status 503."


@story
async def test_a_farewell_to_a_server_that_does_not_answer_is_cut_short(monkeypatch):
    monkeypatch.setattr(registry, "LEAVE_SECONDS", 0.2)
    monkeypatch.setattr(registry, "FAREWELL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await leave(with_farewell("http://127.0.0.1:1", silent.getsockname()[1]))
        assert loop.time() - began < 5
