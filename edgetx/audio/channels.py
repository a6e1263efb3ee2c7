"""What is wrong with the channels of a piece of sound: dead, weak, alike, inverted, delayed, clipping … Pure.

Boards have their ways: a converter that starts up delivers zeros or a sweep of its centre (leave the first quarter of a
second out: `SETTLING_SECONDS`, or what `dirty_start` finds), playback channels are zeros, a mono source behind a
converting plugin fills every channel with the same samples. From such channels no direction can be told.

How channels are compared is written in `likeness`. What is seldom is wrong: of channels that contradict each other the
fewer are, or else the later.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from edgetx.audio.format import RATE
from edgetx.audio.level import dbfs
from edgetx.audio.likeness import Bools, Floats, Likeness, in_steps, measure
from edgetx.audio.samples import Samples

SETTLING_SECONDS = 0.25
"""Of a device's first sound, which tells nothing of its channels."""
APERTURE_M = 0.15
"""The largest distance between two microphones, where it is not known: no usual board has a larger one."""
WEAK_DB = 12.0
"""So far below the others a channel is hardly heard, and a talker who is very near to one microphone is not enough."""
WEAK_OF_TWO_DB = 14.0
"""With one microphone to compare with only, something very near to that one may be what is heard."""
SILENT_DB = 25.0
"""So far below the others' median in nearly every moment: enough where they have no sound in common."""
CLIPPED_SHARE = 1e-3
OFF_CENTRE = 0.01
"""Of full scale."""
OFF_CENTRE_OF_RMS = 0.1
"""Besides: the mean of loud sound is never quite 0."""
DEAD_RANGE = 0.5
"""Of int16's step; what was resampled is not constant to the last bit."""

_TOP = 32700.0
_FULL = 32768.0


class Fault(StrEnum):
    """``dead``: one value all the time. ``twin``: the same sound as `Channel.other`, whatever its level.

    ``delayed``: by more than sound takes from microphone to microphone.
    """

    DEAD = "dead"
    WEAK = "weak"
    TWIN = "twin"
    INVERTED = "inverted"
    DELAYED = "delayed"
    CLIPPING = "clipping"
    OFF_CENTRE = "off centre"


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel, by its number from 0.

    ``rms_dbfs`` without and ``peak_dbfs`` with the centre, ``centre`` (the mean) and ``clipped`` as shares of full
    scale and of the samples. ``other``: the channel that this one is a twin of, inverted or delayed against.
    ``below_db``: how far it is below the others (of a weak one), ``late_ms``: how much later it comes (of a delayed
    one). ``is_compared``: it has enough in common with another one for weakness and lag to be told; ``is_upright``: its
    sign could be told, and is as it should be.
    """

    number: int
    rms_dbfs: float
    peak_dbfs: float
    centre: float
    clipped: float
    faults: tuple[Fault, ...] = ()
    other: int | None = None
    below_db: float = 0.0
    late_ms: float = 0.0
    is_compared: bool = False
    is_upright: bool = False


def judge(
    samples: Samples | npt.NDArray[np.float32], rate: int = RATE, *, aperture_m: float = APERTURE_M
) -> list[Channel]:
    """Return a finding on each channel of ``samples[frames, channels]``, one frame at least.

    int16, int32 at its full scale, or float32 in int16's steps. ``aperture_m``: the largest distance between two
    microphones. Two seconds with some sound in the room are a good measure.
    """
    sound = in_steps(samples)
    low, high = sound.min(axis=1), sound.max(axis=1)
    centre = sound.mean(axis=1, dtype=np.float64)
    clipped = [
        np.count_nonzero(np.abs(sound[n]) >= _TOP) / len(samples) if is_loud else 0.0
        for n, is_loud in enumerate(np.maximum(high, -low) >= _TOP)
    ]
    sound -= centre.astype(np.float32)[:, None]
    power = [float(np.dot(signal, signal)) / len(samples) for signal in sound]
    is_dead = np.asarray(high - low < DEAD_RANGE)
    found = _Found.of(measure(sound, rate), is_dead, aperture_m)
    return [
        Channel(
            n,
            rms_dbfs=round(dbfs(float(np.sqrt(power[n]))), 1),
            peak_dbfs=round(dbfs(float(max(high[n], -low[n]))), 1),
            centre=round(float(centre[n]) / _FULL, 4),
            clipped=clipped[n],
            faults=found.faults(n) if is_dead[n] else (*found.faults(n), *_own(clipped[n], centre[n], power[n])),
            other=found.other(n),
            below_db=round(float(found.below_db[n]), 1),
            late_ms=round(float(found.late_ms[n]), 2),
            is_compared=bool(found.is_compared[n]),
            is_upright=bool(found.is_upright[n]),
        )
        for n in range(len(sound))
    ]


def _own(clipped: float, centre: float, power: float) -> list[Fault]:
    """Return the faults that no other channel is needed to see."""
    is_off = abs(centre) >= max(OFF_CENTRE * _FULL, OFF_CENTRE_OF_RMS * np.sqrt(power))
    found = {Fault.CLIPPING: clipped >= CLIPPED_SHARE, Fault.OFF_CENTRE: is_off}
    return [fault for fault, is_there in found.items() if is_there]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What the comparison of channels has shown; each array[channels]. ``twin_of``, ``against``: -1 for none."""

    is_dead: Bools
    is_weak: Bools
    below_db: Floats
    twin_of: npt.NDArray[np.int64]
    late_ms: Floats
    reference: int
    against: npt.NDArray[np.int64]
    is_compared: Bools
    is_upright: Bools

    @classmethod
    def of(cls, likeness: Likeness, is_dead: Bools, aperture_m: float) -> "_Found":
        """Compare."""
        bounds = likeness.gain_bounds_db()
        is_weak, below_db = _weak(likeness, bounds, ~is_dead)
        late_ms, reference, is_timed = _late(*likeness.lags(aperture_m))
        signs = likeness.signs(aperture_m)
        signs[late_ms != 0] = signs[:, late_ms != 0] = 0
        against, is_upright = _against(signs)
        return cls(
            is_dead=is_dead,
            is_weak=is_weak,
            below_db=below_db,
            twin_of=_twins(likeness.twins(), is_dead),
            late_ms=late_ms,
            reference=reference,
            against=against,
            is_compared=is_timed & np.isfinite(bounds).any(axis=1),
            is_upright=is_upright,
        )

    def faults(self, n: int) -> tuple[Fault, ...]:
        """Return what is wrong with channel ``n`` in comparison."""
        if self.is_dead[n]:
            return (Fault.DEAD,)
        found = {
            Fault.WEAK: self.is_weak[n],
            Fault.TWIN: self.twin_of[n] >= 0,
            Fault.INVERTED: self.against[n] >= 0,
            Fault.DELAYED: self.late_ms[n] != 0,
        }
        return tuple(fault for fault, is_there in found.items() if is_there)

    def other(self, n: int) -> int | None:
        """Return what it is compared with in that."""
        late = self.reference if self.late_ms[n] else -1
        return next((int(m) for m in (self.twin_of[n], self.against[n], late) if m >= 0), None)


def _weak(likeness: Likeness, bounds: Floats, is_live: Bools) -> tuple[Bools, Floats]:
    """Return which channels are weak, and by how many decibels."""
    live = np.flatnonzero(is_live)
    is_bounded = np.isfinite(bounds)
    is_compared = 2 * np.count_nonzero(is_bounded, axis=1) >= max(1, len(live) - 1)
    below = np.zeros(len(is_live))
    for n in np.flatnonzero(is_compared):
        below[n] = -np.median(bounds[n, is_bounded[n]])
    limits = np.where(is_compared, WEAK_OF_TWO_DB if len(live) == 2 else WEAK_DB, SILENT_DB)  # noqa: PLR2004
    if not is_compared[live].all():
        below[live] = np.where(is_compared[live], below[live], likeness.powers_below_db(is_live))
    is_weak = np.asarray(below >= limits)
    return is_weak, np.where(is_weak, below, 0.0)


def _twins(twins: Bools, is_dead: Bools) -> npt.NDArray[np.int64]:
    """Return the first of the earlier channels that each is a copy of."""
    earlier = np.tril(twins, -1)
    earlier[:, is_dead] = earlier[is_dead] = False
    return np.where(earlier.any(axis=1), earlier.argmax(axis=1), -1)


def _late(lags: Floats, is_known: Bools) -> tuple[Floats, int, Bools]:
    """Return the lags behind the reference in milliseconds, which that is, and which channels could be compared.

    The reference is what most channels agree with; of several such the one that comes first.
    """
    agreed = np.count_nonzero(is_known & (lags == 0), axis=1)
    reference = int(np.lexsort((lags.sum(axis=1), -agreed))[0])
    others = is_known & ~np.eye(len(lags), dtype=np.bool_)
    return 1000 * lags[:, reference], reference, np.asarray(others.any(axis=1))


def _against(signs: Floats) -> tuple[npt.NDArray[np.int64], Bools]:
    """Return the channel that each inverted one is inverted against, and which are known not to be inverted.

    ``signs``: +1, -1 or 0 for each pair. Each takes the side on which most others see it.
    """
    np.fill_diagonal(signs, 0)
    reference = int(np.abs(signs).sum(axis=1).argmax())
    seed = signs[reference].copy()
    seed[reference] = 1
    side = np.sign(signs @ seed)
    told = np.flatnonzero(side)
    usual = (np.sign(side.sum()) or side[told[0]]) if len(told) else 1.0
    is_upright = np.asarray(side == usual)
    first = int(is_upright.argmax()) if is_upright.any() else -1
    return np.where(side == -usual, first, -1), is_upright
