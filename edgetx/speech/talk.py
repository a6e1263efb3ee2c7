"""What all sessions have alike: what they put down is drained, a kind of trouble is told once, and there is one end.

A vendor's session derives from `Talk`: it appends to ``_out`` and ``_events`` itself, for that is done for every chunk
of sound, and goes through `_once`, `_trouble` and `_close` for what is rare. Pure.
"""

from typing import Any

from edgetx.speech.events import Closed, Notice, SessionEvent
from edgetx.speech.session import Message
from edgetx.speech.untrusted import EXCERPT, excerpt, without

LOOKED_AT = 4000
"""More characters than are shown: a secret at the edge would be cut, and not be known for one."""
_NOTICE_KINDS = 32


class Talk:
    """The part of a `Session` that is no vendor's. ``secret`` is not repeated, even where the provider does."""

    def __init__(self, secret: str = "") -> None:
        self._secret = secret
        self._out: list[Message] = []
        self._events: list[SessionEvent] = []
        self._noticed: set[str] = set()
        self._closed = False

    def to_send(self) -> list[Message]:
        """Return, once, the messages that are due."""
        out, self._out = self._out, []
        return out

    def events(self) -> list[SessionEvent]:
        """Return, once, what has happened."""
        events, self._events = self._events, []
        return events

    def _clean(self, words: str) -> str:
        """Return words of the other side's as they may be shown."""
        return without(words, self._secret)

    def _once(self, kind: str, data: dict[str, Any]) -> None:
        """Give ``data`` as a `Notice` unless there was one of this kind, or of too many kinds."""
        if kind not in self._noticed and len(self._noticed) < _NOTICE_KINDS:
            self._noticed.add(kind)
            self._events.append(Notice("provider", data))

    def _trouble(self, kind: str, message: object) -> None:
        """Tell, once, of this kind of message that does not fit, by the beginning of the first."""
        shown = self._clean(excerpt(message, LOOKED_AT))[:EXCERPT]
        self._once(kind, {"trouble": kind, "excerpt": shown})

    def _close(self, closed: Closed) -> None:
        """Give the one `Closed`: the first counts."""
        if not self._closed:
            self._closed = True
            self._events.append(closed)
