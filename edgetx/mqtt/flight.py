"""What one connection has sent and the broker has not answered yet, and the answers that are still to be told. Pure."""

from edgetx.mqtt import reasons
from edgetx.mqtt.lanes import Numbered
from edgetx.mqtt.reasons import Refusal

ANSWER_SECONDS = 60.0
"""Who answers nothing for so long, though something is under way, is no broker to wait for, ping as it may."""

Answers = tuple[list[int], list[tuple[int, Refusal]]]


class Flight:
    """Times are seconds of any clock that runs steadily."""

    def __init__(self, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.answer_seconds = answer_seconds
        self._sent: dict[int, Numbered] = {}  # by paho's message id
        self._acknowledged: list[int] = []
        self._refused: list[tuple[int, Refusal]] = []
        self._since = 0.0  # The broker answered last, or was sent what it has to answer since.

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def has_answers(self) -> bool:
        """Whether `answers` has any."""
        return bool(self._acknowledged or self._refused)

    def patience(self, now: float) -> float:
        """Return how many seconds the broker has left to answer anything."""
        return self._since + self.answer_seconds - now

    def sent(self, message_id: int, numbered: Numbered, now: float) -> None:
        """Say that it left as message ``message_id``."""
        if not self._sent:
            self._since = now
        self._sent[message_id] = numbered

    def acknowledged(self, message_id: int, now: float) -> None:
        """Say that the broker has it; what is not ours, or was answered, it may acknowledge as it likes."""
        if numbered := self._sent.pop(message_id, None):
            self._since = now
            self._acknowledged.append(numbered[0])

    def refused(self, message_id: int, code: int, now: float, *, name: str, words: str) -> None:
        """Say that the broker does not take it, and why."""
        if numbered := self._sent.pop(message_id, None):
            self._since = now
            self._refuse(numbered, code, name=name, words=words)

    def too_large(self, numbered: Numbered, *, name: str, words: str) -> None:
        """Say that the broker takes nothing as large."""
        self._refuse(numbered, reasons.TOO_LARGE, name=name, words=words)

    def ended(self, code: int, *, name: str, words: str) -> None:
        """Say why the broker ended the connection."""
        if code == reasons.TOO_LARGE and self._sent:  # It will have been the largest; else it comes again.
            largest = max(self._sent.values(), key=lambda numbered: len(numbered[1].payload))
            self.too_large(largest, name=name, words=words)

    def answers(self) -> Answers:
        """Return the numbers that were acknowledged since the last call, and those refused."""
        told = self._acknowledged, self._refused
        self._acknowledged, self._refused = [], []
        return told

    def _refuse(self, numbered: Numbered, code: int, *, name: str, words: str) -> None:
        number, publication = numbered
        self._refused.append((number, reasons.refused(publication.topic, code, name=name, words=words)))
