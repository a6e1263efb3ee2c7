"""Tells speech from the rest of what a microphone hears, while it is heard (16 kHz, mono, int16). Pure.

Sound is taken in blocks of 128 ms, counted from where it began, or went on after a hole: so what is found does not
depend on how it was cut. A `Listener` says how likely a block holds speech, and `Speaking` what that comes to. A hole
ends speech, and what comes after it is heard as if nothing had been before. Before it, less than a block may be left:
that is heard as if silence followed.

While nothing stirs, two blocks are taken at a time: the second costs a fraction of the first, which finds cold caches.
So speech may be found an eighth of a second later, but not a frame less of it.
"""

import numpy as np

from edgetx.audio.format import FRAME_BYTES
from edgetx.audio.listener import Listener, Net
from edgetx.audio.speaking import LAG as SPEAKING_LAG
from edgetx.audio.speaking import Edge, Speaking
from edgetx.audio.speech_net import BLOCK
from edgetx.audio.speech_weights import speech_net

LAG = SPEAKING_LAG + BLOCK
"""Frames by which `SpeechGate.decided` lags behind what was heard, at most: 1.3 s; 0.8 s in a quiet room."""

_BLOCK_BYTES = BLOCK * FRAME_BYTES
_TOGETHER = 2
"""So many blocks are heard at a time while nothing stirs."""
_STEP = np.float32(1 / 32768)

__all__ = ["LAG", "Edge", "SpeechGate"]


class SpeechGate:
    """Is fed chunks by `hear`. It has ``net`` for itself; without one, it takes that of the package."""

    def __init__(self, net: Net | None = None) -> None:
        self._net = speech_net() if net is None else net
        self._listener = Listener(self._net)
        self._speaking = Speaking(0)
        self._rest = bytearray()
        self._taken = 0

    @property
    def decided(self) -> int:
        """Of every frame before it is decided whether it is speech. It never falls."""
        return self._speaking.decided

    @property
    def speaking(self) -> bool:
        """Whether speech goes on at `decided`."""
        return self._speaking.speaking

    def hear(self, start: int, pcm: bytes) -> list[Edge]:
        """Take whole frames, any number, the first of them frame ``start``; return what began or ended.

        ``start`` follows what was heard, or lies ahead of it: what is between is a hole. The edges alternate, the first
        one a beginning; each lies at `decided` or ahead of it, as that was before.
        """
        edges = []
        if start != self._end:
            edges = self.end()
            self._taken, self._speaking = start, Speaking(start)
        self._rest += pcm
        while len(self._rest) >= _BLOCK_BYTES * (blocks := _TOGETHER if self._listener.asleep else 1):
            for _ in range(blocks):
                edges += self._take()
        return edges

    def end(self) -> list[Edge]:
        """Come to a hole, at the end of what was heard, or to the end of all; return what began or ended."""
        hole, edges = self._end, []
        while len(self._rest) >= _BLOCK_BYTES:
            edges += self._take()
        if self._rest and not self.speaking:
            self._rest = self._rest.ljust(_BLOCK_BYTES, b"\0")
            edges += self._take()
        edges += self._speaking.end(hole)
        self._listener, self._speaking = Listener(self._net), Speaking(hole)
        self._rest.clear()
        self._taken = hole
        return edges

    @property
    def _end(self) -> int:
        return self._taken + len(self._rest) // FRAME_BYTES

    def _take(self) -> list[Edge]:
        """Hear the block that the rest begins with."""
        block = np.frombuffer(self._rest[:_BLOCK_BYTES], "<i2") * _STEP
        del self._rest[:_BLOCK_BYTES]
        edges = self._speaking.hear(self._taken, self._listener.hear(block, needed=self._speaking.speaking))
        self._taken += BLOCK
        return edges
