"""The stream on real sockets, plain and in TLS, against a peer that is nothing but a blocking socket."""

import asyncio
import contextlib
import errno
import os
import random
import select
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edgetx.speech import stream as streams
from edgetx.speech.stream import BACKLOG_BYTES, Stream, connect
from tests.rigs.certificates import certificate
from tests.rigs.story import DEADLINE_SECONDS, story, until

LINGER_0 = struct.pack("ii", 1, 0)
HOST = "127.0.0.1"
KERNEL_BYTES = 8_000_000
"""More than the kernel keeps for two sockets."""


@pytest.fixture(scope="module")
def certified(tmp_path_factory) -> tuple[ssl.SSLContext, Path]:
    folder = tmp_path_factory.mktemp("tls")
    return certificate(folder), folder / "cert.pem"


@pytest.fixture
def tls(certified, monkeypatch) -> ssl.SSLContext:
    """A server's context; this process trusts it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certified[1]))
    return certified[0]


@pytest.fixture(params=["plain", "tls"])
def context(request) -> ssl.SSLContext | None:
    return request.getfixturevalue("tls") if request.param == "tls" else None


class Ear:
    """What came on a stream, and how it ended."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.heard = bytearray()
        self.ends: list[OSError | None] = []
        stream.start(received=self.hear, ended=self.ends.append)

    def hear(self, data: bytes) -> None:
        self.heard += data


def accept(door: socket.socket, context: ssl.SSLContext | None) -> socket.socket:
    peer, _ = door.accept()
    peer.settimeout(DEADLINE_SECONDS)
    return context.wrap_socket(peer, server_side=True) if context else peer


@contextlib.asynccontextmanager
async def joined(context: ssl.SSLContext | None) -> AsyncIterator[tuple[Stream, socket.socket]]:
    """A stream and the peer's end of it."""
    with socket.create_server((HOST, 0)) as door:
        accepting = asyncio.create_task(asyncio.to_thread(accept, door, context))
        stream = await connect(HOST, door.getsockname()[1], tls=context is not None)
        peer = await accepting
    try:
        with peer:
            yield stream, peer
    finally:
        stream.abort()
        await settle()


def read_all(peer: socket.socket) -> bytes:
    """Read to the end of file, on a thread."""
    data = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := peer.recv(65_536):
            data += piece
    return bytes(data)


def await_end(stream: Stream) -> None:
    """Hold the loop up until the kernel knows that the peer has gone."""
    poll = select.poll()
    poll.register(stream._sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    assert poll.poll(DEADLINE_SECONDS * 1000)


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
    peer.close()


def stall(stream: Stream) -> int:
    """Write until the kernel takes no more; return how much was written."""
    written = 0
    while stream.idle:
        assert stream.write(bytes(3200)) is stream.idle
        written += 3200
        assert written < KERNEL_BYTES
    return written


@contextlib.contextmanager
def nothing_left() -> Iterator[None]:
    """Check that no descriptor is left open, and none watched."""
    watched = asyncio.get_running_loop()._selector.get_map()
    before = len(list(Path("/proc/self/fd").iterdir())), len(watched)
    yield
    assert (len(list(Path("/proc/self/fd").iterdir())), len(watched)) == before


async def cancel(task: asyncio.Task) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settle()


async def settle() -> None:
    """Wait a few rounds of the loop, for in those asyncio closes its own."""
    for _ in range(5):
        await asyncio.sleep(0)


# --- writing


@pytest.mark.parametrize("stalls", [False, True])
@story
async def test_writes_of_several_threads_arrive_whole_and_each_threads_in_order(context, stalls):
    count, sizes = 100, random.Random(1)
    frames = [
        [
            struct.pack("<BHH", n, at, size) + bytes([n]) * size
            for at in range(count)
            for size in [sizes.randrange(3000)]
        ]
        for n in range(4)
    ]

    def write(own: list[bytes]) -> None:
        for frame in own:
            stream.write(frame)

    async with joined(context) as (stream, peer):
        ear = Ear(stream)
        if stalls:
            filler = await asyncio.to_thread(stall, stream)
        writers = [asyncio.create_task(asyncio.to_thread(write, own)) for own in frames]
        reader = asyncio.create_task(asyncio.to_thread(read_all, peer))
        await asyncio.gather(*writers)
        await stream.drain()
        assert stream.idle
        stream.finish()
        data = (await reader)[filler if stalls else 0 :]
        assert ear.ends == [None]
    assert parsed(data) == {n: frames[n] for n in range(4)}


def parsed(data: bytes) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {n: [] for n in range(4)}
    while data:
        n, _, size = struct.unpack_from("<BHH", data)
        found[n].append(data[: 5 + size])
        data = data[5 + size :]
    return found


@story
async def test_a_peer_that_stops_reading_makes_the_stream_busy_and_one_that_goes_on_makes_it_idle(context):
    async with joined(context) as (stream, peer):
        Ear(stream)
        written = stall(stream)
        waiting = asyncio.create_task(stream.drain())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert len(stream._backlog) <= 3200  # Who asks before each write leaves no more than one write behind.
        reader = asyncio.create_task(asyncio.to_thread(read_all, peer))
        await waiting
        assert stream.idle
        stream.finish()
        assert len(await reader) == written


@story
async def test_who_takes_nothing_while_more_and_more_waits_is_given_up(context):
    async with joined(context) as (stream, _):
        ear = Ear(stream)
        for _ in range(2 * KERNEL_BYTES // 3200):
            stream.write(bytes(3200))
            assert len(stream._backlog) <= BACKLOG_BYTES + 3200
        await until(lambda: ear.ends)
        assert "takes nothing" in str(ear.ends[0])


@story
async def test_finishing_sends_what_waits_before_it_closes(context):
    async with joined(context) as (stream, peer):
        ear = Ear(stream)
        written = stall(stream)
        stream.finish()
        assert len(await asyncio.to_thread(read_all, peer)) == written
        await until(lambda: ear.ends)
        assert ear.ends == [None]


@story
async def test_aborting_throws_away_what_waits_and_tells_before_it_returns(context):
    async with joined(context) as (stream, peer):
        ear = Ear(stream)
        written = stall(stream)
        waiting = asyncio.create_task(stream.drain())
        stream.abort()
        assert ear.ends == [None]
        assert not stream.idle
        await waiting
        stream.abort()
        stream.finish()
        stream.write(b"too late")
        stream.resume_reading()
        assert len(await asyncio.to_thread(read_all, peer)) < written
        assert ear.ends == [None]


# --- the peer goes


@story
async def test_what_was_said_before_the_end_of_file_is_heard_and_the_end_is_told_once(context):
    async with joined(context) as (stream, peer):
        ear = Ear(stream)
        peer.sendall(b"last words")
        peer.close()
        await until(lambda: ear.ends)
        assert (ear.heard, ear.ends, stream.idle) == (b"last words", [None], False)
        assert not stream.write(b"too late")
        stream.write(b"anyone?")
        await stream.drain()
        await asyncio.sleep(0)
        assert len(ear.ends) == 1


@story
async def test_a_reset_is_seen_by_the_reader(context):
    async with joined(context) as (stream, peer):
        ear = Ear(stream)
        reset(peer)
        await until(lambda: ear.ends)
        assert len(ear.ends) == 1
        assert context or isinstance(ear.ends[0], ConnectionResetError)  # OpenSSL says no more than that it ended.


@story
async def test_a_writer_who_notices_first_that_the_peer_is_gone_does_not_hide_why(context):
    async with joined(context) as (stream, peer):
        ear = Ear(stream)
        peer.sendall(b"Begin, ")
        await until(lambda: ear.heard)
        peer.sendall(b"3007: too fast")
        reset(peer)
        await_end(stream)
        for _ in range(3):
            await_thread(stream.write, b"sound")
        await until(lambda: ear.ends)
        assert (ear.heard, len(ear.ends)) == (b"Begin, 3007: too fast", 1)


@story
async def test_a_reset_ends_a_stream_that_was_waiting_to_write(context):
    async with joined(context) as (stream, peer):
        ear = Ear(stream)
        stall(stream)
        stream.pause_reading()
        waiting = asyncio.create_task(stream.drain())
        reset(peer)
        await waiting
        await until(lambda: ear.ends)
        assert isinstance(ear.ends[0], OSError)


def await_thread(work, *args) -> None:
    """Do it in another thread while the loop stands still."""
    thread = threading.Thread(target=work, args=args)
    thread.start()
    thread.join()


# --- reading


@story
async def test_what_comes_while_reading_is_paused_waits(context):
    async with joined(context) as (stream, peer):
        ear = Ear(stream)
        peer.sendall(b"one")
        await until(lambda: ear.heard == b"one")
        stream.pause_reading()
        stream.pause_reading()
        assert not stream.reading
        peer.sendall(b" two")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.05)
        assert ear.heard == b"one"
        stream.resume_reading()
        await until(lambda: ear.heard == b"one two")


@story
async def test_what_tls_has_read_already_comes_when_reading_goes_on(tls, monkeypatch):
    monkeypatch.setattr(streams, "_READ_BYTES", 1000)
    async with joined(tls) as (stream, peer):
        heard: list[bytes] = []

        def hear(data: bytes) -> None:
            heard.append(data)
            if len(heard) in {1, 3}:
                stream.pause_reading()

        stream.start(received=hear, ended=lambda _: None)
        peer.sendall(bytes(5000))  # One record.
        await until(lambda: heard)
        assert stream._pending() == 4000
        stream.resume_reading()
        await until(lambda: len(heard) == 3)
        stream.resume_reading()
        await until(lambda: sum(map(len, heard)) == 5000)


@story
async def test_the_one_who_hears_may_end_the_stream(context):
    async with joined(context) as (stream, peer):
        ends = []
        stream.start(received=lambda _: stream.abort(), ended=ends.append)
        peer.sendall(bytes(100_000))
        await until(lambda: ends)
        assert ends == [None]


# --- connecting


@story
async def test_a_closed_stream_leaves_nothing_behind(context):
    async with joined(context):
        pass  # What is loaded once has been loaded.
    with nothing_left():
        async with joined(context) as (stream, _):
            Ear(stream)
            stall(stream)


@pytest.mark.parametrize("encrypted", [False, True])
@story
async def test_who_gives_up_dialling_leaves_nothing_behind(encrypted):
    with contextlib.ExitStack() as stack:
        door = stack.enter_context(socket.create_server((HOST, 0), backlog=0))
        for _ in range(3):  # The queue is full: who comes now gets no answer.
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(door.getsockname())
        with nothing_left():
            dialling = asyncio.create_task(connect(HOST, door.getsockname()[1], tls=encrypted))
            await until(lambda: len(asyncio.get_running_loop()._selector.get_map()) > 1)
            await cancel(dialling)


@pytest.mark.usefixtures("tls")
@story
async def test_who_gives_up_in_the_handshake_leaves_nothing_behind():
    with socket.create_server((HOST, 0)) as door, nothing_left():
        dialling = asyncio.create_task(connect(HOST, door.getsockname()[1], tls=True))
        peer, _ = await asyncio.to_thread(door.accept)
        with peer:
            assert await asyncio.to_thread(peer.recv, 1)  # The greeting has begun, and stays without an answer.
            await cancel(dialling)


@story
async def test_a_certificate_that_nobody_vouches_for_leaves_nothing_behind(certified):
    def greet(door: socket.socket) -> None:
        peer, _ = door.accept()
        with peer, contextlib.suppress(OSError), certified[0].wrap_socket(peer, server_side=True) as hidden:
            hidden.recv(1)

    with socket.create_server((HOST, 0)) as door, nothing_left():
        greeting = asyncio.create_task(asyncio.to_thread(greet, door))
        with pytest.raises(ssl.SSLError, match="certificate"):
            await connect(HOST, door.getsockname()[1], tls=True)
        await greeting


@story
async def test_too_many_open_files_is_an_error_and_leaves_no_more_of_them(monkeypatch):
    def none_left(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "dup", none_left)
    with socket.create_server((HOST, 0)) as door, nothing_left():
        with pytest.raises(OSError, match="Too many open files"):
            await connect(HOST, door.getsockname()[1], tls=False)
        await settle()
