"""One session of edgetx's provider for AssemblyAI with a stand-in, without the engine: all sound at once."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from edgetx.config import Secret
from edgetx.errors import TryAgain
from edgetx.provider_settings import AssemblyAISettings
from edgetx.speech import registry
from edgetx.speech.events import Closed, Opened, SessionEvent
from edgetx.speech.providers.assemblyai import AssemblyAI
from edgetx.speech.providers.assemblyai_session import AssemblyAISession
from edgetx.speech.session import Wire
from tests.rigs.assemblyai_scenario import KEY

CHUNK = 3200


async def converse(
    url: str, sound: bytes, *, halfway: Callable[[AssemblyAISession], None] | None = None, **settings: Any
) -> list[SessionEvent]:
    """Stream ``sound`` as edgetx does, all at once; return what the session made of the answers."""
    provider = AssemblyAI("aai", AssemblyAISettings(Secret("text", KEY), url=url, **settings), KEY)
    session, events = provider.session(), []
    for start in range(0, len(sound), CHUNK):
        if halfway and start == len(sound) // CHUNK // 2 * CHUNK:
            halfway(session)
        session.send_audio(sound[start : start + CHUNK])
    session.finish()
    async with registry.connect(provider.opening()) as wire:
        await understand(session, wire, events, (Opened, Closed))
        if not isinstance(events[-1], Closed):
            with suppress(TryAgain):  # The other side has closed already: why, stands among what it said.
                for message in session.to_send():
                    await wire.send(message)
        await understand(session, wire, events, (Closed,))
    return events


async def understand(
    session: AssemblyAISession, wire: Wire, events: list[SessionEvent], until: tuple[type, ...]
) -> None:
    """Give the session what comes, until it says one of ``until``."""
    while not any(isinstance(event, until) for event in events):
        if (message := await wire.receive()) is None:
            session.connection_closed(wire.close_code, wire.close_reason)
        else:
            session.receive(message)
        events += session.events()
