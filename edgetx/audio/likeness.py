"""How far the channels of a piece of sound hear the same: their cross-spectra, and what follows from them. Pure.

Microphones near each other hear low sound alike from wherever it comes, and each has noise of its own (its circuit,
wind, a finger). What is theirs in common stands in the cross-spectra alone, and that is what they are compared by:

* Upper bound of a gain: with S_ii = g_i² P + noise_i and abs(S_ij) <= g_i g_j P, channel i is at most
  S_ii / abs(S_ij) times as strong as j. Noise of j's own does not lower this bound, so wind in one microphone makes
  no other weak.
* Sign: up to a quarter of a wave between two microphones their cross-spectrum's real part is positive for sound from
  any direction, and for sound from all of them (sinc(kd), Cook 1955).
* Lag: the generalised cross-correlation (Knapp and Carter 1976), each frequency weighted by its squared coherence.
  In a room it has its peak within the time that sound needs from one microphone to the other.

A mean over N frames of sounds that have nothing in common has squared coherence 1/N, which is what is called chance.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetx.audio.samples import Samples

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SOUND_M_S = 343.0
LOWEST_HZ = 100.0
HIGHEST_HZ = 6000.0
COMMON = 0.3
"""Squared coherence from which a frequency tells a gain."""
COMMON_BINS = 8
TIGHT = 0.35
"""Quantile of the frequencies' bounds: each is too high rather than too low, for none of them is all in common."""
CERTAIN = 9.0
"""Times chance, the greatest of some thousand tries reaches 7: neighbouring frequencies are not independent."""
TWIN_REST = 1e-5
"""Of its power: what a copy may differ by. Of microphones that is left of one when the other is taken away in the best
proportion is at some frequencies little, in the median never less than a ten-thousandth."""
OUTSIDE = 1.2
"""Times as strong as within the aperture must a peak outside of it be."""
AGREED = 0.4

_FRAME_SECONDS = 0.064
_SLACK_FRAMES = 2.0
_FINENESS = 2
_FAINTEST = 1e-3
"""Power, in int16's steps squared: the rounding's is 0.08."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """What channels have in common.

    ``spectra[bins, channels, channels]``: cross-spectra at ``hz[bins]``, the mean over ``count`` frames, which
    overlap by half; ``coherence``: the same of channels of equal power, 0 where there is no sound.
    ``powers[count, channels]``: of each frame, in the band.
    """

    rate: int
    hz: Floats
    spectra: npt.NDArray[np.complex128]
    coherence: npt.NDArray[np.complex128]
    powers: Floats

    @property
    def count(self) -> int:
        """How many frames were seen."""
        return len(self.powers)

    def twins(self) -> Bools:
        """Return for each pair of channels whether one is the other's copy, at whatever level."""
        if not self.count:
            return np.zeros(self.spectra.shape[1:], np.bool_)
        rest = 1.0 - np.abs(self.coherence) ** 2
        return np.asarray(np.median(rest, axis=0) < TWIN_REST)

    def gain_bounds_db(self) -> Floats:
        """Return the most that channel i may be above j, [i, j]; infinite where they have too little in common.

        Nor is a channel compared with itself.
        """
        power = np.einsum("kcc->kc", self.spectra).real
        is_common = np.abs(self.coherence) ** 2 > max(COMMON, CERTAIN / max(1, self.count))
        bounds = np.full(self.spectra.shape[1:], np.inf)
        is_told = np.count_nonzero(is_common, axis=0) >= COMMON_BINS
        for i, j in np.argwhere(is_told & ~np.eye(len(is_told), dtype=np.bool_)):
            at = is_common[:, i, j]
            ratios = power[at, i] / np.abs(self.spectra[at, i, j])
            bounds[i, j] = 20 * np.log10(np.quantile(ratios, TIGHT))
        return bounds

    def powers_below_db(self, is_live: Bools) -> Floats:
        """Return how far each of the live channels is below the median of the other ones, when it is least so.

        (Nine frames of ten it is farther below.) 0 for one that is alone.
        """
        powers = 10 * np.log10(self.powers[:, is_live] + _FAINTEST)
        below = np.zeros(powers.shape[1])
        for n in range(len(below) if len(below) > 1 and self.count else 0):
            below[n] = np.quantile(np.median(np.delete(powers, n, axis=1), axis=1) - powers[:, n], 0.1)
        return below

    def signs(self, aperture_m: float) -> Floats:
        """Return for each pair +1 (they agree), -1 (they oppose each other) or 0 (that cannot be told)."""
        low = self.coherence[self.hz * (4 * aperture_m) <= SOUND_M_S]
        weights = np.sum(np.abs(low) ** 2, axis=0)
        agreed = np.sum(np.abs(low) * low.real, axis=0)
        is_told = np.abs(agreed) > np.maximum(AGREED * weights, self._chance(len(low)))
        return np.where(is_told, np.sign(agreed), 0.0)

    def lags(self, aperture_m: float) -> tuple[Floats, Bools]:
        """Return by how many seconds channel i comes after j (0: what the aperture explains), and where that is known.

        Lags of up to 16 ms are found.
        """
        coherence = self.coherence
        first = round(float(self.hz[0]) * _FRAME_SECONDS) if len(self.hz) else 0
        frame = round(self.rate * _FRAME_SECONDS) * _FINENESS
        padded = np.zeros((frame // 2 + 1, *coherence.shape[1:]), np.complex128)
        padded[first : first + len(coherence)] = np.abs(coherence) * coherence
        reach = frame // 4
        curve = np.roll(np.fft.irfft(padded, frame, axis=0) * (frame / 2), reach, axis=0)[: 2 * reach + 1]
        steps = np.arange(-reach, reach + 1)
        is_inside = np.abs(steps) <= (aperture_m / SOUND_M_S * self.rate + _SLACK_FRAMES) * _FINENESS
        inside = np.abs(curve[is_inside]).max(axis=0)
        outside = np.where(is_inside[:, None, None], 0, np.abs(curve))
        peak = outside.max(axis=0)
        is_out = peak > np.maximum(OUTSIDE * inside, self._chance(len(coherence)))
        is_known = is_out | (inside > self._chance(len(coherence)))
        return np.where(is_out, steps[outside.argmax(axis=0)] / (self.rate * _FINENESS), 0.0), is_known

    def _chance(self, bins: int) -> float:
        """Return what a sum of squared coherences in random phases does not reach."""
        return float(CERTAIN * max(1.0, np.sqrt(bins)) / max(1, self.count))


def in_steps(samples: Samples | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return sound[channels, frames], a copy in units of int16's step.

    ``samples[frames, channels]``: int16, int32 at its full scale, or in such units already.
    """
    sound = np.array(samples.T, np.float32, order="C")
    return np.multiply(sound, 2.0**-16, out=sound) if samples.dtype == np.int32 else sound


def measure(sound: npt.NDArray[np.float32], rate: int) -> Likeness:
    """Return the likeness of ``sound[channels, frames]``, in int16's steps, without a centre worth speaking of."""
    size = round(rate * _FRAME_SECONDS)
    hop = size // 2
    count = max(0, (sound.shape[1] - size) // hop + 1)
    low, high = round(LOWEST_HZ * _FRAME_SECONDS), round(min(HIGHEST_HZ, 0.45 * rate) * _FRAME_SECONDS)
    window = np.hanning(size).astype(np.float32)
    spectra = np.empty((high - low, len(sound), count), np.complex64)
    for channel, signal in enumerate(sound):
        frames = np.lib.stride_tricks.sliding_window_view(signal, size)[::hop] if count else np.zeros((0, size))
        spectra[:, channel] = np.fft.rfft(frames * window, axis=1)[:, low:high].T
    cross = (spectra @ spectra.conj().transpose(0, 2, 1)).astype(np.complex128) / max(1, count)
    powers = np.asarray((spectra.real**2 + spectra.imag**2).sum(axis=0, dtype=np.float64).T / (size * size / 8))
    return Likeness(rate, np.arange(low, high) / _FRAME_SECONDS, cross, _coherence(cross), powers)


def _coherence(cross: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
    power = np.einsum("kcc->kc", cross).real
    norm = np.sqrt(power[:, :, None] * power[:, None, :])
    return np.asarray(np.divide(cross, norm, out=np.zeros_like(cross), where=norm > 0))
