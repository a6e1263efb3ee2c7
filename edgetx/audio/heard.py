"""What every front end makes of what a device delivers: one channel, 16 kHz, int16, numbered.

The numbers keep the timeline straight: input frame n stands at output frame ``at_16k(n)``, and a stretch of input
[a, b) comes out as exactly [at_16k(a), at_16k(b)), however it was cut.
"""

from typing import NamedTuple, Protocol

from edgetx.audio.format import RATE, Chunk


class Heard(NamedTuple):
    """``pcm`` at 16 kHz, int16 little-endian; ``start`` numbers its first frame."""

    start: int
    pcm: bytes


class FrontEnd(Protocol):
    """A streaming converter of one source's chunks, any size."""

    def process(self, chunk: Chunk) -> Heard:
        """Convert; what comes out may lag behind what went in. After `flush`, ``chunk`` may start anywhere ahead."""

    def flush(self) -> Heard:
        """Return what still lags behind: a hole or the end follows."""


def at_16k(frame: int, rate: int) -> int:
    """Return the 16 kHz frame that stands where ``frame`` stands at ``rate`` Hz, the nearest."""
    return (frame * RATE * 2 + rate) // (rate * 2)
