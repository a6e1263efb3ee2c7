"""A source's bytes as numbers."""

import numpy as np
import numpy.typing as npt

from edgetx.audio.format import AudioFormat, SampleFormat

Samples = npt.NDArray[np.int16] | npt.NDArray[np.int32]


def decode(data: bytes, form: AudioFormat) -> Samples:
    """Return interleaved ``data`` (whole frames) as read-only samples[frames, channels].

    S16_LE gives int16; S24_3LE and S32_LE give int32 at int32's full scale.
    """
    if form.sample_format is SampleFormat.S16_LE:
        return np.frombuffer(data, "<i2").reshape(-1, form.channels)
    if form.sample_format is SampleFormat.S32_LE:
        return np.frombuffer(data, "<i4").reshape(-1, form.channels)
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    samples = wide.view("<i4").reshape(-1, form.channels)
    samples.flags.writeable = False
    return samples


def one_channel(data: bytes, form: AudioFormat, channel: int) -> bytes:
    """Return a channel of interleaved ``data`` (whole frames) as int16 samples."""
    samples = decode(data, form)[:, channel]
    return (samples if samples.dtype == np.int16 else (samples >> 16).astype(np.int16)).tobytes()
