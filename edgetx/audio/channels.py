"""What is wrong with the channels of a piece of sound: dead, too quiet, alike, inverted, clipping, off centre. Pure.

Boards have their ways: a converter that starts up delivers zeros or a sweep of its centre (leave the first quarter of a
second out: `SETTLING_SECONDS`), playback channels are zeros, a mono source behind a converting plugin fills every
channel with the same samples. From such channels no direction can be told.

Microphones a few centimetres apart hear low sound nearly alike, but each has noise of its own: what is left of one when
the other is taken away in the best proportion is some thousandth of its power, never a millionth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from edgetx.audio.level import dbfs
from edgetx.audio.samples import Samples

SETTLING_SECONDS = 0.25
"""Of a device's first sound, which tells nothing of its channels."""
QUIET_DB = 40.0
"""So far below the others' median a channel is hardly heard."""
ALIKE_REST = 1e-6
"""Of a channel's power: what two channels may differ by and still be one."""
OPPOSED = 0.9
CLIPPED_SHARE = 1e-3
OFF_CENTRE = 0.01
"""Of full scale."""
OFF_CENTRE_OF_RMS = 0.1
"""Besides: the mean of loud sound is never quite 0."""

_TOP = 32767.0
_FULL = 32768.0


class Fault(StrEnum):
    """``dead``: one value all the time. ``twin``: the same sound as `Channel.other`, whatever its level."""

    DEAD = "dead"
    QUIET = "quiet"
    TWIN = "twin"
    INVERTED = "inverted"
    CLIPPING = "clipping"
    OFF_CENTRE = "off centre"


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel, by its number from 0.

    ``rms_dbfs`` without and ``peak_dbfs`` with the centre, ``centre`` (the mean) and ``clipped`` as shares of full
    scale and of the samples. ``other``: the channel that this one is a twin of or inverted against.
    """

    number: int
    rms_dbfs: float
    peak_dbfs: float
    centre: float
    clipped: float
    faults: tuple[Fault, ...] = ()
    other: int | None = None


def judge(samples: Samples) -> list[Channel]:
    """Return a finding on each channel of ``samples[frames, channels]`` (int16 or int32), one frame at least.

    Two seconds with some sound in the room are a good measure. Of two channels that are alike the later is the twin;
    of channels that oppose each other those are inverted that are fewer, or else the later.
    """
    wide = samples.astype(np.float64) * (1.0 if samples.dtype == np.int16 else 2.0**-16)
    centre = wide.mean(axis=0)
    peak = np.abs(wide).max(axis=0)
    clipped = np.count_nonzero(np.abs(wide) >= _TOP, axis=0) / len(wide)
    is_dead = wide.max(axis=0) == wide.min(axis=0)
    wide -= centre
    power = np.einsum("nc,nc->c", wide, wide) / len(wide)
    others = _others(wide, is_dead)
    return [
        Channel(
            n,
            rms_dbfs=round(dbfs(float(np.sqrt(power[n]))), 1),
            peak_dbfs=round(dbfs(float(peak[n])), 1),
            centre=round(float(centre[n]) / _FULL, 4),
            clipped=float(clipped[n]),
            faults=tuple(_faults(n, power, is_dead, centre=centre, clipped=clipped, relation=others[n][0])),
            other=others[n][1],
        )
        for n in range(wide.shape[1])
    ]


def _faults(
    n: int,
    power: npt.NDArray[np.float64],
    is_dead: npt.NDArray[np.bool_],
    *,
    centre: npt.NDArray[np.float64],
    clipped: npt.NDArray[np.float64],
    relation: Fault | None,
) -> list[Fault]:
    if is_dead[n]:
        return [Fault.DEAD]
    rest = power[~is_dead & (np.arange(len(power)) != n)]
    found = {
        Fault.QUIET: bool(len(rest)) and power[n] < np.median(rest) * 10 ** (-QUIET_DB / 10),
        Fault.TWIN: relation is Fault.TWIN,
        Fault.INVERTED: relation is Fault.INVERTED,
        Fault.CLIPPING: clipped[n] >= CLIPPED_SHARE,
        Fault.OFF_CENTRE: abs(centre[n]) >= max(OFF_CENTRE * _FULL, OFF_CENTRE_OF_RMS * np.sqrt(power[n])),
    }
    return [fault for fault, is_there in found.items() if is_there]


def _others(centred: npt.NDArray[np.float64], is_dead: npt.NDArray[np.bool_]) -> list[tuple[Fault | None, int | None]]:
    """Return what each channel is to an other one, and to which."""
    norms = np.sqrt(np.einsum("nc,nc->c", centred, centred))
    norms[is_dead] = 1.0
    correlation = centred.T @ centred / np.outer(norms, norms)
    return [_relation(n, list(map(float, row))) for n, row in enumerate(correlation)]


def _relation(n: int, row: Sequence[float]) -> tuple[Fault | None, int | None]:
    against = [m for m, value in enumerate(row) if value < -OPPOSED]
    along = [m for m, value in enumerate(row) if value > OPPOSED]
    if against and (len(against), -against[0]) > (len(along), -along[0]):
        return Fault.INVERTED, against[0]
    twin = next((m for m in along if m < n and 1.0 - row[m] ** 2 < ALIKE_REST), None)
    return (Fault.TWIN, twin) if twin is not None else (None, None)
