"""From a device's rate to 16 kHz, or from there to a provider's, as a stream. DOOR soxr.

soxr (the SoX resampler) is linear-phase and hides its own delay: output frame k stands at input time k / 16000, it
merely comes out later, once the filter has seen what follows: 7 to 75 ms, at 8 kHz up to 100 ms. Quality HQ: the pass
band ends at 0.91 of the lower Nyquist rate (7.3 kHz), the stop band lies below -100 dB. What comes out does not
depend on how the input is cut into pieces. The cheapest quality, QQ, does not filter at all.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from edgetx.audio.format import RATE

Signal = npt.NDArray[np.float32]


class Stream(Protocol):
    """The part of ``soxr.ResampleStream`` that is used."""

    def resample_chunk(self, x: Signal, /, *, last: bool = ...) -> Signal:
        """Take ``x[frames]``, return what is ready."""

    def clear(self) -> None:
        """Begin anew."""


class Resampler:
    """One channel at one rate in, the same at another out; any piece size.

    Several channels are resampled together: then it takes and returns signals[frames, channels].
    """

    def __init__(self, stream: Stream, channels: int = 1) -> None:
        self._stream = stream
        self._nothing = np.zeros(0 if channels == 1 else (0, channels), np.float32)

    def process(self, signal: Signal) -> Signal:
        """Take ``signal[frames]``, return the frames that are ready, perhaps none."""
        return self._stream.resample_chunk(signal)

    def flush(self) -> Signal:
        """Return the rest, as if silence followed, and begin anew."""
        rest = self._stream.resample_chunk(self._nothing, last=True)
        self._stream.clear()
        return rest


class Pcm:
    """The same for int16 (little-endian) in bytes."""

    def __init__(self, resampler: Resampler) -> None:
        self._resampler = resampler

    def process(self, pcm: bytes) -> bytes:
        """Take whole samples, return what is ready, perhaps nothing."""
        return int16(self._resampler.process(np.frombuffer(pcm, "<i2").astype(np.float32)))

    def flush(self) -> bytes:
        """Return the rest, as if silence followed, and begin anew."""
        return int16(self._resampler.flush())


def int16(signal: Signal) -> bytes:
    """Return a signal in units of int16's step as little-endian bytes; what is too loud is clipped."""
    return np.rint(signal).clip(-32768, 32767).astype("<i2").tobytes()


def resampler(rate: int, wanted: int = RATE, *, channels: int = 1) -> Resampler:
    """Return a resampler from ``rate`` Hz to ``wanted`` Hz, for as many channels at once."""
    import soxr  # noqa: PLC0415 - a device at 16 kHz does not pay for it

    return Resampler(soxr.ResampleStream(rate, wanted, channels, dtype="float32", quality="HQ"), channels)


def fit(rest: Signal, frames: int) -> Signal:
    """Cut or lengthen what a flush gave to ``frames``.

    Rounding both ends of a stretch may differ by one frame from rounding its length.
    """
    if len(rest) >= frames:
        return rest[:frames]
    return np.concatenate([rest, np.zeros((frames - len(rest), *rest.shape[1:]), np.float32)])
