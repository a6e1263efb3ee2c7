"""The first steps to a server; `test_broker` and `test_provider` take them against real ones."""

import asyncio
import errno
import socket
import ssl

import pytest

from edgetx.doctor import network
from edgetx.errors import TryAgain
from tests.rigs.story import story


@story
async def test_a_name_server_that_does_not_answer(monkeypatch):
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(network, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    with pytest.raises(TryAgain, match=r"No name server knew broker\.lan within 0\.05 s\."):
        await network.resolved("broker.lan", 1883)


@story
async def test_a_port_that_takes_us_and_says_nothing_of_tls(monkeypatch):
    monkeypatch.setattr(network, "PATIENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(TryAgain, match=r"did not answer within 0\.2 s\."):
            await network.touch("127.0.0.1", silent.getsockname()[1], ssl.create_default_context())
        await network.touch("127.0.0.1", silent.getsockname()[1], None)


@story
async def test_a_name_that_is_none():
    with pytest.raises(TryAgain, match="has no address"):
        await network.resolved("a" * 70 + ".lan", 1)


def test_the_systems_words():
    assert network.reason(OSError(errno.ECONNREFUSED, "tuple")) == "Connection refused"
    assert network.reason(OSError("no number")) == "no number"
