"""From what a device delivers to what the rest of edgetx hears: one channel, 16 kHz, int16, numbered.

The numbers keep the timeline straight: input frame n stands at output frame ``at_16k(n)``, and a stretch of input
[a, b) comes out as exactly [at_16k(a), at_16k(b)), however it was cut.

Most microphones that speech is taken from deliver just what is wanted: their bytes pass as they are. The rest is the
business of `mixing`, which is imported (with numpy) only then.
"""

from typing import Literal, NamedTuple, Protocol

from edgetx.audio.format import RATE, AudioFormat, Chunk, SampleFormat
from edgetx.errors import Refused

Listen = Literal["auto", "mix"] | int

WANTED = AudioFormat(RATE, 1, SampleFormat.S16_LE)


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


class Passing:
    """What is right already: not even copied, and nothing lags."""

    def __init__(self) -> None:
        self._end = 0

    def process(self, chunk: Chunk) -> Heard:
        """See `FrontEnd`."""
        self._end = chunk.end
        return Heard(chunk.start, chunk.data)

    def flush(self) -> Heard:
        """See `FrontEnd`."""
        return Heard(self._end, b"")


def front_end(form: AudioFormat, listen: Listen) -> FrontEnd:
    """Return the front end for a source of format ``form``. Raise Refused for a channel that it does not have."""
    channels = _channels(form, listen)
    if form == WANTED:
        return Passing()
    from edgetx.audio import mixing  # noqa: PLC0415  (35 ms and 13 MB that most microphones need not pay)

    return mixing.front_end(form, channels)


def at_16k(frame: int, rate: int) -> int:
    """Return the 16 kHz frame that stands where ``frame`` stands at ``rate`` Hz, the nearest."""
    return (frame * RATE * 2 + rate) // (rate * 2)


def _channels(form: AudioFormat, listen: Listen) -> int | slice:
    if listen == "mix" and form.channels > 1:
        return slice(None)
    channel = listen if isinstance(listen, int) else 0
    if not 0 <= channel < form.channels:
        raise Refused(
            f"Channel {channel} does not exist: the source has {form.channels}, numbered from 0. "
            "Set 'listen' to one of them, 'mix' or 'auto'."
        )
    return channel
