"""Which vendor's file serves a ``type:``, and which wire carries a request; imported when first needed."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import cast

from edgetx.provider_settings import AssemblyAISettings, LocalSettings, ProviderSettings
from edgetx.speech.session import Opening, ProcessRequest, Provider, Request, SocketIORequest, WebSocketRequest, Wire


def provider(name: str, settings: ProviderSettings, *, api_key: str = "") -> Provider:
    """Return the configured vendor; ``api_key`` is the secret that its settings name, revealed."""
    match settings:
        case LocalSettings():
            from edgetx.speech.providers.local import Local  # noqa: PLC0415

            return Local(name, settings)
        case AssemblyAISettings():
            from edgetx.speech.providers.assemblyai import AssemblyAI  # noqa: PLC0415

            return AssemblyAI(name, settings, api_key)


@asynccontextmanager
async def connect(opening: Opening) -> AsyncIterator[Wire]:
    """Ask what has to be asked first, open the wire that comes of it, and take leave on every way out."""
    request = await _request(opening)
    async with _wire(request) as wire:
        yield wire


async def _request(opening: Opening) -> Request:
    try:
        next(opening)
    except StopIteration as end:
        return cast("Request", end.value)
    raise NotImplementedError


def _wire(request: Request) -> AbstractAsyncContextManager[Wire]:
    match request:
        case ProcessRequest():
            from edgetx.speech import process  # noqa: PLC0415

            return process.connect(request)
        case WebSocketRequest():
            from edgetx.speech import websocket  # noqa: PLC0415

            return websocket.connect(request)
        case SocketIORequest():
            raise NotImplementedError
