"""Where a microphone's talkers were: from many short bearings the direction of an utterance, and who moved. Pure.

A bearing is what an array says of some tenths of a second. Of an utterance's bearings those count that lie within
`AGREE_DEG` of where most of their confidence is; their mean, weighted by confidence, is the direction (angles are
averaged as unit vectors: Mardia and Jupp, Directional Statistics, 2.2). Its confidence is the mean confidence of those
that agree times their share: what disagrees was another talker, or a mistake.
"""

import math
from collections import deque
from collections.abc import Iterable

from edgetx.audio.heard import Bearing, apart
from edgetx.speech.events import Direction

AGREE_DEG = 10.0
MOVED_DEG = 20.0
"""From one utterance to the next; a smaller change may be the error of either."""
SURE = 0.5
"""So confident a direction has to be for a talker to have moved there."""
_STEP_DEG = 2.5
KEPT = 8192
"""Bearings: about a quarter of an hour in which somebody speaks all the time."""


class Directions:
    """One microphone's. ``cone``: the array is a line, so an angle to its axis is all that can be told."""

    def __init__(self, *, cone: bool = False) -> None:
        self.cone = cone
        self._bearings: deque[Bearing] = deque(maxlen=KEPT)
        self._last: Direction | None = None

    def add(self, bearings: Iterable[Bearing]) -> None:
        """Take bearings, in order of their frames."""
        self._bearings.extend(bearing for bearing in bearings if bearing.confidence > 0)

    def of(self, start: int, end: int) -> Direction | None:
        """Return where the talker of the frames [start, end) was; None: nothing is known."""
        heard = []
        for bearing in reversed(self._bearings):
            if bearing.end <= start:
                break
            if bearing.start < end:
                heard.append(bearing)
        return self._agreed(heard) if heard else None

    def moved(self, direction: Direction) -> bool:
        """Return whether the talker of an utterance is elsewhere than that of the last one whose place was known."""
        if direction.confidence < SURE:
            return False
        before, self._last = self._last, direction
        return before is not None and apart(before.azimuth_deg, direction.azimuth_deg) > MOVED_DEG

    def _agreed(self, heard: list[Bearing]) -> Direction:
        middle = _densest(heard)
        agreeing = [bearing for bearing in heard if apart(bearing.azimuth_deg, middle) <= AGREE_DEG]
        weight = sum(bearing.confidence for bearing in agreeing)
        x = sum(bearing.confidence * math.cos(math.radians(bearing.azimuth_deg)) for bearing in agreeing)
        y = sum(bearing.confidence * math.sin(math.radians(bearing.azimuth_deg)) for bearing in agreeing)
        share = weight / sum(bearing.confidence for bearing in heard)
        azimuth_deg = round(math.degrees(math.atan2(y, x))) % 360
        return Direction(azimuth_deg, round(weight / len(agreeing) * share, 2), cone=self.cone)


def _densest(bearings: Iterable[Bearing]) -> float:
    """Return around where most confidence is, to the next `_STEP_DEG`; what is near counts more than what is far."""
    steps = round(360 / _STEP_DEG)
    weights = [0.0] * steps
    for bearing in bearings:
        weights[round(bearing.azimuth_deg / _STEP_DEG) % steps] += bearing.confidence
    reach = round(AGREE_DEG / _STEP_DEG)
    shares = [(by, 1 - abs(by) / reach) for by in range(1 - reach, reach)]
    return max(range(steps), key=lambda at: sum(share * weights[(at + by) % steps] for by, share in shares)) * _STEP_DEG
