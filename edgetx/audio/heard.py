"""What every front end makes of what a device delivers: one channel, 16 kHz, int16, numbered.

The numbers keep the timeline straight: input frame n stands at output frame ``at_16k(n)``, and a stretch of input
[a, b) comes out as exactly [at_16k(a), at_16k(b)), however it was cut.
"""

from typing import NamedTuple, Protocol

from edgetx.audio.format import RATE, Chunk


class Bearing(NamedTuple):
    """Where a talker was during 16 kHz frames [start, end), numbered as `Heard.start` numbers.

    ``azimuth_deg``: counter-clockwise from +x, seen from above, in [0, 360). Of a linear array: the angle from its axis
    (the end towards +x, or +y), in [0, 180]: a cone, which is no side. ``confidence``: 0 to 1.
    """

    start: int
    end: int
    azimuth_deg: float
    confidence: float


def apart(one_deg: float, other_deg: float) -> float:
    """Return how far two directions lie apart, in degrees from 0 to 180."""
    return abs((one_deg - other_deg + 180.0) % 360.0 - 180.0)


class Remark(NamedTuple):
    """A capture channel is left out from here on, or is well again.

    ``channel``: its number at the device, from 0. ``fault``: what is wrong with it, a word; "" when it is well again.
    ``text``: the same as a whole sentence for people.
    """

    channel: int
    fault: str
    text: str


class Heard(NamedTuple):
    """``pcm`` at 16 kHz, int16 little-endian; ``start`` numbers its first frame. The rest only an array tells.

    ``bearings`` may be of sound that was heard earlier.
    """

    start: int
    pcm: bytes
    bearings: tuple[Bearing, ...] = ()
    remarks: tuple[Remark, ...] = ()


class FrontEnd(Protocol):
    """A streaming converter of one source's chunks, any size."""

    def process(self, chunk: Chunk) -> Heard:
        """Convert; what comes out may lag behind what went in. After `flush`, ``chunk`` may start anywhere ahead."""

    def flush(self) -> Heard:
        """Return what still lags behind: a hole or the end follows."""


def at_16k(frame: int, rate: int) -> int:
    """Return the 16 kHz frame that stands where ``frame`` stands at ``rate`` Hz, the nearest."""
    return (frame * RATE * 2 + rate) // (rate * 2)
