import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from engineio.base_client import connected_clients

from edgetx.errors import Refused, TryAgain
from edgetx.speech.session import SocketEvent, SocketIORequest
from edgetx.speech.socketio import SocketIO, connect
from tests.rigs.aiola_scenario import KEY, Fault, Scenario
from tests.rigs.aiola_server import PATH, AiolaServer
from tests.rigs.hearing import bursts
from tests.rigs.story import story, until

EVERY_WAY = [("polling", "websocket"), ("websocket",), ("polling",)]
OPEN = '0{"sid":"s1","upgrades":[],"pingTimeout":200,"pingInterval":300,"maxPayload":1000000}'
NAMESPACE = '40/events,{"sid":"s2"}'
CHUNK = SocketEvent("binary_data", (bytes(8192),))
Script = Callable[[web.WebSocketResponse], Awaitable[None]]


def request(url: str, transports: tuple[str, ...] = ("websocket",), **more: object) -> SocketIORequest:
    headers = {"Authorization": f"Bearer {KEY}"}
    return SocketIORequest(f"{url}/?token={KEY}", PATH, "/events", headers, transports, **more)


@contextlib.asynccontextmanager
async def web_server(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]], **site: object
) -> AsyncIterator[str]:
    """Serve HTTP; what is said is the handler's business."""
    app = web.Application()
    app.router.add_route("*", f"{PATH}/", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, **site).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        for handler in runner.server.connections:
            if handler.transport:
                handler.transport.abort()
        await runner.cleanup()
        await asyncio.sleep(0)


def raw_server(script: Script, *, hello: tuple[str, ...] = (OPEN, NAMESPACE)):
    """Serve a WebSocket that says ``hello`` and then does as the script says."""

    async def handle(asked: web.Request) -> web.WebSocketResponse:
        peer = web.WebSocketResponse()
        await peer.prepare(asked)
        with contextlib.suppress(ConnectionError):
            for words in hello:
                await peer.send_str(words)
            await script(peer)
        return peer

    return web_server(handle)


async def listen(peer: web.WebSocketResponse) -> None:
    """Read until the client goes."""
    async for _ in peer:
        pass


@contextlib.asynccontextmanager
async def plain_server(says: bytes | None) -> AsyncIterator[str]:
    """Serve TCP that answers a request with these bytes; None: with nothing, and stays."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if says is not None:
                writer.write(says)
                writer.write_eof()
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.sleep(0.01)


async def trouble_with(asked: SocketIORequest, **options: float) -> TryAgain | Refused:
    with pytest.raises((TryAgain, Refused)) as caught:
        async with connect(asked, **options):
            pass
    sentence = str(caught.value)
    assert sentence.endswith((".", "?"))
    assert KEY not in sentence
    assert not connected_clients
    return caught.value


async def opened(wire: SocketIO) -> None:
    assert (await wire.receive()).name == "connect"


async def send_without_end(wire: SocketIO, waiting: list[int]) -> None:
    """Send until the wire does not take any more; note how many packets waited."""
    while True:
        await wire.send(SocketEvent("binary_data", (bytes(200_000),)))
        waiting.append(wire._engine.queue.qsize())


# --- what works


@pytest.mark.parametrize("transports", EVERY_WAY)
@story
async def test_events_go_both_ways_in_order_over_every_transport(transports):
    sound = bursts(0.3, 0.5, 0.6)
    async with AiolaServer(Scenario(asks=True, says=(("structured", {"a": 1}),))) as server:
        async with connect(request(server.url, transports, expires_at=1800.0)) as wire:
            ready = await wire.receive()
            assert (ready.name, ready.args[1]) == ("connect", 1800.0)
            assert await wire.receive() == SocketEvent("structured", ({"a": 1},))
            await wire.send(SocketEvent("set_keywords", (b'["aiola"]',)))
            for start in range(0, len(sound), 8192):
                await wire.send(SocketEvent("binary_data", (sound[start : start + 8192],)))
            await wire.send(SocketEvent("binary_data", (b"",)))
            assert await wire.receive() == SocketEvent("transcript", ({"transcript": "Word1."},))
            (connection,) = server.connections
            await until(lambda: connection.acks and len(connection.events) == 2 + -(-len(sound) // 8192))
        assert connection.acks == [({"status": "received"},)]
        assert connection.events[0] == ("set_keywords", (b'["aiola"]',))
        assert connection.events[-1] == ("binary_data", (b"",))
        assert connection.audio == sound
        assert connection.transport == transports[-1]
        await until(lambda: connection.closed)
        assert connection.closed == "client disconnect"
    assert not connected_clients


@story
async def test_the_request_carries_the_query_the_headers_and_our_name():
    async with AiolaServer() as server, connect(request(server.url, ("polling", "websocket"))) as wire:
        await opened(wire)
        (connection,) = server.connections
    assert connection.path == f"{PATH}/"
    assert (connection.query["token"], connection.query["EIO"]) == (KEY, "4")
    assert connection.headers["authorization"] == f"Bearer {KEY}"
    assert connection.headers["user-agent"].startswith("edgetx/")


@pytest.mark.parametrize(("serves", "asks"), [("polling", EVERY_WAY[0]), ("websocket", EVERY_WAY[1])])
@story
async def test_a_server_with_one_transport_will_do(serves, asks):
    async with AiolaServer(transports=(serves,)) as server, connect(request(server.url, asks)) as wire:
        await opened(wire)
        await wire.send(CHUNK)
        await until(lambda: server.connections[0].audio)
        assert server.connections[0].transport == serves


@story
async def test_an_answered_ping_confirms_what_was_sent_before_it():
    async with AiolaServer(ping=(0.1, 0.3)) as server, connect(request(server.url)) as wire:
        await opened(wire)
        assert wire.confirmed_at is None
        await wire.send(CHUNK)
        sent_at = asyncio.get_running_loop().time()
        await until(lambda: wire.confirmed_at is not None and wire.confirmed_at > sent_at)
        assert server.connections[0].audio == CHUNK.args[0]


@story
async def test_the_programs_own_signal_handlers_stay():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handled = dict(asyncio.get_running_loop()._signal_handlers)
    async with AiolaServer() as server, connect(request(server.url)) as wire:
        await opened(wire)
        assert {number: signal.getsignal(number) for number in before} == before
        assert asyncio.get_running_loop()._signal_handlers == handled


@pytest.mark.parametrize("transports", EVERY_WAY)
@story
async def test_no_secret_reaches_the_log(caplog, transports):
    caplog.set_level(logging.DEBUG)
    scenario = Scenario(fault=Fault.RESET, fault_at_ms=1)
    async with AiolaServer(scenario) as server, connect(request(server.url, transports)) as wire:
        await opened(wire)
        await wire.send(CHUNK)
        assert await wire.receive() is None
        assert KEY not in wire.close_reason
    ours = [record for record in caplog.records if record.name not in ("aiohttp.access", "aiohttp.server")]
    assert KEY not in "\n".join(record.getMessage() for record in ours)
    assert not logging.getLogger("engineio.client").handlers


@story
async def test_what_socketio_cannot_send_is_a_fault_of_the_program():
    async with AiolaServer() as server, connect(request(server.url)) as wire:
        await opened(wire)
        assert not wire.ready
        with pytest.raises(TypeError):
            wire.send_now(CHUNK)
        with pytest.raises(TypeError):
            await wire.send(b"bytes")


# --- the server's end


@story
async def test_a_refusal_in_the_namespace_keeps_its_words():
    refusal = ("authentication failed", {"code": "UNAUTHORIZED"})
    async with AiolaServer(Scenario(refusal=refusal)) as server, connect(request(server.url)) as wire:
        data = {"message": "authentication failed", "data": {"code": "UNAUTHORIZED"}}
        assert await wire.receive() == SocketEvent("connect_error", (data,))
        assert await wire.receive() is None
        assert "ended the session" in wire.close_reason


@pytest.mark.parametrize("transports", EVERY_WAY)
@pytest.mark.parametrize("fault", [Fault.DISCONNECT, Fault.CLOSE])
@story
async def test_the_server_ends_the_session(fault, transports):
    scenario = Scenario(fault=fault, fault_at_ms=1)
    async with AiolaServer(scenario) as server, connect(request(server.url, transports)) as wire:
        await opened(wire)
        await wire.send(CHUNK)
        message = await wire.receive()
        if message is not None:  # A close of the transport may come without a word.
            assert message == SocketEvent("disconnect", ("server disconnect",))
            assert await wire.receive() is None
        assert wire.close_code is None
        assert wire.close_reason.startswith(server.url.removeprefix("http://")) or "broke" in wire.close_reason
        with pytest.raises(TryAgain, match=r"ended|broke"):
            await wire.send(CHUNK)


@pytest.mark.parametrize("transports", EVERY_WAY)
@story
async def test_the_connection_is_reset(transports):
    scenario = Scenario(fault=Fault.RESET, fault_at_ms=1)
    async with AiolaServer(scenario) as server, connect(request(server.url, transports)) as wire:
        await opened(wire)
        await wire.send(CHUNK)
        assert await wire.receive() is None
        assert "broke (transport error)" in wire.close_reason
        with pytest.raises(TryAgain, match="broke"):
            await wire.send(CHUNK)
    assert not connected_clients


@story
async def test_a_server_that_stops_asking_whether_we_are_there_is_gone():
    async with raw_server(listen) as url, connect(request(url)) as wire:
        await opened(wire)
        assert await wire.receive() is None
        assert "has sent nothing for 0.5 seconds (ping timeout)" in wire.close_reason


@story
async def test_the_servers_last_words_come_before_its_end():
    async def speak(peer: web.WebSocketResponse) -> None:
        await peer.send_str('42/events,["error",{"message":"TOKEN_EXPIRED"}]')
        await peer.send_str("1")
        await listen(peer)

    async with raw_server(speak) as url, connect(request(url)) as wire:
        await opened(wire)
        assert await wire.receive() == SocketEvent("error", ({"message": "TOKEN_EXPIRED"},))
        assert await wire.receive() == SocketEvent("disconnect", ("server disconnect",))
        assert await wire.receive() is None


# --- too much, too slow, not the protocol


@story
async def test_a_flood_waits_outside_until_we_take_it():
    count, most = 3_000, 0

    async def flood(peer: web.WebSocketResponse) -> None:
        for number in range(count):
            await peer.send_str(f'42/events,["events",{number},"{"x" * 1000}"]')
        await listen(peer)

    async with raw_server(flood) as url, connect(request(url)) as wire:
        await opened(wire)
        for number in range(count):
            assert (await wire.receive()).args[0] == number
            most = max(most, len(wire._inbox))
            if number % 500 == 0:
                await asyncio.sleep(0.05)
    assert most <= 65


@story
async def test_a_peer_that_stops_reading_makes_us_wait_and_then_is_gone():
    async def stall(peer: web.WebSocketResponse) -> None:
        peer._req.transport.pause_reading()
        await asyncio.sleep(60)

    async with raw_server(stall) as url, connect(request(url)) as wire:
        await opened(wire)
        most = []
        with pytest.raises(TryAgain, match="ping timeout"):
            await send_without_end(wire, most)
        assert max(most) <= 10
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 2
    assert not connected_clients


@story
async def test_acknowledgements_asked_for_without_end_do_not_pile_up():
    async def flood(peer: web.WebSocketResponse) -> None:
        peer._req.transport.pause_reading()
        for number in range(100_000):
            await peer.send_str(f'42/events,{number}["events"]')

    async with raw_server(flood) as url, connect(request(url)) as wire:
        await opened(wire)
        most = 0
        while await wire.receive() is not None:
            most = max(most, wire._engine.queue.qsize())
    assert most <= 10


@story
async def test_what_is_not_the_protocol_is_handed_on_and_the_session_lives():
    odd = [
        "4x",
        "42/other,[1]",
        "8",
        '4{"a":1}',
        "42/events,[[[",
        "2probe",
        "6",
        "5",
        "0{}",
        '452-/events,["a"]',
        "43/events,5[]",
    ]

    async def babble(peer: web.WebSocketResponse) -> None:
        for words in odd:
            await peer.send_str(words)
        await peer.send_bytes(b"nobody asked")
        await peer.send_bytes(b"really")
        await peer.send_str('42/events,["transcript",{"transcript":"still"}]')
        await listen(peer)

    async with raw_server(babble) as url, connect(request(url)) as wire:
        await opened(wire)
        got = [await wire.receive()]
        while not isinstance(got[-1], SocketEvent):
            got.append(await wire.receive())
            assert got[-1] is not None, wire.close_reason
        assert got[-1].name == "transcript"
        assert "x" in got


@pytest.mark.parametrize("frame", ["", "x", "b!!!", "\u0664"])
@story
async def test_what_is_not_even_engineio_ends_the_connection(frame):
    async def babble(peer: web.WebSocketResponse) -> None:
        await peer.send_str(frame)
        await listen(peer)

    async with raw_server(babble) as url, connect(request(url)) as wire:
        await opened(wire)
        while (message := await wire.receive()) is not None:
            assert isinstance(message, str | bytes)
        assert wire.close_reason


@story
async def test_an_answer_without_end_is_not_read_to_its_end():
    polls = 0

    async def pour(asked: web.Request) -> web.StreamResponse:
        nonlocal polls
        polls += 1
        if polls == 1:
            return web.Response(text=OPEN + "\x1e" + NAMESPACE)
        if asked.method == "POST":
            return web.Response(text="ok")
        response = web.StreamResponse()
        await response.prepare(asked)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"4" * 1_000_000)
        return response

    async with web_server(pour) as url, connect(request(url, ("polling",))) as wire:
        await opened(wire)
        assert await wire.receive() is None
        assert "broke" in wire.close_reason


# --- leaving


async def cancelled_in(work: Callable[[asyncio.Event], Awaitable[None]]) -> float:
    """Cancel the work when it says that it is in the middle; return how long it took to end."""
    middle = asyncio.Event()
    task = asyncio.create_task(work(middle))
    await middle.wait()
    began = asyncio.get_running_loop().time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not connected_clients
    return asyncio.get_running_loop().time() - began


@pytest.mark.parametrize("transports", EVERY_WAY)
@story
async def test_one_who_is_cancelled_says_goodbye_and_leaves_nothing_behind(transports):
    async with AiolaServer() as server:

        async def work(middle: asyncio.Event) -> None:
            async with connect(request(server.url, transports)) as wire:
                await opened(wire)
                middle.set()
                await wire.receive()

        assert await cancelled_in(work) < 2
        await until(lambda: server.connections[0].closed)
        assert server.connections[0].closed == "client disconnect"


@pytest.mark.parametrize("transports", EVERY_WAY)
@story
async def test_one_who_is_cancelled_while_connecting_leaves_nothing_behind(transports):
    async with plain_server(None) as url:

        async def work(middle: asyncio.Event) -> None:
            asyncio.get_running_loop().call_later(0.05, middle.set)
            async with connect(request(url, transports)):
                raise AssertionError

        assert await cancelled_in(work) < 2


@story
async def test_leaving_does_not_wait_for_ever_for_a_peer_that_says_nothing():
    async def deaf(peer: web.WebSocketResponse) -> None:
        peer._req.transport.pause_reading()
        await asyncio.sleep(60)

    async with raw_server(deaf) as url:
        async with connect(request(url)) as wire:
            await opened(wire)
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < 2
    assert not connected_clients


# --- nobody there, or not the one we wanted


@pytest.mark.parametrize("transports", EVERY_WAY)
@story
async def test_nobody_listens(transports):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    trouble = await trouble_with(request(f"http://127.0.0.1:{port}", transports))
    assert isinstance(trouble, TryAgain)
    assert f"127.0.0.1:{port} cannot be reached: Connect" in str(trouble)


@story
async def test_a_name_that_nobody_has():
    assert isinstance(await trouble_with(request("http://no-such-host.invalid"), open_seconds=5), TryAgain)


@pytest.mark.parametrize("transports", EVERY_WAY)
@story
async def test_one_who_accepts_and_says_nothing(transports):
    async with plain_server(None) as url:
        trouble = await trouble_with(request(url, transports), open_seconds=0.2)
    assert "did not answer within 0.2 seconds" in str(trouble)


@pytest.mark.parametrize("transports", EVERY_WAY)
@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\0\xff" * 10_000, b"HTTP/1.1 what\r\n\r\n"])
@story
async def test_one_who_does_not_speak_http(says, transports):
    async with plain_server(says) as url:
        trouble = await trouble_with(request(url, transports))
    assert isinstance(trouble, TryAgain)
    assert url.removeprefix("http://") in str(trouble)


OPENINGS = [
    "",
    "x",
    "4",
    "0",
    "0[]",
    "0{}",
    '0{"sid":1}',
    OPEN.replace("200", '"x"'),
    OPEN.replace("200", "1e999"),
    "6",
]
OPENINGS += [OPEN.replace('"s1"', "1"), OPEN.replace("[]", "7"), "0" + "[" * 100_000, "\ud7ff"]


@pytest.mark.parametrize("opening", OPENINGS)
@pytest.mark.parametrize("transports", [("polling",), ("websocket",)])
@story
async def test_one_who_opens_with_nonsense(opening, transports):
    async def poll(_: web.Request) -> web.Response:
        return web.Response(text=opening)

    server = web_server(poll) if transports == ("polling",) else raw_server(listen, hello=(opening,))
    async with server as url:
        with contextlib.suppress(TryAgain):  # Odd numbers may do: then it ends at once.
            async with connect(request(url, transports), open_seconds=2) as wire:
                assert await wire.receive() is None
                assert wire.close_reason
    assert not connected_clients


@pytest.mark.parametrize("transports", [("polling", "websocket"), ("websocket",)])
@pytest.mark.parametrize(
    ("status", "kind"),
    [*((status, Refused) for status in (400, 401, 403, 404)), *((status, TryAgain) for status in (409, 429, 500, 503))],
)
@story
async def test_a_status_is_a_no_or_a_not_now(status, kind, transports):
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status, text="{", content_type="application/json")

    async with web_server(refuse) as url:
        trouble = await trouble_with(request(url, transports))
    assert type(trouble) is kind
    assert str(status) in str(trouble)


@pytest.mark.parametrize("transports", EVERY_WAY)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
@story
async def test_nobody_is_followed_elsewhere_with_the_key(transports, status):
    came = []

    async def elsewhere(asked: web.Request) -> web.Response:
        came.append(asked)
        return web.Response(text=OPEN)

    async with web_server(elsewhere) as other:

        async def send_away(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": f"{other}{PATH}/"})

        async with web_server(send_away) as url:
            trouble = await trouble_with(request(url, transports))
    assert isinstance(trouble, Refused)
    assert f"HTTP status {status}" in str(trouble)
    assert not came


@story
async def test_a_wrong_token_is_worth_one_more_try_with_a_new_one():
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=401)

    async with web_server(refuse) as url:
        trouble = await trouble_with(request(url, renewable=True))
    assert isinstance(trouble, TryAgain)
    assert trouble.tries == 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "127.0.0.1", "http://[x"])
@story
async def test_an_address_that_is_none_is_refused(url):
    assert isinstance(await trouble_with(request(url)), Refused)


@pytest.mark.parametrize("value", [f"{KEY}\r\nX-More: 1", "naïve"])
@story
async def test_a_key_that_no_header_can_carry_is_refused_before_anything_is_sent(value):
    asked = SocketIORequest("http://127.0.0.1:1", PATH, "/events", {"Authorization": value})
    assert "Authorization" in str(await trouble_with(asked))


@story
async def test_a_certificate_that_nobody_vouches_for(tmp_path):
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names, *files]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    async def never(_: web.Request) -> web.Response:
        return web.Response()

    async with web_server(never, ssl_context=context) as url:
        for transports in EVERY_WAY:
            trouble = await trouble_with(request(url.replace("http:", "https:"), transports))
            assert isinstance(trouble, TryAgain)
            assert "certificate" in str(trouble)
