"""The mean of an array's healthy microphones: what ``listen: mix`` is of an array. Pure.

It has the face of `ears.Ears` and no delay. What is left out, or comes back, fades over a hundredth of a second, so
that it does not click. Summed microphone by microphone: a sample does not depend on how the input was cut.
"""

from collections.abc import Sequence

import numpy as np

from edgetx.audio.format import RATE
from edgetx.audio.heard import Bearing
from edgetx.audio.resample import Signal

FADE_FRAMES = RATE // 100


class Mean:
    """Of ``microphones`` signals at 16 kHz, in int16's steps."""

    delay = 0

    def __init__(self, microphones: int) -> None:
        self._weights = self._before = np.full(microphones, 1 / microphones, np.float32)
        self._faded = FADE_FRAMES

    def process(self, signals: Signal) -> tuple[Signal, list[Bearing]]:
        """Take ``signals[frames, microphones]``; return the mean, and no bearings."""
        mean = _sum(signals, self._weights)
        fading = min(len(signals), FADE_FRAMES - self._faded)
        if fading:
            share = (np.arange(fading, dtype=np.float32) + np.float32(self._faded)) / np.float32(FADE_FRAMES)
            before = _sum(signals[:fading], self._before)
            mean[:fading] = before + share * (mean[:fading] - before)
            self._faded += fading
        return mean, []

    def flush(self) -> tuple[Signal, list[Bearing]]:
        """Nothing lags."""
        return np.zeros(0, np.float32), []

    def use(self, healthy: tuple[bool, ...]) -> None:
        """Take the mean of these from the next frame on, one at least."""
        weights = np.array(healthy, np.float32) / np.float32(sum(healthy))
        if not np.array_equal(weights, self._weights):
            done = np.float32(self._faded / FADE_FRAMES)
            self._before, self._weights = self._before + done * (self._weights - self._before), weights
            self._faded = 0

    def turn(self, signs: Sequence[int]) -> None:
        """Nothing is held."""


def _sum(signals: Signal, weights: Signal) -> Signal:
    total: Signal = signals[:, 0] * weights[0]
    for microphone in range(1, len(weights)):
        total += signals[:, microphone] * weights[microphone]
    return total
