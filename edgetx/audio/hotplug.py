"""Hears from udev, over netlink, that a sound card is there: whoever waits for one looks at once.

This makes a return immediate and is never needed: captures look now and then anyhow. Where netlink is not to be had
(a container, a stricter sandbox) that is said once. Only what root sent to udev's group counts; the message is only a
reason to look (see `uevent`).
"""

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgetx.audio.uevent import MAX_BYTES, announces_sound

logger = logging.getLogger("edgetx")

UDEV_GROUP = 2
"""MONITOR_GROUP_UDEV: what udev sends after its rules ran; 1 is the kernel's own group."""

_NETLINK_KOBJECT_UEVENT = 15
_CREDENTIALS = struct.Struct("=iII")
"""struct ucred: process, user, group."""
_ROOT = 0


@dataclass(slots=True)
class HotPlug:
    """A service of the event loop; ``look`` is called on it."""

    look: Callable[[], None]

    async def run(self) -> None:
        """Listen until cancelled; return at once where that cannot be done."""
        try:
            news = _listen()
        except OSError as error:
            logger.info("udev cannot be heard (%s): devices are looked for every few seconds.", error.strerror)
            return
        with news:
            asyncio.get_running_loop().add_reader(news, self._hear, news)
            try:
                await asyncio.Event().wait()
            finally:
                asyncio.get_running_loop().remove_reader(news)

    def _hear(self, news: socket.socket) -> None:
        try:
            message, extra, _, (_, groups) = news.recvmsg(MAX_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size))
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EINTR}:
                return
            if error.errno != errno.ENOBUFS:
                raise
            self.look()  # There was more than the socket holds: what was lost may have been it.
            return
        if groups == UDEV_GROUP and _sender(extra) == _ROOT and announces_sound(message):
            self.look()


def _listen() -> socket.socket:
    """Return a socket that hears what udev multicasts. Raise OSError where netlink is not to be had."""
    news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _NETLINK_KOBJECT_UEVENT)
    try:
        news.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        news.bind((0, UDEV_GROUP))
    except OSError:
        news.close()
        raise
    return news


def _sender(extra: Sequence[tuple[int, int, bytes]]) -> int | None:
    """Return the user who sent a message, as the kernel says; None if it does not say."""
    for level, kind, data in extra:
        if (level, kind, len(data)) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, _CREDENTIALS.size):
            _, user, _ = _CREDENTIALS.unpack(data)
            return int(user)
    return None
