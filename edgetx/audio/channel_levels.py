"""How loud each channel of a device is. Pure.

See `level` for what the figures mean.
"""

import numpy as np

from edgetx.audio.format import AudioFormat
from edgetx.audio.level import FULL_SCALE, Level, dbfs
from edgetx.audio.samples import decode

_TOP = FULL_SCALE - 1


class ChannelLevels:
    """Measures the channels of a source piece after piece; `read` gives their levels since the last reading."""

    def __init__(self, form: AudioFormat) -> None:
        self._form = form
        self._frames = 0
        self._power = np.zeros(form.channels)
        self._peak = np.zeros(form.channels)
        self._clipped = np.zeros(form.channels, np.int64)

    def feed(self, data: bytes) -> None:
        """Take interleaved samples, whole frames, as the source delivers them."""
        samples = decode(data, self._form)
        # Of wider samples the upper 16 bits say whether they are clipped: the lower ones may be a card's padding.
        upper = samples if samples.dtype == np.int16 else samples >> 16
        wide = samples.astype(np.float64) * (1.0 if samples.dtype == np.int16 else 2.0**-16)
        self._frames += len(wide)
        self._power += np.einsum("nc,nc->c", wide, wide)
        self._peak = np.maximum(self._peak, np.abs(wide).max(axis=0, initial=0.0))
        self._clipped += np.count_nonzero((upper >= _TOP) | (upper <= -FULL_SCALE), axis=0)

    def read(self) -> list[Level]:
        """Return the level of each channel, and begin anew; of nothing heard, that of silence."""
        rms = np.sqrt(self._power / max(self._frames, 1))
        levels = [
            Level(round(dbfs(float(loud)), 1), round(dbfs(float(peak)), 1), int(clipped))
            for loud, peak, clipped in zip(rms, self._peak, self._clipped, strict=True)
        ]
        self._frames = 0
        for figures in (self._power, self._peak, self._clipped):
            figures[:] = 0
        return levels
