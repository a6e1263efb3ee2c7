"""How loud sound is.

0 dBFS is full scale for both figures, so a full-scale sine has a peak of 0 and an rms of -3.01 dBFS.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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


def level(pcm: npt.NDArray[np.int16]) -> Level:
    """Measure ``pcm[frames]``."""
    if not len(pcm):
        return Level(FLOOR_DBFS, FLOOR_DBFS, 0)
    peak = _peak(pcm)
    wide = pcm.astype(np.float32)
    rms = math.sqrt(float(wide @ wide) / len(pcm))
    return Level(dbfs(rms), dbfs(peak), _count_clipped(pcm) if peak >= _TOP else 0)


def clipped(samples: npt.NDArray[np.int16] | npt.NDArray[np.int32]) -> int:
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
