"""What sound looks like between a source and the audio log.

Frame numbers are time: frame *n* of a source is *n / rate* seconds after it was opened. A hole (`Gap`) advances the
number, so the timeline stays straight. Downstream of the front end all sound is `RATE` Hz, one channel, int16, in bytes
(little-endian): a microphone that delivers just that costs no arithmetic, and numpy is not even imported.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

RATE = 16_000
"""Hz of everything behind the front end."""

FRAME_BYTES = 2
"""Bytes of a frame of everything behind the front end."""


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


class Chunk(NamedTuple):
    """``frames`` consecutive frames as the source wrote them (interleaved); ``start`` numbers the first."""

    start: int
    frames: int
    data: bytes

    @property
    def end(self) -> int:
        """The number of the frame after the last."""
        return self.start + self.frames


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in the captured sound: ``frames`` missing from ``start``, and why.

    ``cause`` is one of ``overrun``, ``device``, ``muted``, ``overflow``, ``stopped``, ``restart``, ``damaged``.
    """

    start: int
    frames: int
    cause: str

    @property
    def end(self) -> int:
        """The number of the first frame after the hole."""
        return self.start + self.frames
