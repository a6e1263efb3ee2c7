"""How much of a device's first sound is none: zeros until its converter runs, then a sweep of its centre. Pure."""

import numpy as np
import numpy.typing as npt

from edgetx.audio.channels import DEAD_RANGE
from edgetx.audio.likeness import Floats, in_steps
from edgetx.audio.samples import Samples

LONGEST_SECONDS = 0.5
"""What is not settled then is not the start."""
ZEROS_SECONDS = 0.001
"""Shorter runs of one value there are in quiet sound too."""
SWEEP = 100.0
"""In int16's steps: what a centre may be away from where it comes to rest."""
SWEEP_OF_USUAL = 3.0
"""And of the most that it is away later."""
PIECE_SECONDS = 0.02
CROSSING = 2


def dirty_frames(samples: Samples | npt.NDArray[np.float32], rate: int) -> int:
    """Return how many of the first frames of ``samples[frames, channels]`` to leave out: 0 when the start is clean.

    From the very first frame of the device; of less than a second nothing is said. Dead channels are no matter.
    """
    sound = in_steps(samples).T
    longest = round(LONGEST_SECONDS * rate)
    if len(sound) < 2 * longest:
        return 0
    sound = sound[:, np.ptp(sound[longest:], axis=0) >= DEAD_RANGE]
    if not sound.shape[1]:
        return 0
    zeros = int((sound[:longest] != sound[0]).argmax(axis=0).max())
    zeros = zeros if zeros >= ZEROS_SECONDS * rate else 0
    return zeros + _swept(sound[zeros:], round(PIECE_SECONDS * rate), longest - zeros)


def _swept(sound: npt.NDArray[np.float32], piece: int, longest: int) -> int:
    """Return for how many frames, whole pieces, any centre is not where it comes to rest, from the first frame on."""
    count = len(sound) // piece
    centres: Floats = sound[: count * piece].reshape(count, piece, -1).mean(axis=1, dtype=np.float64)
    later = centres[longest // piece :]
    away = np.abs(centres - np.median(later, axis=0))
    usual = np.maximum(SWEEP, SWEEP_OF_USUAL * away[longest // piece :].max(axis=0))
    is_away = (away[: longest // piece] > usual).any(axis=1)
    if not is_away[:1].any():
        return 0
    ahead = np.append(is_away, np.zeros(CROSSING, np.bool_))  # It passes its centre in so many pieces.
    still = is_away | ahead[1 : 1 + len(is_away)] | ahead[CROSSING:]
    end = len(still) if still.all() else int(still.argmin()) + 1  # One more, for the end is still on its way.
    return min(longest, end * piece)
