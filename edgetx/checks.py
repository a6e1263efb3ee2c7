"""What may stand in a setting: each check takes a value and returns what is wrong with it, or None.

A check stands next to the setting that it guards (``Annotated[int, Range(1, 64)]``); its text goes on after the
setting's name and ends in what to write instead. Values come from a person, so they are shown short and quoted.
"""

import re
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import NamedTuple

MAX_PORT = 65_535
MAX_CHANNELS = 64
TOPIC_CHARACTERS = 200
SHORTEST_PERIOD_SECONDS = 0.1
SHORTEST_SILENCE_SECONDS = 1.0
SHOWN_CHARACTERS = 40

_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_URL = re.compile(r"([a-z]+)://(\[[0-9A-Fa-f:.]+\]|[^\s:/?#\[\]]+)(?::([^/?#]*))?((?:[/?#]\S*)?)")
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|\[::1\]")


class Url(NamedTuple):
    """The parts of an address that matter here; ``rest`` is path, query and fragment."""

    scheme: str
    host: str
    port: str | None
    rest: str

    @property
    def is_loopback(self) -> bool:
        """Whether it leads to this very machine."""
        return bool(_LOOPBACK.fullmatch(self.host))


@dataclass(frozen=True, slots=True)
class Range:
    """A number from ``low`` to ``high``, both included; ``high`` None is no limit."""

    low: float
    high: float | None = None

    def __call__(self, value: float) -> str | None:
        """Return what is wrong with ``value``."""
        if value >= self.low and (self.high is None or value <= self.high):
            return None
        allowed = f"{self.low:g} or more" if self.high is None else f"from {self.low:g} to {self.high:g}"
        return f"{value} is out of range; it is {allowed}"


@dataclass(frozen=True, slots=True)
class AtMost:
    """A text or a list no longer than ``count`` of ``what``."""

    count: int
    what: str

    def __call__(self, value: Sized) -> str | None:
        """Return what is wrong with ``value``."""
        size = len(value)
        return None if size <= self.count else f"there are {size} {self.what}; at most {self.count} are allowed"


@dataclass(frozen=True, slots=True)
class Address:
    """A URL of one of ``schemes``, with a host, perhaps a port, and no credentials: those are ``elsewhere``."""

    schemes: tuple[str, ...]
    elsewhere: str

    def __call__(self, value: str) -> str | None:
        """Return what is wrong with ``value``; a URL with a password in it is not shown."""
        if "@" in value:
            return f"no user name or password may stand in the address; write it as {self.elsewhere}"
        url = split(value)
        if url is None or url.scheme not in self.schemes:
            *most, last = (f"{scheme}://" for scheme in self.schemes)
            return f"{shown(value)} is no address; it is {', '.join(most)} or {last}, a host and perhaps ':port'"
        if url.port is not None and not _is_port(url.port):
            return f"{shown(url.port)} is no port; it is a number from 1 to {MAX_PORT}"
        if url.scheme.startswith("mqtt") and url.rest not in {"", "/"}:
            return f"{shown(url.rest)} has no meaning to {url.scheme}://; end the address before it"
        return None


def split(url: str) -> Url | None:
    """Return the parts of ``url``, or None when it has not the form ``scheme://host[:port][/path]``."""
    match = _URL.fullmatch(url)
    return Url(*match.groups()) if match else None


def identifier(value: str) -> str | None:
    """Names that become part of a topic."""
    if _NAME.fullmatch(value):
        return None
    return f"{shown(value)} is no name; it is 1 to 64 of the characters a-z, 0-9, '_' and '-'"


def credential_id(value: str) -> str | None:
    """The ID of a credential is a plain file name to systemd."""
    if value.isprintable() and "/" not in value and ":" not in value and value not in {"", ".", ".."}:
        return None
    return f"{shown(value)} is no credential ID; it is a file name, without '/' and ':'"


def topic(value: str) -> str | None:
    """Return what is wrong with the levels that stand before all topics."""
    if "+" in value or "#" in value:
        return f"{shown(value)} holds a wildcard, '+' or '#'; leave it out"
    if not all(value.split("/")):
        return f"{shown(value)} has an empty level; take the extra '/' away"
    if value.startswith("$") or not value.isprintable() or len(value) > TOPIC_CHARACTERS:
        return f"{shown(value)} is no topic; write at most {TOPIC_CHARACTERS} printable characters, no '$' first"
    return None


def no_credentials(value: Mapping[str, object]) -> str | None:
    """Return what is wrong with a provider's further parameters, which are published as they are."""
    found = next((name for name in value if name.lower() in {"token", "api_key", "authorization", "password"}), None)
    return f"{found!r} would be shown to everyone; write it as 'api_key'" if found else None


def level_period(value: float) -> str | None:
    """Return what is wrong with the seconds between two levels; 0 is never."""
    return (
        None
        if value == 0 or value >= SHORTEST_PERIOD_SECONDS
        else (f"{value:g} is out of range; it is 0 (never) or at least {SHORTEST_PERIOD_SECONDS:g}")
    )


def silent_period(value: float) -> str | None:
    """Return what is wrong with the seconds after which one value is called silence; 0: it is not looked for."""
    if value == 0 or value >= SHORTEST_SILENCE_SECONDS:
        return None
    return f"{value:g} is out of range; it is 0 (never) or at least {SHORTEST_SILENCE_SECONDS:g}"


def shown(value: str) -> str:
    """Return ``value`` quoted and short enough for one line."""
    return repr(value if len(value) <= SHOWN_CHARACTERS else value[: SHOWN_CHARACTERS - 1] + "…")


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PORT)) and 1 <= int(text) <= MAX_PORT
