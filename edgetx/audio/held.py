"""A source that waits for its reader: a recording read as fast as it goes must not outrun what transcribes it."""

import threading
from collections.abc import Callable

from edgetx.audio.format import AudioFormat, Chunk, Gap
from edgetx.audio.source import Source

LEAD_SECONDS = 5.0
LOOK_SECONDS = 0.02


class Held:
    """Reads from ``source`` while it is less than `LEAD_SECONDS` ahead, as ``lead_seconds()`` tells.

    ``waiting`` is called now and then meanwhile: a source that is held is not stuck.
    """

    def __init__(self, source: Source, lead_seconds: Callable[[], float], *, waiting: Callable[[], None]) -> None:
        self._source = source
        self._lead_seconds = lead_seconds
        self._waiting = waiting
        self._closed = threading.Event()

    @property
    def format(self) -> AudioFormat:
        """See `Source`."""
        return self._source.format

    def open(self) -> None:
        """See `Source`."""
        self._source.open()

    def read(self) -> Chunk | Gap | None:
        """Wait until the reader has come near, then read."""
        while self._lead_seconds() > LEAD_SECONDS and not self._closed.wait(LOOK_SECONDS):
            self._waiting()
        return self._source.read()

    def close(self) -> None:
        """See `Source`."""
        self._closed.set()
        self._source.close()
