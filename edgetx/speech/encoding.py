"""What a provider wants to hear, out of what edgetx hears: 16 or 8 kHz, linear or mu-law. Pure.

Mu-law is ITU-T G.711's: a sign, a segment of twice the step of the one before, and a place among its sixteen steps,
all bits inverted; so silence is 0xFF. A table of all 65,536 samples costs less than numpy would, which (with soxr) is
imported for 8 kHz only.
"""

import struct
from itertools import pairwise
from typing import Literal, Protocol

from edgetx.audio.format import FRAME_BYTES, RATE

Encoding = Literal["pcm_s16le", "pcm_mulaw"]
"""AssemblyAI's names."""


class PcmStream(Protocol):
    """Int16 (little-endian) at one rate in, at another out."""

    def process(self, pcm: bytes) -> bytes:
        """Take whole samples, return what is ready."""

    def flush(self) -> bytes:
        """Return the rest."""


_CODES = 128
_BIAS = 33  # G.711's: with it, the highest bit of a 14-bit magnitude is the segment.


def _codes(zero: int) -> bytes:
    """Return the codes of the 32,768 magnitudes of one sign, ``zero`` being that of the least."""
    edges = [max(0, (((16 + code % 16) << code // 16 + 1) - _BIAS) * 4) for code in range(_CODES)]
    runs = enumerate(pairwise([*edges, 2**15]))
    return b"".join(bytes([zero - code]) * (after - first) for code, (first, after) in runs)


_MU_LAW = _codes(0xFF) + _codes(0x7F)[::-1]
"""By sample, as an unsigned number; a negative one's magnitude is its one's complement, as in ITU-T G.191."""


class Encoder:
    """A stream of 16 kHz mono int16 (little-endian) in; ``sample_rate`` (16000 or 8000) and ``encoding`` out.

    ``bytes_per_ms``: of what comes out; ``silence``: its repetition is silence, and its length that of a sample.
    At 8 kHz what comes out lags by some 100 ms until the `flush`, and is cut at 4 kHz without mirror images.
    """

    def __init__(self, sample_rate: int, encoding: str) -> None:
        self.silence = b"\xff" if encoding == "pcm_mulaw" else b"\0\0"
        self.bytes_per_ms = sample_rate * len(self.silence) // 1000
        self._encode = _mu_law if encoding == "pcm_mulaw" else bytes
        self._resample = None if sample_rate == RATE else _resampler(sample_rate)

    def encode(self, pcm: bytes) -> bytes:
        """Return what is ready; ``pcm`` holds whole samples."""
        return self._encode(self._resample.process(pcm) if self._resample else pcm)

    def flush(self) -> bytes:
        """Return the rest, as if silence followed."""
        return self._encode(self._resample.flush()) if self._resample else b""


def _mu_law(pcm: bytes) -> bytes:
    return bytes(map(_MU_LAW.__getitem__, struct.unpack(f"<{len(pcm) // FRAME_BYTES}H", pcm)))


def _resampler(sample_rate: int) -> PcmStream:
    from edgetx.audio import resample  # noqa: PLC0415 - numpy and soxr come with it

    return resample.Pcm(resample.resampler(RATE, sample_rate))
