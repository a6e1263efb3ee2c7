"""Where sound comes from: an ALSA device, a WAV file, more later."""

from typing import Protocol

from edgetx.audio.format import AudioFormat, Chunk, Gap
from edgetx.errors import Refused, TryAgain


class Stalled(TryAgain):
    """The device is open and should deliver, but does not."""


class Forbidden(Refused):
    """The device is there, and this user may not open it: so it is also for a moment after it was plugged in."""


class Source(Protocol):
    """A blocking reader, used by one capture thread only (but ``close`` may be called from any thread, twice).

    After ``open`` the frames count from 0, and each ``read`` continues where the one before ended.
    """

    @property
    def format(self) -> AudioFormat:
        """The format in which ``read`` delivers; valid after ``open``."""

    def open(self) -> None:
        """Take the device. Raise TryAgain when it is absent or busy, Refused when it cannot do what is asked."""

    def read(self) -> Chunk | Gap | None:
        """Wait for the next period; None is the end of a recording.

        Raise Stalled when the device delivers nothing, TryAgain when it is gone, or was closed meanwhile.
        """

    def close(self) -> None:
        """Let the device go. A reader that is inside comes out, and lets it go then."""
