"""By how many channels a board's sound is rotated: the start race of its converters shifts all channels. Pure.

Two converters that start one after the other deliver their pairs of channels in any order, so the shift is even. What
tells: unused channels deliver one value only; playback channels do so too while nothing is played, and are equal while
something is (or hear their own noise, or two different sides); microphones hear the same room.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetx.audio.channels import DEAD_RANGE
from edgetx.audio.likeness import Bools, Floats, in_steps, measure
from edgetx.audio.samples import Samples

HIGHEST_HZ = 1500.0
"""Above, microphones that are far from each other do not hear the same."""
CLEAR = 0.15
"""By so much more have microphones in common with each other than with playback channels (squared coherence)."""
_DEAD = 1
"""So many microphones of a board may be dead at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """``in_common[channels, channels]``: mean squared coherence, chance taken off."""

    is_constant: Bools
    is_twin: Bools
    in_common: Floats

    @classmethod
    def of(cls, samples: Samples | npt.NDArray[np.float32], rate: int) -> "_Heard":
        sound = in_steps(samples)
        is_constant = np.asarray(np.ptp(sound, axis=1) < DEAD_RANGE)
        likeness = measure(sound - sound.mean(axis=1, keepdims=True), rate)
        low = np.abs(likeness.coherence[likeness.hz <= HIGHEST_HZ]) ** 2
        chance = 1.0 / max(likeness.count, 2)
        return cls(is_constant, likeness.twins(), (low.mean(axis=0) - chance) / (1.0 - chance))


def rotation(
    samples: Samples | npt.NDArray[np.float32],
    rate: int,
    *,
    microphones: Sequence[int],
    playback: Sequence[int] = (),
    unused: Sequence[int] = (),
) -> int | None:
    """Return r so that the board's channel c is found at (c + r) modulo the number of channels; None: it is not told.

    ``samples[frames, channels]`` as for `channels.judge`, some tenths of a second at least, two seconds rather.
    """
    heard = _Heard.of(samples, rate)
    count = samples.shape[1]
    strains: dict[int, int] = {}
    for turn in range(0, count, 2):
        strain = _strain(heard, *(_turned(part, turn, count) for part in (microphones, playback, unused)))
        if strain is not None:
            strains[turn] = strain
    best = [turn for turn, strain in strains.items() if strain == min(strains.values())]
    if len(best) > 1:
        return _clearest(
            {turn: _contrast(heard, _turned(microphones, turn, count), _turned(playback, turn, count)) for turn in best}
        )
    return best[0] if best else None


def _turned(part: Sequence[int], turn: int, count: int) -> list[int]:
    return [(channel + turn) % count for channel in part]


def _strain(heard: _Heard, microphones: list[int], playback: list[int], unused: list[int]) -> int | None:
    """Return how much has to be explained away for the channels to be these; None: they cannot be."""
    dead = int(np.count_nonzero(heard.is_constant[microphones]))
    live = [channel for channel in microphones if not heard.is_constant[channel]]
    copies = heard.is_twin[np.ix_(live, live)] & ~np.eye(len(live), dtype=np.bool_)
    if dead > _DEAD or len(live) < 2 or copies.any() or not heard.is_constant[unused].all():  # noqa: PLR2004
        return None
    silent = int(np.count_nonzero(heard.is_constant[playback]))
    if silent == len(playback) or (not silent and heard.is_twin[np.ix_(playback, playback)].all()):
        return dead
    return dead + (2 if silent else 1)


def _contrast(heard: _Heard, microphones: list[int], playback: list[int]) -> float:
    """Return how much more microphones have in common with each other than with playback channels."""
    live = [channel for channel in microphones if not heard.is_constant[channel]]
    played = [channel for channel in playback if not heard.is_constant[channel]]
    inside = heard.in_common[np.ix_(live, live)][~np.eye(len(live), dtype=np.bool_)]
    across = heard.in_common[np.ix_(live, played)]
    return float(inside.mean() - (across.mean() if across.size else 0.0))


def _clearest(contrasts: dict[int, float]) -> int | None:
    """Return the turn with the most contrast, if it stands out."""
    (first, most), (_, next_most) = sorted(contrasts.items(), key=lambda item: -item[1])[:2]
    return first if most > CLEAR and most - next_most > CLEAR else None
