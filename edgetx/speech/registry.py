"""Which vendor's file serves a ``type:``, and which wire carries a request; imported when first needed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from typing import cast

from edgetx.errors import Refused, TryAgain
from edgetx.provider_settings import (
    AiolaSettings,
    AssemblyAISettings,
    AssemblyAIV2Settings,
    LocalSettings,
    ProviderSettings,
)
from edgetx.speech.session import (
    HttpAnswer,
    HttpRequest,
    Opening,
    ProcessRequest,
    Provider,
    Request,
    SocketIORequest,
    WebSocketRequest,
    Wire,
)

LEAVE_SECONDS = 2.0
"""What closing a connection and the farewell behind it may take together."""
FAREWELL_SECONDS = 0.5
"""What is left to the farewell even if the connection took all of that."""

_NOT_DONE = 300

logger = logging.getLogger("edgetx")


def provider(name: str, settings: ProviderSettings, *, api_key: str = "") -> Provider:
    """Return the configured vendor; ``api_key`` is the secret that its settings name, revealed."""
    match settings:
        case LocalSettings():
            from edgetx.speech.providers.local import Local  # noqa: PLC0415

            return Local(name, settings)
        case AssemblyAISettings():
            from edgetx.speech.providers.assemblyai import AssemblyAI  # noqa: PLC0415

            return AssemblyAI(name, settings, api_key)
        case AssemblyAIV2Settings():
            from edgetx.speech.providers.assemblyai_v2 import AssemblyAIV2  # noqa: PLC0415

            return AssemblyAIV2(name, settings, api_key)
        case AiolaSettings():
            from edgetx.speech.providers.aiola import Aiola  # noqa: PLC0415

            return Aiola(name, settings, api_key)


@asynccontextmanager
async def connect(opening: Opening, log_line: Callable[[str], None] = logger.info) -> AsyncIterator[Wire]:
    """Ask what has to be asked first, open the wire that comes of it, and take leave on every way out.

    Who is cancelled between a question that takes a place with the provider and its answer waits a moment for that, to
    give the place back. There is one hole: an answer that does not come then. ``log_line`` takes a sentence for the
    daemon's own log.
    """
    request = await _request(opening, log_line)
    farewell = request.farewell if isinstance(request, SocketIORequest) else None
    clock = asyncio.get_running_loop().time
    left_at: float | None = None
    try:
        async with _wire(request) as wire:
            try:
                yield wire
            finally:
                left_at = clock()
    finally:
        if farewell:
            spent = 0.0 if left_at is None else clock() - left_at
            await _take_leave(farewell, max(FAREWELL_SECONDS, LEAVE_SECONDS - spent), log_line)


async def _request(opening: Opening, log_line: Callable[[str], None]) -> Request:
    with closing(opening):
        try:
            question = next(opening)
            while True:
                question = opening.send(await _answer(opening, question, log_line))
        except StopIteration as end:
            return cast("Request", end.value)


async def _answer(opening: Opening, question: HttpRequest, log_line: Callable[[str], None]) -> HttpAnswer:
    from edgetx.speech import http  # noqa: PLC0415

    asking = asyncio.ensure_future(http.ask(question))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        await _give_back(opening, asking, log_line)
        raise


async def _give_back(opening: Opening, asking: "asyncio.Future[HttpAnswer]", log_line: Callable[[str], None]) -> None:
    """Take leave of what the answer to the last question grants, if it comes soon."""
    try:
        await asyncio.wait((asking,), timeout=FAREWELL_SECONDS)
    finally:
        asking.cancel()
    with suppress(TryAgain, Refused, asyncio.CancelledError):
        try:
            opening.send(await asking)
        except StopIteration as end:
            if isinstance(end.value, SocketIORequest) and end.value.farewell:
                await _take_leave(end.value.farewell, FAREWELL_SECONDS, log_line)


async def _take_leave(farewell: HttpRequest, seconds: float, log_line: Callable[[str], None]) -> None:
    from edgetx.speech import http  # noqa: PLC0415

    try:
        answer = await http.ask(farewell, seconds)
    except (TryAgain, Refused) as error:
        log_line(str(error))
        return
    if answer.status >= _NOT_DONE:
        log_line(f"Could not {farewell.purpose}: HTTP status {answer.status}.")


def _wire(request: Request) -> AbstractAsyncContextManager[Wire]:
    match request:
        case ProcessRequest():
            from edgetx.speech import process  # noqa: PLC0415

            return process.connect(request)
        case WebSocketRequest():
            from edgetx.speech import websocket  # noqa: PLC0415

            return websocket.connect(request)
        case SocketIORequest():
            from edgetx.speech import socketio  # noqa: PLC0415

            return socketio.connect(request)
