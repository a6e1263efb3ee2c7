"""Messages that were received and not yet taken: a queue that says when it is full, so that its owner stops reading.

It takes what is put into it even then, for what has been read must go somewhere; reading stops before the next.
"""

from collections import deque

from edgetx.speech.session import Message


class Inbox:
    """First in, first out. Full from ``messages`` or from ``size`` (bytes or characters) on."""

    def __init__(self, *, messages: int, size: int) -> None:
        self._messages = messages
        self._size = size
        self._waiting: deque[Message] = deque()
        self._waiting_size = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """No more should be read for now."""
        return len(self._waiting) >= self._messages or self._waiting_size >= self._size

    def put(self, message: Message) -> None:
        """Add a message."""
        self._waiting.append(message)
        self._waiting_size += len(message)

    def take(self) -> Message:
        """Remove and return the oldest message. Raise IndexError when there is none."""
        message = self._waiting.popleft()
        self._waiting_size -= len(message)
        return message

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()
        self._waiting_size = 0
