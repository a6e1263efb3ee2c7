"""The JSON Schemas (draft 2020-12) of all that is published, and of requests: the contract with others.

`transcript` covers finals and partials. `availability` describes the bare word that is its payload, as a JSON string.
"""

import json
from importlib.resources import files
from typing import Any, Literal

PayloadKind = Literal["availability", "info", "health", "state", "transcript", "event", "level", "request", "response"]


def schema(kind: PayloadKind) -> dict[str, Any]:
    """Return the schema of one kind of payload."""
    loaded: dict[str, Any] = json.loads(files(__name__).joinpath(f"{kind}.json").read_text(encoding="utf-8"))
    return loaded
