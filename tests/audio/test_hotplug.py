"""Over the kernel's real netlink; a message that is to be believed can be sent by root only."""

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator

import pytest

from edgetx.audio import hotplug
from edgetx.audio.hotplug import HotPlug
from edgetx.audio.uevent import MAX_BYTES, announces_sound
from tests.rigs.story import story, until
from tests.rigs.udev import CARD, UDEV_GROUP, message, say

ROOT = [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("=iII", 1, 0, 0))]
SOMEBODY = [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("=iII", 1, 1000, 1000))]


def may_multicast() -> bool:
    try:
        say(message({"ACTION": "test"}))
    except OSError:
        return False
    return True


needs_root = pytest.mark.skipif(
    not may_multicast(), reason="SKIPPED: only root, outside a sandbox, can speak as udev: hot-plug is not proved here"
)


async def listening(act: Callable[[list[str]], Awaitable[None]]) -> None:
    """Let it listen while ``act`` is on; it is given the looks so far."""
    looks: list[str] = []
    running = asyncio.ensure_future(HotPlug(lambda: looks.append("look")).run())
    await asyncio.sleep(0)
    try:
        await act(looks)
    finally:
        running.cancel()
        await asyncio.wait((running,))


@needs_root
@story
async def test_a_card_that_is_ready_is_a_reason_to_look():
    async def act(looks: list[str]) -> None:
        say(message(CARD))
        await until(lambda: looks)

    await listening(act)


@needs_root
@story
async def test_other_devices_garbage_and_the_kernels_own_news_are_none():
    ours = CARD | {"TEST": str(os.getpid())}  # Others may be testing at the same time.
    said = [message(ours | {"ACTION": "add"}), message(ours | {"SUBSYSTEM": "block"}), b"?" * 9000, message({})]
    seen: dict[bytes, bool] = {}

    def judge(data: bytes) -> bool:
        return seen.setdefault(data, announces_sound(data))

    async def act(_looks: list[str]) -> None:
        say(message(ours), group=1)
        for data in said:
            say(data)
        await until(lambda: {data[:MAX_BYTES] for data in said} <= seen.keys())

    with replaced("announces_sound", judge):
        await listening(act)
    assert message(ours) not in seen
    assert not any(seen[data[:MAX_BYTES]] for data in said)


@contextlib.contextmanager
def replaced(name: str, value: object) -> Iterator[None]:
    before = getattr(hotplug, name)
    setattr(hotplug, name, value)
    try:
        yield
    finally:
        setattr(hotplug, name, before)


class Answering:
    """A socket that has one answer."""

    def __init__(self, data: bytes = message(CARD), extra=ROOT, group: int = UDEV_GROUP, error: int = 0) -> None:
        self.answer = data, extra, 0, (4711, group)
        self.error = error

    def recvmsg(self, _size: int, _extra: int):
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        return self.answer


@pytest.mark.parametrize(
    ("news", "looks"),
    [
        (Answering(), 1),
        (Answering(extra=SOMEBODY), 0),
        (Answering(extra=[]), 0),
        (Answering(extra=[(socket.SOL_SOCKET, socket.SCM_RIGHTS, bytes(12))]), 0),
        (Answering(extra=[(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, bytes(4))]), 0),
        (Answering(group=0), 0),
        (Answering(error=errno.ENOBUFS), 1),
        (Answering(error=errno.EAGAIN), 0),
    ],
)
def test_only_roots_word_to_udevs_group_counts_and_a_socket_that_ran_over(news, looks):
    told: list[str] = []
    HotPlug(lambda: told.append("look"))._hear(news)
    assert len(told) == looks


def test_any_other_trouble_with_the_socket_is_raised():
    with pytest.raises(OSError, match="Bad file descriptor"):
        HotPlug(lambda: None)._hear(Answering(error=errno.EBADF))


@story
async def test_without_netlink_it_says_so_once_and_ends(monkeypatch, caplog):
    def refuse(*_arguments: object) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))

    monkeypatch.setattr(socket, "socket", refuse)
    with caplog.at_level("INFO", "edgetx"):
        await HotPlug(lambda: None).run()
    assert caplog.messages == [
        "udev cannot be heard (Address family not supported by protocol): devices are looked for every few seconds."
    ]


@story
async def test_a_group_that_may_not_be_joined_is_said_too(monkeypatch, caplog):
    def refuse(*_arguments: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    class Forbidden(socket.socket):
        bind = refuse

    monkeypatch.setattr(socket, "socket", Forbidden)
    with caplog.at_level("INFO", "edgetx"):
        await HotPlug(lambda: None).run()
    assert caplog.messages == [
        "udev cannot be heard (Operation not permitted): devices are looked for every few seconds."
    ]
