"""A recording in place of a microphone: a WAV file, at the pace at which it was recorded, or as fast as it is read.

At the pace of real time a period can be read when its last frame would have been captured, counted from `open`, so
that nothing drifts; a reader that was late catches up, as with a sound card's buffer.
"""

import logging
from collections.abc import Callable
from threading import Lock
from typing import BinaryIO

from edgetx.audio.format import AudioFormat, Chunk
from edgetx.audio.riff import NotPlayable, Recording, read_recording
from edgetx.config import WavSettings
from edgetx.errors import Refused, TryAgain

PERIOD_SECONDS = 0.1

_log = logging.getLogger(__name__)


class WavSource:
    """A `Source` of 16-, 24- or 32-bit PCM of any rate and channel count. See `WavSettings`.

    ``clock`` is monotonic seconds, ``sleep`` waits that many. A `close` during `read` ends it after its period.
    """

    def __init__(
        self,
        settings: WavSettings,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        *,
        period_seconds: float = PERIOD_SECONDS,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._period_seconds = period_seconds
        self._lock = Lock()
        self._file: BinaryIO | None = None
        self._recording: Recording | None = None
        self._opened_seconds = 0.0
        self._position = 0

    @property
    def format(self) -> AudioFormat:
        """See `Source`."""
        return self._opened.format

    @property
    def missing_frames(self) -> int:
        """How many frames the file's header promises that it does not hold; valid after ``open``."""
        return self._opened.missing_frames

    def open(self) -> None:
        """Open the file. Raise Refused when it is missing or not one that edgetx plays."""
        path = self._settings.wav
        try:
            self._file = path.open("rb")
            self._recording = read_recording(self._file)
        except OSError as error:
            self.close()
            raise Refused(f"The recording {path} cannot be read: {error.strerror}.") from error
        except NotPlayable as error:
            self.close()
            raise Refused(_refusal(str(path), str(error))) from error
        if not self._recording.frames:
            self.close()
            raise Refused(f"The recording {path} holds no sound.")
        if self.missing_frames:
            _log.warning(
                "The recording %s is %.1f s shorter than its header says; what is there is played.",
                path,
                self.missing_frames / self.format.rate,
            )
        self._opened_seconds, self._position = self._clock(), 0

    def read(self) -> Chunk | None:
        """Wait for the next period and return it; None at the end. Raise TryAgain once the source is closed."""
        wanted = self._wanted()
        if not wanted:
            return None
        if self._settings.pace == "realtime":
            self._wait_until(self._opened_seconds + (self._position + wanted) / self.format.rate)
        chunk = Chunk(self._position, wanted, self._read(wanted))
        self._position = chunk.end
        return chunk

    def close(self) -> None:
        """See `Source`."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    @property
    def _opened(self) -> Recording:
        if self._recording is None:
            raise RuntimeError("The source was not opened.")
        return self._recording

    def _wanted(self) -> int:
        """Return how many frames the next period has; it ends where the recording ends."""
        frames = self._opened.frames
        played = self._position % frames if self._settings.repeat else self._position
        return min(round(self._period_seconds * self.format.rate), frames - played)

    def _wait_until(self, due_seconds: float) -> None:
        wait = due_seconds - self._clock()
        if wait > 0:
            self._sleep(wait)

    def _read(self, frames: int) -> bytes:
        size = self.format.frame_bytes
        with self._lock:
            if self._file is None:
                raise TryAgain(f"The recording {self._settings.wav} was closed.")
            self._file.seek(self._opened.offset + self._position % self._opened.frames * size)
            data = self._file.read(frames * size)
        if len(data) < frames * size:
            raise TryAgain(f"The recording {self._settings.wav} was cut short while it was played.")
        return data


def _refusal(path: str, what: str) -> str:
    return (
        f"The recording {path} {what}; accepted are WAV files of 16-, 24- or 32-bit PCM. "
        "To convert: sox in.wav -b 16 -e signed-integer out.wav"
    )
