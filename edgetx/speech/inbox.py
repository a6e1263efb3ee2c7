"""Messages that were received and not yet taken: a queue that says when it is full, so that its owner stops reading.

A message may come in parts: `begin`, `extend` and, when it is whole, `complete`.

It takes what is put into it even then, for what has been read must go somewhere; reading stops before the next.
"""

from collections import deque


class Inbox:
    """First in, first out. Full from ``messages`` or from ``size`` (bytes or characters) on."""

    def __init__(self, *, messages: int, size: int) -> None:
        self._messages = messages
        self._size = size
        self._waiting: deque[str | bytes] = deque()
        self._waiting_size = 0
        self._partial = bytearray()
        self._text = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """No more should be read for now."""
        return len(self._waiting) >= self._messages or self._waiting_size >= self._size

    def begin(self, *, text: bool) -> None:
        """Note that the next part is the first of a message."""
        self._text = text

    def extend(self, part: bytes | bytearray | memoryview) -> None:
        """Take a part."""
        self._partial += part

    def complete(self) -> None:
        """Add the message whose parts have come. Raise UnicodeDecodeError when a text is not UTF-8."""
        message = self._partial.decode() if self._text else bytes(self._partial)
        self._partial.clear()
        self._waiting.append(message)
        self._waiting_size += len(message)

    def take(self) -> str | bytes:
        """Remove and return the oldest message. Raise IndexError when there is none."""
        message = self._waiting.popleft()
        self._waiting_size -= len(message)
        return message

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()
        self._waiting_size = 0
