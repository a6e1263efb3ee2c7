"""A detector of speech for sound that is loud or silent: it keeps the contract of `spoken.Detector`, and is right."""

import numpy as np

from edgetx.audio.format import RATE
from edgetx.audio.spoken import HANG_OVER_FRAMES

PRE_ROLL = RATE * 2 // 5
HOP = RATE // 100
NOTICE = RATE // 10
"""It takes so long to be sure."""
LOUD = 500


class Loud:
    """Speech is what holds a sample above `LOUD`. ``lag``: by so many more frames it lags behind what it hears."""

    def __init__(self, *, lag: int = 0) -> None:
        self.decided = 0
        self.speaking = False
        self._lag = lag
        self._end: int | None = None
        self._loud_from: int | None = None
        self._loud_until = 0

    def hear(self, start: int, pcm: bytes) -> list[tuple[int, bool]]:
        edges: list[tuple[int, bool]] = []
        if start != self._end:
            edges += self.end()
            self.decided = max(start, self.decided)
        samples = np.frombuffer(pcm, "<i2")
        for at in range(0, len(samples), HOP):
            hop = samples[at : at + HOP]
            edges += self._hop(start + at, start + at + len(hop), loud=bool(np.abs(hop.astype(int)).max() > LOUD))
        self._end = start + len(samples)
        return edges

    def end(self) -> list[tuple[int, bool]]:
        if self._end is None:
            return []
        edges = [] if self.speaking or self._loud_from is None else self._begin(self._loud_from)
        edges += self._stop(self._end) if self.speaking else []
        self.decided, self._loud_from = max(self.decided, self._end), None
        return edges

    def _hop(self, start: int, end: int, *, loud: bool) -> list[tuple[int, bool]]:
        if loud:
            self._loud_from = start if self._loud_from is None else self._loud_from
            self._loud_until = end
        if self.speaking:
            self.decided = end
            return self._stop(end) if end - self._loud_until >= HANG_OVER_FRAMES else []
        if self._loud_from is not None and end - self._loud_from >= NOTICE + self._lag:
            return self._begin(self._loud_from)
        self.decided = max(self.decided, end - PRE_ROLL - NOTICE - self._lag)
        return []

    def _begin(self, loud_from: int) -> list[tuple[int, bool]]:
        self.speaking = True
        return [(max(self.decided, loud_from - PRE_ROLL), True)]

    def _stop(self, end: int) -> list[tuple[int, bool]]:
        self.speaking, self._loud_from = False, None
        self.decided = max(self.decided, end)
        return [(end, False)]
