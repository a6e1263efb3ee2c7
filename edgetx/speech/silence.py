"""What of kept sound need not be sent again, long silence, and where sound is best cut in two. Pure.

Left out is only what is *known* to be silent: chunks in which no two samples are further apart than `SPREAD`, so that a
microphone's steady offset does not count. That is the noise of a quiet room into a microphone without gain; words at
three metres stand 18 dB above it. Nothing here follows the noise of a louder room: a rule by energy misses most words
that are as loud as the noise, and what is left out nobody will ever hear. Such sound is sent whole.

Of a silence the first `TAIL_FRAMES` are sent, so that the provider ends its utterance, and the last `LEAD_FRAMES`, so
that it hears the next one from its first breath. Together they are as long as most providers need to end an utterance.
"""

from array import array
from collections import deque

from edgetx.audio.format import RATE
from edgetx.audio.log import Stretch

SPREAD = 16
"""-72 dBFS, for what swings to both sides."""
LEAD_FRAMES = RATE * 2 // 5
PAUSE_FRAMES = RATE * 3 // 2
"""Silence that is long enough for a provider to end an utterance."""
TAIL_FRAMES = PAUSE_FRAMES - LEAD_FRAMES
CUT_FRAMES = RATE * 3 // 2
"""How far back to look for a place to cut: inside what may be sent at once."""
_HOP_FRAMES = RATE // 50
_WINDOW_HOPS = 8
"""Longer than the stop inside a word."""


class Skipper:
    """Of the sound that one session is sent again, in order. ``quiet``: frames of silence since the last sound.

    ``end``: of what the session was sent before; None: of nothing.
    """

    def __init__(self, end: int | None = None) -> None:
        self.quiet = 0
        self._end = end
        self._held: deque[Stretch] = deque()
        self._held_frames = 0

    def jump(self, start: int) -> int:
        """Return how many frames lie between what was taken last, whether sent or not, and ``start``."""
        return 0 if self._end is None else start - self._end

    def take(self, stretch: Stretch) -> tuple[list[Stretch], list[Stretch]]:
        """Take what comes next; return what is to be sent now, and what never."""
        if not is_silent(stretch.pcm):
            return self.pass_on(stretch), []
        self._end = stretch.end
        self.quiet += stretch.frames
        if self.quiet - self._held_frames <= TAIL_FRAMES:
            return [stretch], []
        self._held.append(stretch)
        self._held_frames += stretch.frames
        return [], self._let_go()

    def pass_on(self, stretch: Stretch) -> list[Stretch]:
        """Take what is to be sent whatever it is; return it, and before it what was held."""
        self._end = stretch.end
        held = self.flush()
        self.quiet = 0
        return [*held, stretch]

    def flush(self) -> list[Stretch]:
        """Return what was held, to be sent: nothing that is known follows it."""
        held = list(self._held)
        self._held.clear()
        self._held_frames = 0
        return held

    def _let_go(self) -> list[Stretch]:
        gone = []
        while self._held_frames - self._held[0].frames >= LEAD_FRAMES:
            gone.append(self._held.popleft())
            self._held_frames -= gone[-1].frames
        return gone


def is_silent(pcm: bytes) -> bool:
    """Return whether some int16 sound is known to be silent."""
    samples = array("h", pcm)
    return max(samples) - min(samples) <= SPREAD


def quietest(pcm: bytes) -> int:
    """Return the number of the frame amid the quietest moment of ``pcm``, the last of several; its end if it is short.

    A cut there hardly halves a word.
    """
    samples = array("h", pcm)
    hops = [_loudness(samples[at : at + _HOP_FRAMES]) for at in range(0, len(samples) - _HOP_FRAMES + 1, _HOP_FRAMES)]
    starts = range(len(hops) - _WINDOW_HOPS, -1, -1)
    if not starts:
        return len(samples)
    quiet = min(starts, key=lambda start: sum(hops[start : start + _WINDOW_HOPS]))
    return (quiet + _WINDOW_HOPS // 2) * _HOP_FRAMES


def _loudness(samples: "array[int]") -> int:
    offset = sum(samples) // len(samples)
    return sum(abs(sample - offset) for sample in samples)
