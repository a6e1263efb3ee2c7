"""What sound looks like between a source and the audio log.

Frame numbers are time: frame *n* of a source is *n / rate* seconds after it was opened. A hole (`Gap`) advances the
number, so the timeline stays straight. Downstream of the front end all sound is `RATE` Hz, one channel, int16.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

RATE = 16_000
"""Hz of everything behind the front end."""


class SampleFormat(StrEnum):
    """ALSA's names of the sample formats that edgetx reads."""

    S16_LE = "S16_LE"
    S24_3LE = "S24_3LE"
    S32_LE = "S32_LE"

    @property
    def width_bytes(self) -> int:
        """Bytes of one sample."""
        return {"S16_LE": 2, "S24_3LE": 3, "S32_LE": 4}[self.value]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Frames a second, samples a frame, and how a sample is written. As text: ``16000:S16_LE:6``."""

    rate: int
    channels: int
    sample_format: SampleFormat

    def __str__(self) -> str:
        return f"{self.rate}:{self.sample_format}:{self.channels}"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.channels * self.sample_format.width_bytes

    def decode(self, data: bytes) -> npt.NDArray[np.int16] | npt.NDArray[np.int32]:
        """Return interleaved ``data`` (whole frames) as read-only samples[frames, channels].

        S16_LE gives int16; S24_3LE and S32_LE give int32 at int32's full scale.
        """
        if self.sample_format is SampleFormat.S16_LE:
            return np.frombuffer(data, "<i2").reshape(-1, self.channels)
        if self.sample_format is SampleFormat.S32_LE:
            return np.frombuffer(data, "<i4").reshape(-1, self.channels)
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = wide.view("<i4").reshape(-1, self.channels)
        samples.flags.writeable = False
        return samples


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive frames: ``samples[frames, channels]``, read-only, int16 or int32; ``start`` numbers the first."""

    start: int
    samples: npt.NDArray[np.int16] | npt.NDArray[np.int32]

    @property
    def end(self) -> int:
        """The number of the frame after the last."""
        return self.start + len(self.samples)


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in the captured sound: ``frames`` missing from ``start``, and why.

    ``cause`` is one of ``overrun``, ``device``, ``overflow``, ``outage``, ``refused``, ``stopped``.
    """

    start: int
    frames: int
    cause: str

    @property
    def end(self) -> int:
        """The number of the first frame after the hole."""
        return self.start + self.frames
