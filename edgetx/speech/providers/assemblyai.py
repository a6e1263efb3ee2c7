"""AssemblyAI's streaming protocol, version 3 ("Universal-Streaming"): ``wss://streaming.assemblyai.com/v3/ws``.

Here is the way to a connection: its parameters, and who we are. Either the API key goes along in a header, raw, without
``Bearer``; or it is exchanged over HTTPS, at the same host, for a temporary token that opens one session, and only the
token goes to where the sound goes. What is then said is in `assemblyai_session`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from edgetx.provider_settings import AssemblyAISettings
from edgetx.speech.providers.assemblyai_audio import CHUNK, Chunker
from edgetx.speech.providers.assemblyai_codes import v3_closes
from edgetx.speech.providers.assemblyai_session import AssemblyAISession
from edgetx.speech.providers.assemblyai_token import token_of
from edgetx.speech.session import HttpRequest, Limits, Opening, WebSocketRequest, pause_after

_VERSION = {"AssemblyAI-Version": "2025-05-12"}  # Pins the shape of messages.
_SESSION_SECONDS = 10_800

# The documentation says real time; the vendor is quoted that it throttles at 1.25 and hangs up only when minutes of
# audio wait. 1.2 stays below that and still catches up a second in five.
_REPLAY_RATE = 1.2

# All other settings are the vendor's parameters, and are sent by their own names.
_OURS = frozenset({"api_key", "type", "region", "url", "insecure", "tokens", "token_seconds", "max_session_seconds"})
_OURS |= {"sessions_per_minute", "max_sessions", "extra", "keyterms"}


@dataclass(frozen=True, slots=True)
class AssemblyAI:
    """The vendor as configured: a `Provider`."""

    name: str
    settings: AssemblyAISettings
    api_key: str = field(repr=False)

    @property
    def limits(self) -> Limits:
        """What AssemblyAI allows: 50 to 1000 ms a message, about real time, three hours.

        Without partials nothing shows that somebody speaks, so that having the sound is no proof of silence.
        """
        timeout, partials = self.settings.inactivity_timeout, self.settings.include_partial_turns is not False
        return Limits(
            CHUNK,
            replay_rate=_REPLAY_RATE,
            drain_seconds=5.0,
            open_seconds=10.0,
            silent_seconds=3.0 if partials else None,
            keepalive_seconds=None if timeout is None else min(timeout - 1, 0.9 * timeout),
            session_seconds=self.settings.max_session_seconds or _SESSION_SECONDS,
            max_sessions=self.settings.max_sessions,
            pause_seconds=pause_after(self.settings.min_turn_silence, self.settings.max_turn_silence),
        )

    def opening(self) -> Opening:
        """Lead to the address, with the key or, over one question, with a fresh token."""
        url = urlsplit(self.settings.address)
        query = _written(_asked(self.settings))
        if not self.settings.tokens:
            return WebSocketRequest(_with(url, query), {"Authorization": self.api_key, **_VERSION})
        answered = yield HttpRequest("fetch a token", "GET", self._token_url(url), {"Authorization": self.api_key})
        query["token"] = token_of(answered, api_key=self.api_key)
        return WebSocketRequest(_with(url, query), {**_VERSION}, renewable=True)

    def session(self) -> AssemblyAISession:
        """Return a fresh session."""
        return AssemblyAISession(
            chunker=Chunker(self.settings.sample_rate, self.settings.encoding),
            asked=_asked(self.settings),
            closes=v3_closes(tokens=self.settings.tokens),
            secret=self.api_key,
        )

    def _token_url(self, url: SplitResult) -> str:
        settings = self.settings
        given = {
            "expires_in_seconds": settings.token_seconds,
            "max_session_duration_seconds": settings.max_session_seconds,
        }
        scheme = "http" if url.scheme == "ws" else "https"
        folder = url.path.rpartition("/")[0] or "/v3"
        return _with(url._replace(scheme=scheme, path=f"{folder}/token"), _written(given))


def _asked(settings: AssemblyAISettings) -> dict[str, Any]:
    """Return the parameters of a connection, as JSON values; what is not set is not in it."""
    typed = {field.name: getattr(settings, field.name) for field in fields(settings) if field.name not in _OURS}
    given = typed | {"keyterms_prompt": settings.keyterms} | settings.extra
    return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if v not in (None, (), {})}


def _written(given: Mapping[str, Any]) -> dict[str, str]:
    """Return each value as a query has it: lists, objects, numbers and truth values are JSON text."""
    return {name: v if isinstance(v, str) else json.dumps(v, default=str) for name, v in given.items() if v is not None}


def _with(url: SplitResult, query: Mapping[str, str]) -> str:
    """Return ``url`` with ``query`` after the query that it has."""
    return url._replace(query="&".join(filter(None, (url.query, urlencode(query))))).geturl()
