"""From what a device delivers to what the rest of edgetx hears: one channel, 16 kHz, int16, numbered, measured.

Channels first, resampling after: one channel is cheaper to resample than all. The numbers keep the timeline
straight: input frame n stands at output frame ``at_16k(n)``, and a stretch of input [a, b) comes out as exactly
[at_16k(a), at_16k(b)), however it was cut. Samples on the way are float32 in units of int16's step.
"""

from typing import Literal, NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from edgetx.audio.format import RATE, AudioFormat, Chunk
from edgetx.audio.level import Level, clipped, level
from edgetx.audio.resample import Resampler, Signal, resampler
from edgetx.errors import Refused

Listen = Literal["auto", "mix"] | int
Pcm = npt.NDArray[np.int16]
Samples = npt.NDArray[np.int16] | npt.NDArray[np.int32]

_STEP = {np.dtype(np.int16): 1.0, np.dtype(np.int32): 1 / 65536}


class Heard(NamedTuple):
    """``pcm[frames]`` at 16 kHz; ``start`` numbers its first frame; ``level.clipped`` counts on the input."""

    start: int
    pcm: Pcm
    level: Level


class FrontEnd(Protocol):
    """A streaming converter of one source's chunks, any size."""

    def process(self, chunk: Chunk) -> Heard:
        """Convert; what comes out may lag behind what went in. After `flush`, ``chunk`` may start anywhere ahead."""

    def flush(self) -> Heard:
        """Return what still lags behind: a hole or the end follows."""


class Passing:
    """16 kHz already: takes one channel as it is, or mixes them. Nothing lags; mono int16 is not even copied."""

    def __init__(self, picked: "Picker") -> None:
        self._picked = picked
        self._end = 0

    def process(self, chunk: Chunk) -> Heard:
        """See `FrontEnd`."""
        self._end = chunk.end
        samples = chunk.samples[:, self._picked.channels]
        if samples.dtype == np.int16 and samples.ndim == 1:
            pcm = cast(Pcm, np.ascontiguousarray(samples))
            return Heard(chunk.start, pcm, level(pcm))
        return _heard(chunk.start, self._picked.signal(samples), clipped(samples))

    def flush(self) -> Heard:
        """See `FrontEnd`."""
        return _heard(self._end, np.zeros(0, np.float32), 0)


class Resampling:
    """Any other rate."""

    def __init__(self, picked: "Picker", resample: Resampler, *, rate: int) -> None:
        self._picked = picked
        self._resample = resample
        self._rate = rate
        self._in: int | None = None
        self._out = 0

    def process(self, chunk: Chunk) -> Heard:
        """See `FrontEnd`."""
        if self._in is None:
            self._out = at_16k(chunk.start, self._rate)
        self._in = chunk.end
        samples = chunk.samples[:, self._picked.channels]
        return self._emit(self._resample.process(self._picked.signal(samples)), clipped(samples))

    def flush(self) -> Heard:
        """See `FrontEnd`."""
        rest = self._resample.flush()
        due = self._out if self._in is None else at_16k(self._in, self._rate)
        self._in = None
        return self._emit(_fit(rest, due - self._out), 0)

    def _emit(self, signal: Signal, clips: int) -> Heard:
        start = self._out
        self._out += len(signal)
        return _heard(start, signal, clips)


class Picker(NamedTuple):
    """Which channels are listened to: the number of one, or a slice of all whose mean is taken."""

    channels: int | slice

    def signal(self, samples: Samples) -> Signal:
        """Return ``samples[frames]`` or the mean of ``samples[frames, channels]``, in int16's steps."""
        step = _STEP[samples.dtype]
        if samples.ndim == 1:
            return samples.astype(np.float32) if step == 1 else samples.astype(np.float32) * np.float32(step)
        channels = samples.shape[1]
        mean: npt.NDArray[np.float64] = samples.astype(np.float64) @ np.ones(channels)  # Exact, in whatever order.
        mean *= step / channels
        return mean.astype(np.float32)


def front_end(form: AudioFormat, listen: Listen) -> FrontEnd:
    """Return the front end for a source of format ``form``. Raise Refused for a channel that it does not have."""
    picker = _picker(form, listen)
    return Passing(picker) if form.rate == RATE else Resampling(picker, resampler(form.rate), rate=form.rate)


def at_16k(frame: int, rate: int) -> int:
    """Return the 16 kHz frame that stands where ``frame`` stands at ``rate`` Hz, the nearest."""
    return (frame * RATE * 2 + rate) // (rate * 2)


def _picker(form: AudioFormat, listen: Listen) -> Picker:
    if listen == "mix" and form.channels > 1:
        return Picker(slice(None))
    channel = listen if isinstance(listen, int) else 0
    if not 0 <= channel < form.channels:
        raise Refused(
            f"Channel {channel} does not exist: the source has {form.channels}, numbered from 0. "
            "Set 'listen' to one of them, 'mix' or 'auto'."
        )
    return Picker(channel)


def _heard(start: int, signal: Signal, clips: int) -> Heard:
    pcm = np.rint(signal).clip(-32768, 32767).astype(np.int16)
    measured = level(pcm)
    return Heard(start, pcm, Level(measured.rms_dbfs, measured.peak_dbfs, clips))


def _fit(signal: Signal, frames: int) -> Signal:
    """Cut or lengthen by the one frame by which rounding both ends of a stretch may differ from rounding its length."""
    return signal[:frames] if len(signal) >= frames else np.pad(signal, (0, frames - len(signal)))
