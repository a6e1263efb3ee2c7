"""How loud sound is.

0 dBFS is full scale for both figures, so a full-scale sine has a peak of 0 and an rms of -3.01 dBFS.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetx.audio.format import AudioFormat, Chunk
from edgetx.audio.samples import Samples, decode

FLOOR_DBFS = -120.0
"""What silence is called."""

FULL_SCALE = 32768
_TOP = 32767


@dataclass(frozen=True, slots=True)
class Level:
    """Of one piece of sound; ``clipped`` counts samples at either end of the scale."""

    rms_dbfs: float
    peak_dbfs: float
    clipped: int


class Meter:
    """Measures piece after piece; `read` gives the level of all since the last reading."""

    def __init__(self) -> None:
        self._power = 0.0
        self._frames = 0
        self._peak = 0
        self._clipped = 0

    def feed(self, form: AudioFormat, chunk: Chunk, *, listened: Collection[int], pcm: bytes) -> None:
        """Take what the source delivered in ``form``, and what came of it.

        Clipping shows in the ``listened`` channels; others may be as loud as they like: what is being played, say.
        """
        samples = decode(chunk.data, form)
        if len(listened) < form.channels:
            samples = samples[:, list(listened)]
        self._clipped += clipped(samples)
        heard = np.frombuffer(pcm, "<i2")
        if len(heard):
            wide = heard.astype(np.float32)
            self._power += float(wide @ wide)
            self._frames += len(heard)
            self._peak = max(self._peak, _peak(heard))

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come out since the last reading: that is no silence."""
        return not self._frames

    def read(self) -> Level:
        """Return the level, and begin anew."""
        rms = math.sqrt(self._power / self._frames) if self._frames else 0.0
        level = Level(round(dbfs(rms), 1), round(dbfs(self._peak), 1), self._clipped)
        self._power, self._frames, self._peak, self._clipped = 0.0, 0, 0, 0
        return level


def clipped(samples: Samples) -> int:
    """Count the samples, of any shape, at either end of the scale.

    Of int32, whose lower bits may be a 24-bit card's padding, the upper 16 bits decide.
    """
    narrow = samples if samples.dtype == np.int16 else samples >> 16
    return _count_clipped(narrow) if len(samples) and _peak(narrow) >= _TOP else 0


def dbfs(amplitude: float) -> float:
    """Return an int16 amplitude in dB of full scale."""
    return max(FLOOR_DBFS, 20 * math.log10(amplitude / FULL_SCALE)) if amplitude > 0 else FLOOR_DBFS


def _peak(samples: npt.NDArray[np.integer]) -> int:
    return max(int(samples.max()), -int(samples.min()))


def _count_clipped(samples: npt.NDArray[np.integer]) -> int:
    return int(np.count_nonzero(samples >= _TOP) + np.count_nonzero(samples <= -FULL_SCALE))
