"""The front ends that calculate: channels first, resampling after, for one channel is cheaper to resample than all.

Samples on the way are float32 in units of int16's step.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgetx.audio.format import RATE, AudioFormat, Chunk
from edgetx.audio.heard import FrontEnd, Heard, at_16k
from edgetx.audio.resample import Resampler, Signal, fit, int16, resampler
from edgetx.audio.samples import Samples, decode

_STEP = {np.dtype(np.int16): 1.0, np.dtype(np.int32): 1 / 65536}


class Picker(NamedTuple):
    """What is listened to of a source: the number of a channel, or a slice of all whose mean is taken."""

    form: AudioFormat
    channels: int | slice

    def samples(self, chunk: Chunk) -> Samples:
        """Return samples[frames] of the one channel, or samples[frames, channels] of all."""
        return decode(chunk.data, self.form)[:, self.channels]

    def signal(self, chunk: Chunk) -> Signal:
        """Return the channel, or the mean of all, in int16's steps."""
        samples = self.samples(chunk)
        step = _STEP[samples.dtype]
        if samples.ndim == 1:
            return samples.astype(np.float32) if step == 1 else samples.astype(np.float32) * np.float32(step)
        channels = samples.shape[1]
        mean: npt.NDArray[np.float64] = samples.astype(np.float64) @ np.ones(channels)  # Exact, in whatever order.
        mean *= step / channels
        return mean.astype(np.float32)


class Picking:
    """16 kHz, int16 already: takes one channel of several, bit by bit."""

    def __init__(self, picked: Picker) -> None:
        self._picked = picked
        self._end = 0

    def process(self, chunk: Chunk) -> Heard:
        """See `FrontEnd`."""
        self._end = chunk.end
        return Heard(chunk.start, self._picked.samples(chunk).tobytes())

    def flush(self) -> Heard:
        """See `FrontEnd`."""
        return Heard(self._end, b"")


class Mixing:
    """16 kHz already: narrows, or takes the mean of all channels."""

    def __init__(self, picked: Picker) -> None:
        self._picked = picked
        self._end = 0

    def process(self, chunk: Chunk) -> Heard:
        """See `FrontEnd`."""
        self._end = chunk.end
        return Heard(chunk.start, int16(self._picked.signal(chunk)))

    def flush(self) -> Heard:
        """See `FrontEnd`."""
        return Heard(self._end, b"")


class Resampling:
    """Any other rate."""

    def __init__(self, picked: Picker, resample: Resampler) -> None:
        self._picked = picked
        self._resample = resample
        self._rate = picked.form.rate
        self._in: int | None = None
        self._out = 0

    def process(self, chunk: Chunk) -> Heard:
        """See `FrontEnd`."""
        if self._in is None:
            self._out = at_16k(chunk.start, self._rate)
        self._in = chunk.end
        return self._emit(self._resample.process(self._picked.signal(chunk)))

    def flush(self) -> Heard:
        """See `FrontEnd`."""
        rest = self._resample.flush()
        due = self._out if self._in is None else at_16k(self._in, self._rate)
        self._in = None
        return self._emit(fit(rest, due - self._out))

    def _emit(self, signal: Signal) -> Heard:
        start = self._out
        self._out += len(signal)
        return Heard(start, int16(signal))


def front_end(form: AudioFormat, channels: int | slice) -> FrontEnd:
    """Return the front end for ``channels`` of a source of format ``form``."""
    picked = Picker(form, channels)
    if form.rate != RATE:
        return Resampling(picked, resampler(form.rate))
    is_int16 = form.sample_format.width_bytes == np.dtype(np.int16).itemsize
    return Picking(picked) if is_int16 and isinstance(channels, int) else Mixing(picked)
