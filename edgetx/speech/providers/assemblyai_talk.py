"""What both of AssemblyAI's streaming protocols have alike: JSON objects as text come in, and an error before the end.

A close frame has too little room for the cause, so an error message tells it first, and is kept for the close.
"""

from abc import ABC, abstractmethod
from typing import Any

from edgetx.speech.session import Message
from edgetx.speech.talk import Talk
from edgetx.speech.untrusted import EXCERPT, json_object, text

_NAME = 40


class AssemblyAITalk(Talk, ABC):
    """A `Talk` of which a version's session is made. ``_kind``: the field that says what an object is."""

    _kind = "type"

    def __init__(self, secret: str) -> None:
        super().__init__(secret)
        self._error = ""

    def receive(self, message: Message) -> None:
        """Take one message of the provider's; never raises. After the end nothing counts."""
        if self._closed:
            return
        if not isinstance(message, str):
            self._trouble("binary where text is due", message)
            return
        message = self._clean(message)
        if (data := json_object(message)) is None:
            self._trouble("not a JSON object", message)
        elif not self._understood(data):
            self._trouble(f"{text(data.get(self._kind), _NAME)} is not understood", message)

    @abstractmethod
    def _understood(self, data: dict[str, Any]) -> bool:
        """Take one object; return whether it is one of the protocol's."""

    def _failed(self, said: object) -> str:
        """Keep, for the close, and return what an error message says in its field ``error``."""
        self._error = text(said, EXCERPT) or "The provider reported an error without a word."
        return self._error

    def _why(self, reason: str) -> str:
        """Join what the close said with what the last error said before it."""
        reason, error = self._clean(reason), self._error
        reason = "" if "see error message" in reason.lower() else reason
        if not error or error in reason:
            return reason or "The provider ended the session without a word."
        return f"{error} ({reason})" if reason and reason not in error else error
