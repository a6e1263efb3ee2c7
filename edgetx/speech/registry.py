"""Which vendor's file serves a ``type:``, and which wire carries a request; imported when first needed."""

from contextlib import AbstractAsyncContextManager

from edgetx.config import AssemblyAISettings, LocalSettings, ProviderSettings
from edgetx.speech.session import ProcessRequest, Provider, Request, Wire


def provider(name: str, settings: ProviderSettings, *, api_key: str = "") -> Provider:
    """Return the configured vendor; ``api_key`` is the secret that its settings name, revealed."""
    match settings:
        case LocalSettings():
            from edgetx.speech.providers.local import Local  # noqa: PLC0415

            return Local(name, settings)
        case AssemblyAISettings():
            from edgetx.speech.providers.assemblyai import AssemblyAI  # noqa: PLC0415

            return AssemblyAI(name, settings, api_key)


def connect(request: Request) -> AbstractAsyncContextManager[Wire]:
    """Open the wire that ``request`` is for."""
    if isinstance(request, ProcessRequest):
        from edgetx.speech import process  # noqa: PLC0415

        return process.connect(request)
    from edgetx.speech import websocket  # noqa: PLC0415

    return websocket.connect(request)
