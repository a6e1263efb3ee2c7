import asyncio
import base64
import contextlib
import hashlib
import logging
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from edgetx.errors import Refused, TryAgain
from edgetx.speech.session import WebSocketRequest
from edgetx.speech.websocket import WebSocket, connect
from tests.rigs.story import story, until

LINGER_0 = struct.pack("ii", 1, 0)
Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def server(handler: Callable[[ServerConnection], Awaitable[None]], **options) -> AsyncIterator[str]:
    """Serve real WebSockets; the address is the value."""
    async with serve(handler, "127.0.0.1", 0, compression=None, ping_interval=None, **options) as running:
        yield f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}/path"


@contextlib.asynccontextmanager
async def plain_server(handler: Streams, listener: socket.socket | None = None, **options) -> AsyncIterator[str]:
    """Serve TCP; what is said on it is the handler's business."""
    listener = listener or socket.create_server(("127.0.0.1", 0))

    visits: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(asyncio.current_task())
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await handler(reader, writer)
        finally:
            writer.transport.abort()

    running = await asyncio.start_server(handle, sock=listener, **options)
    async with running:
        yield f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}/path"
    for visit in visits:
        visit.cancel()
    await asyncio.gather(*visits, return_exceptions=True)
    await asyncio.sleep(0)  # An aborted transport closes its socket in the loop's next round.


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line.split(": ")[1] for line in request.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
    accept = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    writer.write(f"{answer}{base64.b64encode(accept).decode()}\r\n\r\n".encode())


async def echo(peer: ServerConnection) -> None:
    async for message in peer:
        await peer.send(message)


async def trouble_with(url: str, *, headers: dict[str, str] | None = None, **options) -> TryAgain | Refused:
    with pytest.raises((TryAgain, Refused)) as caught:
        async with connect(WebSocketRequest(f"{url}?token=s3cret", headers or {}), **options):
            pass
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "s3cret" not in sentence
    return caught.value


async def fill(wire: WebSocket) -> int:
    """Send until it has to wait; return how many bytes went out before."""
    sent = 0
    with contextlib.suppress(TimeoutError):
        while True:
            await asyncio.wait_for(wire.send(bytes(3200)), 0.3)
            sent += 3200
    return sent


def host_and_port(url: str) -> str:
    return url.split("/")[2]


# --- what works


@story
async def test_messages_of_every_kind_and_size_come_back_as_they_went():
    messages = ["", "text", "naïve ✓", *(bytes([7]) * size for size in (0, 1, 125, 126, 3200, 65_535, 65_536, 200_000))]
    async with server(echo) as url, connect(WebSocketRequest(url)) as wire:
        for message in messages:
            await wire.send(message)
            assert await wire.receive() == message


@story
async def test_the_request_carries_the_query_the_headers_and_our_name():
    seen = {}

    async def look(peer: ServerConnection) -> None:
        seen["path"], seen["headers"] = peer.request.path, peer.request.headers

    async with server(look) as url, connect(WebSocketRequest(f"{url}?a=b%20c", {"Authorization": "k3y"})) as wire:
        assert await wire.receive() is None
    assert seen["path"] == "/path?a=b%20c"
    assert seen["headers"]["Authorization"] == "k3y"
    assert seen["headers"]["User-Agent"].startswith("edgetx/")
    assert "Sec-WebSocket-Extensions" not in seen["headers"]


@story
async def test_fragments_are_put_together_and_a_ping_between_them_is_answered():
    async def fragments(peer: ServerConnection) -> None:
        async def parts() -> AsyncIterator[str]:
            yield "one "
            await (await peer.ping())
            yield "two "
            yield "three"

        await peer.send(parts())
        await peer.send(b"whole")

    async with server(fragments) as url, connect(WebSocketRequest(url)) as wire:
        assert await wire.receive() == "one two three"
        assert await wire.receive() == b"whole"
        assert await wire.receive() is None


@story
async def test_the_peers_close_is_told_after_what_came_before_it():
    async def goodbye(peer: ServerConnection) -> None:
        await peer.send("last words")
        await peer.close(3007, "Input Duration Violation")

    async with server(goodbye) as url, connect(WebSocketRequest(url)) as wire:
        assert await wire.receive() == "last words"
        assert await wire.receive() is None
        assert (wire.close_code, wire.close_reason) == (3007, "Input Duration Violation")
        with pytest.raises(TryAgain, match="closed"):
            await wire.send("too late")


@story
async def test_leaving_says_goodbye():
    closes = []

    async def listen(peer: ServerConnection) -> None:
        await peer.wait_closed()
        closes.append(peer.close_code)

    async with server(listen) as url:
        async with connect(WebSocketRequest(url)):
            pass
        await until(lambda: closes)
    assert closes == [1000]


@story
async def test_leaving_does_not_wait_for_ever_for_a_peer_that_says_nothing():
    over = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        over.set()

    async with plain_server(deaf) as url:
        async with connect(WebSocketRequest(url)):
            pass
        await over.wait()


@story
async def test_one_who_waits_for_a_message_can_be_cancelled():
    async with server(echo) as url, connect(WebSocketRequest(url)) as wire:
        waiting = asyncio.create_task(wire.receive())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await wire.send("still here")
        assert await wire.receive() == "still here"


@story
async def test_no_secret_reaches_the_log(caplog):
    caplog.set_level(logging.DEBUG)
    async with (
        server(echo) as url,
        connect(WebSocketRequest(f"{url}?token=s3cret", {"Authorization": "s3cret"})) as wire,
    ):
        await wire.send("hello")
        await wire.receive()
    ours = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert "s3cret" not in "\n".join(ours)


# --- nobody there, or not the one we wanted


@story
async def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    trouble = await trouble_with(f"ws://127.0.0.1:{port}/path")
    assert isinstance(trouble, TryAgain)
    assert f"127.0.0.1:{port} cannot be reached" in str(trouble)


@story
async def test_a_name_that_nobody_has():
    assert isinstance(await trouble_with("ws://no-such-host.invalid/", open_seconds=5), TryAgain)


@story
async def test_one_who_accepts_and_says_nothing():
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with plain_server(silent) as url:
        trouble = await trouble_with(url, open_seconds=0.1)
    assert isinstance(trouble, TryAgain)
    assert "did not answer within 0.1 seconds" in str(trouble)


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\xff" * 10_000, b"HTTP/1.1 what\r\n\r\n"])
@story
async def test_one_who_does_not_speak_http(says):
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(says)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with plain_server(speak) as url:
        trouble = await trouble_with(url)
    assert isinstance(trouble, TryAgain)
    assert host_and_port(url) in str(trouble)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Refused) for status in (200, 301, 400, 401, 403, 404)),
        *((status, TryAgain) for status in (408, 429, 500, 503)),
    ],
)
@story
async def test_a_status_is_a_no_or_a_not_now(status, kind):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} Because\r\nContent-Length: 0\r\n\r\n".encode())
        await reader.read()

    async with plain_server(answer) as url:
        trouble = await trouble_with(url, headers={"Authorization": "s3cret"})
    assert type(trouble) is kind
    assert str(status) in str(trouble)
    assert host_and_port(url) in str(trouble)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "ws://", "ws://127.0.0.1:99999/", "ws://user@host/", "wss://127.0.0.1/#s3cret"]
)
@story
async def test_an_address_that_is_none_is_refused(url):
    assert isinstance(await trouble_with(url.removesuffix("#s3cret")), Refused | TryAgain)


@story
async def test_a_key_with_a_line_break_in_it_is_refused_before_anything_is_sent():
    trouble = await trouble_with("ws://127.0.0.1:1/", headers={"Authorization": "s3cret\r\nX-More: 1"})
    assert isinstance(trouble, Refused)
    assert "Authorization" in str(trouble)


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names, *files],
        check=True,
        capture_output=True,
    )
    return folder


def tls(folder) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@story
async def test_a_certificate_that_nobody_vouches_for(certificate):
    async with server(echo, ssl=tls(certificate)) as url:
        trouble = await trouble_with(url.replace("ws:", "wss:"))
    assert isinstance(trouble, TryAgain)
    assert "certificate" in str(trouble)


@story
async def test_tls_where_none_is_spoken():
    async with server(echo) as url:
        assert isinstance(await trouble_with(url.replace("ws:", "wss:")), TryAgain)


TALK = """
import asyncio, sys
from edgetx.speech.session import WebSocketRequest
from edgetx.speech.websocket import connect
async def talk():
    async with connect(WebSocketRequest(sys.argv[1])) as wire:
        await wire.send(b"x" * 3200)
        assert await wire.receive() == b"x" * 3200
    assert asyncio.all_tasks() == {asyncio.current_task()}
asyncio.run(talk())
"""


@story
async def test_with_a_certificate_that_this_device_trusts_all_is_well(certificate):
    async with server(echo, ssl=tls(certificate)) as url:
        talk = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-c", TALK, url.replace("ws:", "wss:")),
            env={"SSL_CERT_FILE": str(certificate / "cert.pem")},
        )
        assert await talk.wait() == 0


# --- trouble on the way


@story
async def test_a_message_that_is_too_big_ends_the_connection():
    async def boast(peer: ServerConnection) -> None:
        await peer.send("small")
        with contextlib.suppress(ConnectionClosed):  # It is cut off in the middle.
            await peer.send("x" * 20_000_000)

    async with server(boast) as url, connect(WebSocketRequest(url)) as wire:
        assert await wire.receive() == "small"
        assert await wire.receive() is None
        assert wire.close_code == 1009
        assert "20000000 bytes" in wire.close_reason


@pytest.mark.parametrize(
    ("frame", "code"), [(b"\x81\x02\xff\xfe", 1007), (b"\x8f\x00", 1002), (b"\x80\x01x", 1002), (b"\x88\x01x", 1002)]
)
@story
async def test_what_is_not_the_protocol_ends_the_connection(frame, code):
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame)
        await reader.read(100)

    async with plain_server(babble) as url, connect(WebSocketRequest(url)) as wire:
        assert await wire.receive() is None
        assert wire.close_code == code
        assert host_and_port(url) in wire.close_reason


@story
async def test_a_peer_that_vanishes_in_the_middle_of_a_message():
    async def vanish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x81\x02ok" + b"\x82\x7e\x0c\x80" + b"half")
        await reader.readexactly(6)  # our ping
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)

    async with plain_server(vanish) as url, connect(WebSocketRequest(url)) as wire:
        assert await wire.receive() == "ok"
        assert await wire.receive() is None
        assert wire.close_code is None
        assert "broke" in wire.close_reason
        with pytest.raises(TryAgain, match="broke"):
            await wire.send(b"anyone?")


@story
async def test_a_peer_that_ends_the_connection_without_a_close():
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with plain_server(leave) as url, connect(WebSocketRequest(url)) as wire:
        assert await wire.receive() is None
        assert (wire.close_code, wire.close_reason[-28:]) == (None, "broke: unexpected end of stream."[-28:])


@story
async def test_a_peer_that_does_not_answer_our_pings_is_gone():
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        await reader.read(-1)

    async with plain_server(deaf) as url, connect(WebSocketRequest(url), keepalive_seconds=0.1) as wire:
        assert await wire.receive() is None
        assert "has not answered for 0.1 seconds" in wire.close_reason


@story
async def test_a_peer_that_answers_our_pings_is_kept():
    pings = 0

    async def pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal pings
        await shake_hands(reader, writer)
        while (head := await reader.readexactly(2))[0] == 0x89:
            mask, asked = await reader.readexactly(4), await reader.readexactly(head[1] & 0x7F)
            pings += 1
            writer.write(bytes((0x8A, len(asked))) + bytes(byte ^ mask[n % 4] for n, byte in enumerate(asked)))
        writer.write(b"\x81\x02ok")
        await reader.read()

    async with plain_server(pong) as url, connect(WebSocketRequest(url), keepalive_seconds=0.2) as wire:
        began = asyncio.get_running_loop().time()
        await until(lambda: pings >= 4)
        await until(lambda: wire.confirmed_at and wire.confirmed_at > began)
        await wire.send("")
        assert await wire.receive() == "ok"


@story
async def test_a_peer_that_stops_reading_makes_us_wait_and_costs_bounded_memory():
    go_on = asyncio.Event()
    got = 0

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await shake_hands(reader, writer)
        await go_on.wait()
        while data := await reader.read(65_536):
            got += len(data)

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    async with plain_server(stall, listener, limit=1024) as url, connect(WebSocketRequest(url)) as wire:
        sent = await fill(wire)
        assert sent < 2_000_000
        waiting = asyncio.create_task(wire.send(bytes(3200)))
        go_on.set()
        await waiting
        await until(lambda: got > sent)


@story
async def test_a_flood_waits_outside_until_we_take_it():
    count, most = 5_000, 0

    async def flood(peer: ServerConnection) -> None:
        for number in range(count):
            await peer.send(f"{number}".ljust(2_000))

    async with server(flood) as url, connect(WebSocketRequest(url), keepalive_seconds=0.05) as wire:
        for number in range(count):
            message = await wire.receive()
            assert message is not None, wire.close_reason
            assert int(message) == number
            most = max(most, len(wire._inbox))
            if number % 500 == 0:
                await asyncio.sleep(0.06)
        assert await wire.receive() is None
        assert wire.close_code == 1000
    assert most <= 64 + 256 * 1024 // 2000 + 1


@story
async def test_a_peer_that_pings_and_pings_and_reads_nothing_is_given_up():
    async def pester(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        while True:
            writer.write((b"\x89\x7d" + bytes(125)) * 100)
            await writer.drain()

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    async with plain_server(pester, listener, limit=1024) as url, connect(WebSocketRequest(url)) as wire:
        assert await wire.receive() is None
        assert "takes nothing of what we send" in wire.close_reason


@story
async def test_two_threads_that_want_the_last_mask_each_get_one():
    class Snatched(list):
        """Has one for who looks, and none for who takes: another thread was quicker."""

        def __bool__(self) -> bool:
            return True

    async with server(echo) as url, connect(WebSocketRequest(url)) as wire:
        wire._masks = Snatched()
        wire.send_now("still here")
        assert await wire.receive() == "still here"


@story
async def test_who_sends_at_once_hears_whether_more_may_follow():
    async with server(echo) as url, connect(WebSocketRequest(url)) as wire:
        assert [wire.send_now(message) for message in (b"", b"as long", b"as long", b"longer still", "text")] == [
            True
        ] * 5
        assert [await wire.receive() for _ in range(5)] == [b"", b"as long", b"as long", b"longer still", "text"]
        wire._end("The other side is leaving.")
        assert not wire.send_now(b"unheard")
