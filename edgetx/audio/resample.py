"""From a device's rate to 16 kHz, as a stream. DOOR soxr.

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
    """One channel at ``rate`` Hz in, the same at 16 kHz out; any piece size."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def process(self, signal: Signal) -> Signal:
        """Take ``signal[frames]``, return the frames that are ready, perhaps none."""
        return self._stream.resample_chunk(signal)

    def flush(self) -> Signal:
        """Return the rest, as if silence followed, and begin anew."""
        rest = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        self._stream.clear()
        return rest


def resampler(rate: int) -> Resampler:
    """Return a resampler from ``rate`` Hz to `RATE`."""
    import soxr  # noqa: PLC0415 - a device at 16 kHz does not pay for it

    return Resampler(soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ"))
