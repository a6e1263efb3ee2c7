"""The temporary tokens of the stand-in for AssemblyAI: each opens one session, and only before it expires."""

import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tests.rigs.assemblyai_scenario import Scenario


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for a token."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(slots=True)
class Tokens:
    """``asked``: the questions so far."""

    asked: list[Asked] = field(default_factory=list)
    _issued: dict[str, tuple[float, float]] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def answer(self, asked: Asked, scenario: Scenario, *, now: float) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of the answer."""
        self.asked.append(asked)
        if scenario.token_status != HTTPStatus.OK:
            return scenario.token_status, {"error": f"Status {scenario.token_status} was asked for"}
        if {name.lower(): value for name, value in asked.headers.items()}.get("authorization") != scenario.key:
            return 401, {"error": "Unauthorized: Invalid API key"}
        lifetime = _whole(asked.query.get("expires_in_seconds"))
        limit = _whole(asked.query.get("max_session_duration_seconds", "10800"))
        if not 1 <= lifetime <= 600:
            return 400, {"error": "expires_in_seconds must be between 1 and 600"}
        if not 60 <= limit <= 10_800:
            return 400, {"error": "max_session_duration_seconds must be between 60 and 10800"}
        token = secrets.token_urlsafe(24)
        expires = now + (lifetime if scenario.token_seconds is None else scenario.token_seconds)
        self._issued[token] = (expires, limit)
        return 200, {"token": token, "expires_in_seconds": lifetime}

    def use(self, token: str, *, now: float) -> float | str:
        """Return how many seconds the session may last, or why the token opens none."""
        if token in self._used:
            return "Token has already been used"
        if token not in self._issued:
            return "Invalid API key"
        expires, limit = self._issued[token]
        self._used.add(token)
        return limit if now < expires else "Token has expired"


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() else -1
