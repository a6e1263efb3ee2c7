"""Questions over HTTP to real servers on loopback: sockets that answer, or do what they like."""

import asyncio
import os
import socket
import threading
import time
from contextlib import suppress

import pytest

from edgetx.errors import Refused, TryAgain
from edgetx.speech import http
from edgetx.speech.session import HttpAnswer, HttpRequest
from edgetx.supervisor import DaemonThreads
from tests.rigs.certificates import certificate
from tests.rigs.http_server import answer, http_server
from tests.rigs.story import story, until

SECRET = "Bearer very-secret"


def request(port: int, **more) -> HttpRequest:
    url = f"http://127.0.0.1:{port}/v3/token?expires_in_seconds=60"
    return HttpRequest("fetch a token", "GET", url, {"Authorization": SECRET}, **more)


async def trouble(question: HttpRequest, seconds: float = 10.0) -> str:
    """Ask, and return what is said of the failure, which has no secret in it."""
    with pytest.raises(TryAgain) as raised:
        await http.ask(question, seconds)
    assert "secret" not in str(raised.value) + repr(question)
    assert "expires" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return str(raised.value)


@story
async def test_a_question_goes_out_with_its_headers_and_the_answer_comes_back():
    with http_server(answer(b'{"token":"t"}')) as (port, asked):
        assert await http.ask(request(port)) == HttpAnswer(200, b'{"token":"t"}')
    lines = asked[0].decode().split("\r\n")
    assert lines[0] == "GET /v3/token?expires_in_seconds=60 HTTP/1.1"
    assert f"Authorization: {SECRET}" in lines
    assert f"Host: 127.0.0.1:{port}" in lines


@story
async def test_a_body_is_sent_with_its_length():
    with http_server(answer(b"")) as (port, asked):
        question = HttpRequest("open a session", "POST", f"http://127.0.0.1:{port}", body=b'{"a":1}')
        assert (await http.ask(question)).status == 200
    assert asked[0].startswith(b"POST / HTTP/1.1\r\n")
    assert b"Content-Length: 7\r\n" in asked[0]
    assert asked[0].endswith(b'\r\n\r\n{"a":1}')


@pytest.mark.parametrize("status", ["401 Unauthorized", "409 Conflict", "503 Service Unavailable"])
def test_any_status_is_an_answer(status):
    @story
    async def told():
        with http_server(answer(b"no", status=status)) as (port, _):
            assert await http.ask(request(port)) == HttpAnswer(int(status[:3]), b"no")

    told()


@story
async def test_a_redirect_is_not_followed():
    with http_server(answer(b"", status="302 Found", more="Location: http://127.0.0.1:1/\r\n")) as (port, asked):
        assert (await http.ask(request(port))).status == 302
    assert len(asked) == 1


@story
async def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    told = await trouble(request(port))
    assert told.startswith(f"Could not fetch a token: 127.0.0.1:{port} cannot be reached: ")


@story
async def test_a_name_that_nobody_knows():
    question = HttpRequest("fetch a token", "GET", "https://no-such-host.invalid/x", {"Authorization": SECRET})
    told = await trouble(question)
    assert told.startswith("Could not fetch a token: no-such-host.invalid:443 cannot be reached: ")


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n"])
def test_a_server_that_speaks_something_else(reply):
    @story
    async def told():
        with http_server(reply) as (port, _):
            assert "127.0.0.1" in (said := await trouble(request(port)))
            assert said.endswith(("does not answer in HTTP.", "without response."))

    told()


@story
async def test_an_answer_without_end_is_not_read_to_its_end():
    with http_server(answer(bytes(http.ANSWER_BYTES))) as (port, _):
        assert len((await http.ask(request(port))).body) == http.ANSWER_BYTES
    with http_server(answer(bytes(http.ANSWER_BYTES + 1))) as (port, _):
        assert (await trouble(request(port))).endswith("does not answer in HTTP.")


@story
async def test_a_server_that_does_not_answer_in_time():
    enough = threading.Event()
    with http_server(answer(b""), wait=enough) as (port, _):
        began = time.monotonic()
        told = await trouble(request(port), 0.2)
        assert time.monotonic() - began < 5
        enough.set()
    assert told == f"Could not fetch a token: 127.0.0.1:{port} did not answer within 0.2 seconds."


@story
async def test_an_answer_that_trickles_in_is_late_too():
    going = True

    def trickle(door: socket.socket) -> None:
        caller, _ = door.accept()
        with caller, suppress(OSError):
            caller.recv(65_536)
            caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
            while going:
                caller.sendall(b".")
                time.sleep(0.01)

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=trickle, args=(door,), daemon=True)
        thread.start()
        told = await trouble(request(door.getsockname()[1]), 0.3)
        going = False
        thread.join()
    assert told.endswith("did not answer within 0.3 seconds.")


@story
async def test_who_is_cancelled_leaves_no_thread_waiting():
    enough = threading.Event()
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    with http_server(answer(b""), wait=enough) as (port, asked):
        asking = asyncio.create_task(http.ask(request(port), 60))
        await until(lambda: asked)
        assert "_ask" in {thread.name for thread in threading.enumerate()}
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: "_ask" not in {thread.name for thread in threading.enumerate()})
        enough.set()


@story
async def test_a_certificate_is_asked_for_and_one_that_nobody_vouches_for_is_no_answer(tmp_path):
    tls = certificate(tmp_path)
    with http_server(answer(b""), tls=tls) as (port, asked):
        question = HttpRequest("fetch a token", "GET", f"https://127.0.0.1:{port}/", {"Authorization": SECRET})
        told = await trouble(question)
    assert told.startswith(f"Could not fetch a token: 127.0.0.1:{port} cannot be trusted; is the clock right, ")
    assert asked == []


@story
async def test_with_a_certificate_that_this_device_trusts_all_is_well(tmp_path, monkeypatch):
    tls = certificate(tmp_path)
    monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with http_server(answer(b"yes"), tls=tls) as (port, _):
        question = HttpRequest("fetch a token", "GET", f"https://127.0.0.1:{port}/")
        assert (await http.ask(question)).body == b"yes"


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://x:99999/", "http://[x/", "http://x/a b", "http://x/ä"])
def test_an_address_that_is_none_is_refused_without_a_connection(url):
    with pytest.raises(Refused, match="Could not fetch a token: the address is not one of HTTP") as raised:
        asyncio.run(http.ask(HttpRequest("fetch a token", "GET", url)))
    assert url not in str(raised.value)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "ü"])
def test_a_header_that_http_does_not_allow_is_refused_without_a_connection(value):
    question = HttpRequest("fetch a token", "GET", "http://127.0.0.1:1/", {"Authorization": value})
    with pytest.raises(Refused, match="header Authorization") as raised:
        asyncio.run(http.ask(question))
    assert value not in str(raised.value)
