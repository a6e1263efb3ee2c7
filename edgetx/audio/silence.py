"""Tells digital silence: sound (16 kHz, mono, int16) in which every sample is the same. Pure.

Any real microphone has a noise of its own, so a run of one value, be it zero, is none: a switch is off, a channel is
dead, an array sends no sound on this one. It must cost next to nothing: a chunk a second is looked at, and each one
only while the last was constant. So when a run is found, it may have begun a second before; `hear` looks back.
"""

from bisect import bisect_left
from collections.abc import Callable

from edgetx.audio.format import FRAME_BYTES, RATE


class Silence:
    """Is fed chunks by `hear`. ``seconds``: how long a run of one value must be to be silence."""

    def __init__(self, seconds: float) -> None:
        self._enough = max(1, round(seconds * RATE))
        self._run = 0
        self.sample = b""
        """The value of the run, as it stands in the sound."""
        self.watching = False
        """The last chunk was constant: let `hear` have the next one. Else one a second will do."""

    def hear(self, pcm: bytes, back: Callable[[], bytes]) -> bool:
        """Take a chunk; return whether it is silent now. One that is empty changes nothing.

        ``back()`` is the last second of sound, up to the chunk's end, as far as there is any.
        """
        if pcm and not _is_constant(pcm):
            self._run, self.watching = 0, False
        elif pcm and self.watching and pcm[:FRAME_BYTES] == self.sample:
            self._run += len(pcm) // FRAME_BYTES
        elif pcm:
            self.sample, self.watching = pcm[:FRAME_BYTES], True
            self._run = max(len(pcm) // FRAME_BYTES, _run_at_the_end(back(), self.sample))
        return self._run >= self._enough


def _is_constant(pcm: bytes) -> bool:
    return pcm[FRAME_BYTES:] == pcm[:-FRAME_BYTES]


def _run_at_the_end(pcm: bytes, sample: bytes) -> int:
    """Return how many frames at the end of ``pcm`` are ``sample``."""
    frames = len(pcm) // FRAME_BYTES
    return frames - bisect_left(
        range(frames), True, key=lambda first: pcm[first * FRAME_BYTES :] == sample * (frames - first)
    )
