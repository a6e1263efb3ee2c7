"""Short-time spectra, in blocks of fixed length, and back again.

Windows of 512 samples every 256 (at 16 kHz: 32 and 16 ms), the square root of a Hann window before and after: the
squares of neighbours add up to 1, so what is not changed comes back as it was. A block is 8 windows, because numpy's
cost is calls, not numbers. Bins stand last: each operation then runs along memory.

Window t of a stream covers its samples [256 (t - 1), 256 (t + 1)): the first begins 256 samples before the sound.
"""

import numpy as np

from edgetx.audio.array import Complex, Real
from edgetx.audio.format import RATE

WINDOW = 512
HOP = 256
HOPS = 8
"""Windows in a block."""
BLOCK = HOP * HOPS
BINS = WINDOW // 2 + 1

FREQUENCIES_HZ: Real = np.fft.rfftfreq(WINDOW, 1 / RATE).astype(np.float32)
_HANN: Real = np.sin(np.pi * np.arange(WINDOW) / WINDOW).astype(np.float32)


class Analysis:
    """Blocks of samples to blocks of spectra, of several channels."""

    def __init__(self, channels: int) -> None:
        self._before = np.zeros((channels, HOP), np.float32)

    def spectra(self, samples: Real) -> Complex:
        """Return complex64[channels, HOPS, BINS] of float32[BLOCK, channels]."""
        joined = np.concatenate([self._before, samples.T], axis=1)
        self._before = joined[:, -HOP:].copy()
        halves = joined.reshape(len(joined), HOPS + 1, HOP)
        windows = np.concatenate([halves[:, :-1], halves[:, 1:]], axis=2)
        windows *= _HANN
        return np.fft.rfft(windows).astype(np.complex64, copy=False)


class Synthesis:
    """Blocks of spectra to blocks of samples, which stand HOP samples before the analysed ones."""

    def __init__(self) -> None:
        self._tail = np.zeros(HOP, np.float32)

    def samples(self, spectra: Complex) -> Real:
        """Return float32[BLOCK] of complex64[HOPS, BINS]."""
        windows = np.fft.irfft(spectra).astype(np.float32, copy=False)
        windows *= _HANN
        halves = windows[:, :HOP].copy()
        halves[0] += self._tail
        halves[1:] += windows[:-1, HOP:]
        self._tail = windows[-1, HOP:].copy()
        return halves.reshape(-1)
