"""Watches over an array's microphones while they are in use: which to leave out, which to turn round. Pure.

Sound is looked at in pieces of a fifth of a second, counted from the first frame, so that what is decided does not
depend on how the sound is cut; `ChannelWatch.room` says how much of the piece is left. Each piece is asked only whether
a channel stands still. Two seconds are judged (`channels`) three times at the start, then every fifteen seconds; every
two while a fault is suspected, or every five where it may come from where a talker is; and soon after a channel's level
has jumped.

The last microphone is never left out, and when all stand still nothing is said: then the device is silent.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetx.audio.channel_standing import Standing, gravest, is_well, said
from edgetx.audio.channels import DEAD_RANGE, Channel, Fault, judge
from edgetx.audio.heard import Remark

PIECES_A_SECOND = 5
LOOK = 10
"""Pieces that are judged."""
SETTLING = 2
"""Pieces at the start that tell nothing."""
FIRST_LOOKS = 3
SOON = LOOK
USUALLY = 75
SOMETIMES = 25
"""Pieces between looks where a talker may have brought about what was seen, or only a level has jumped."""
STILL = 2
"""Pieces of one value that make a channel dead."""
AUDIBLE = 4.0
"""Range in int16's steps of the others: there is something to hear."""
JUMP = 6.0
"""By so much does a channel's share of the loudest one's level change in a second."""

_THIN = 64

Block = npt.NDArray[np.float32] | npt.NDArray[np.int16]


@dataclass(slots=True, eq=False)
class _Course:
    """How far the sound has come since it began: frames of the piece that is not full, pieces, looks.

    ``still``: for how many pieces each channel has stood still while others had something to hear; ``lively``: has
    moved. ``shares``: of the loudest one's level, a second ago.
    """

    still: npt.NDArray[np.int64]
    lively: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float32]
    filled: int = 0
    pieces: int = 0
    looks: int = 0
    last_look: int = 0
    next_look: int = SETTLING + LOOK

    @classmethod
    def of(cls, channels: int) -> "_Course":
        """Begin."""
        return cls(np.zeros(channels, np.int64), np.zeros(channels, np.int64), np.ones(channels, np.float32))


class ChannelWatch:
    """``numbers``: the microphones' channels at the device, for the remarks, in the order in which they are fed.

    ``rate`` in hertz; ``aperture_m``: the largest distance between two microphones. ``standings``: what is held of each
    already, and is kept there.
    """

    def __init__(
        self, numbers: tuple[int, ...], rate: int, *, aperture_m: float, standings: list[Standing] | None = None
    ) -> None:
        self._numbers = numbers
        self._rate = rate
        self._aperture_m = aperture_m
        self._standings = standings or [Standing() for _ in numbers]
        self._piece = rate // PIECES_A_SECOND
        self._kept = np.zeros((LOOK * self._piece, len(numbers)), np.float32)
        self._course = _Course.of(len(numbers))

    def restart(self) -> None:
        """The sound begins anew, after a hole or a new start of the device. What is held of the channels stays."""
        self._course = _Course.of(len(self._numbers))

    @property
    def room(self) -> int:
        """Frames, 1 at least, up to the next moment at which something may change."""
        return self._piece - self._course.filled

    @property
    def gains(self) -> tuple[float, ...]:
        """What to multiply each microphone by from here on: 1, -1 (it is inverted) or 0 (it is left out)."""
        return tuple(standing.gain for standing in self._standings)

    @property
    def healthy(self) -> tuple[bool, ...]:
        """Which microphones are in use, once they are multiplied by `gains`."""
        return tuple(gain != 0 for gain in self.gains)

    @property
    def is_directed(self) -> bool:
        """Whether a direction can be told: two different microphones are in use, and none is another's copy."""
        return sum(self.healthy) > 1 and all(standing.fault is not Fault.TWIN for standing in self._standings)

    def hear(self, samples: Block) -> list[Remark]:
        """Take ``samples[frames, microphones]`` as they come, not multiplied; in int16's steps. Return what is new."""
        remarks: list[Remark] = []
        done = 0
        while done < len(samples):
            part = samples[done : done + self.room]
            at = self._course.pieces % LOOK * self._piece + self._course.filled
            self._kept[at : at + len(part)] = part
            self._course.filled += len(part)
            done += len(part)
            if self._course.filled == self._piece:
                remarks += self._end_piece()
        return remarks

    def _end_piece(self) -> list[Remark]:
        at = self._course.pieces % LOOK * self._piece
        self._course.filled = 0
        self._course.pieces += 1
        ranges = self._ranges(self._kept[at : at + self._piece])
        remarks = self._dead(ranges)
        if self._is_due(ranges):
            remarks += self._look()
        return remarks

    def _ranges(self, piece: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        thin = piece[::_THIN]
        ranges = np.asarray(thin.max(axis=0) - thin.min(axis=0))
        for n in np.flatnonzero(ranges < DEAD_RANGE):
            ranges[n] = piece[:, n].max() - piece[:, n].min()
        return ranges

    def _dead(self, ranges: npt.NDArray[np.float32]) -> list[Remark]:
        """Count for how long channels stand still or move; leave out what stands still while others do not."""
        is_still = ranges < DEAD_RANGE
        is_news = bool(is_still.any() and not is_still.all() and np.median(ranges[~is_still]) >= AUDIBLE)
        self._course.still = np.where(is_still, self._course.still + is_news, 0)
        self._course.lively = np.where(is_still, 0, self._course.lively + 1)
        remarks = []
        if is_news:
            for n in np.flatnonzero(self._course.still >= STILL):
                dead = Channel(int(n), rms_dbfs=-120.0, peak_dbfs=-120.0, centre=0.0, clipped=0.0)
                remarks += self._find(dead, Fault.DEAD)
        return remarks

    def _is_due(self, ranges: npt.NDArray[np.float32]) -> bool:
        """Return whether to look now."""
        is_back = any(
            standing.fault is Fault.DEAD and lively == LOOK
            for standing, lively in zip(self._standings, self._course.lively, strict=True)
        )
        if self._course.pieces % PIECES_A_SECOND == 0 and self._has_jumped(ranges):
            self._course.next_look = min(
                self._course.next_look, max(self._course.pieces + LOOK, self._course.last_look + SOMETIMES)
            )
        return is_back or self._course.pieces >= self._course.next_look

    def _has_jumped(self, ranges: npt.NDArray[np.float32]) -> bool:
        """Return whether a channel's share of the loudest one's level is quite another than a second ago."""
        heard = np.maximum(ranges, 1.0)
        shares = heard / heard.max()
        change = shares / self._course.shares
        self._course.shares = shares
        return bool((change > JUMP).any() or (change < 1 / JUMP).any())

    def _look(self) -> list[Remark]:
        at = self._course.pieces % LOOK * self._piece
        sound = np.concatenate((self._kept[at:], self._kept[:at]))
        channels = judge(sound, self._rate, aperture_m=self._aperture_m)
        clipping = sum(Fault.CLIPPING in channel.faults for channel in channels)
        remarks = []
        for channel in channels:
            if self._course.lively[channel.number] >= LOOK:
                remarks += self._see(channel, is_loud_everywhere=2 * clipping >= len(channels))
        self._course.looks += 1
        self._course.last_look = self._course.pieces
        self._course.next_look = self._course.pieces + self._pause()
        return remarks

    def _pause(self) -> int:
        if self._course.looks < FIRST_LOOKS or any(standing.is_urgent for standing in self._standings):
            return SOON
        return SOMETIMES if any(standing.is_suspect for standing in self._standings) else USUALLY

    def _see(self, channel: Channel, *, is_loud_everywhere: bool) -> list[Remark]:
        standing = self._standings[channel.number]
        finding = gravest(channel)
        if finding is Fault.CLIPPING and is_loud_everywhere:
            finding = None
        if finding is None and not is_well(channel, standing.fault):
            standing.doubt()
            return []
        return self._find(channel, finding)

    def _find(self, channel: Channel, fault: Fault | None) -> list[Remark]:
        """Take a finding; hold it when it is due, unless no microphone would be left."""
        n = channel.number
        standing = self._standings[n]
        if not standing.see(fault, standing.needed(fault, channel)):
            return []
        if fault not in {None, Fault.INVERTED} and not any(self.healthy[:n] + self.healthy[n + 1 :]):
            return []
        standing.hold(fault)
        other = None if channel.other is None else self._numbers[channel.other]
        return [Remark(self._numbers[n], fault or "", said(fault, self._numbers[n], channel=channel, other=other))]
