"""An audio log that has all sound heard for speech before it writes it down: see `spoken`. Pure."""

from edgetx.audio.log import AudioLog
from edgetx.audio.spoken import Spoken


class SpokenLog(AudioLog):
    """Feeds ``spoken``, and says what it knows."""

    spoken: Spoken

    def __init__(self, spoken: Spoken, *, keep_seconds: float, start: int = 0) -> None:
        super().__init__(keep_seconds=keep_seconds, start=start)
        self.spoken = spoken

    def append(self, start: int, pcm: bytes) -> None:
        """See `AudioLog`."""
        if pcm:
            self.spoken.hear(start, pcm)
        super().append(start, pcm)

    def rest(self) -> None:
        """See `AudioLog`."""
        self.spoken.rest()
        super().rest()

    def finish(self) -> None:
        """See `AudioLog`."""
        self.spoken.rest()
        super().finish()
