"""A stand-in that serves on an event loop of its own, in a thread, for what is no coroutine itself."""

import asyncio
import threading
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Self

START_SECONDS = 10.0


class InThread:
    """``with InThread(server) as hosted``: serving; ``hosted.loop`` is where."""

    def __init__(self, server: AbstractAsyncContextManager[Any]) -> None:
        self._server = server
        self._over = asyncio.Event()
        self._begun: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.loop = self._begun.result(START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        async with self._server:
            self._begun.set_result(asyncio.get_running_loop())
            await self._over.wait()
