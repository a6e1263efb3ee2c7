"""Ways to make one channel of an array's: what the daemon has (through its own front end), and what it is held against.

*one* the first microphone, *mix* the mean of all, *delay-and-sum* towards the talker whose direction is known, *oracle*
the MVDR beam from the covariances that only a simulation knows: these are the bench's own.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from bench_arrays_scenes import Scene
from bench_arrays_speech import RATE

Sound = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex128]

WINDOW = 512
HOP = 256
SOUND_M_PER_SECOND = 343.0
LOAD = 1e-3


def one(scene: Scene, _microphones: npt.NDArray[np.float64]) -> Sound:
    return scene.mixed[:, 0].astype(np.float32)


def mix(scene: Scene, _microphones: npt.NDArray[np.float64]) -> Sound:
    return scene.mixed.astype(np.float32).mean(axis=1)


def delay_and_sum(scene: Scene, microphones: npt.NDArray[np.float64]) -> Sound:
    """Align the plane wave from the true direction, as the first microphone hears it."""
    signals = scene.mixed.astype(np.float64)
    size = len(signals) + RATE
    ahead_seconds = (microphones - microphones[0]) @ scene.place.talker_direction[:2] / SOUND_M_PER_SECOND
    hz = np.fft.rfftfreq(size, 1 / RATE)
    spectra = np.fft.rfft(signals, size, axis=0) * np.exp(-2j * np.pi * hz[:, None] * ahead_seconds)
    return np.fft.irfft(spectra.mean(axis=1), size)[: len(signals)].astype(np.float32)


def oracle(scene: Scene, _microphones: npt.NDArray[np.float64]) -> Sound:
    """The MVDR beam from the true covariances of each utterance and of the noise during it; no post-filter."""
    signals = scene.mixed.astype(np.float64)
    bounds = [0, (scene.utterances[0].end + scene.utterances[1].start) // 2, len(signals)]
    out = np.zeros(len(signals))
    for utterance, start, end in zip(scene.utterances, bounds[:-1], bounds[1:], strict=True):
        talking = slice(utterance.start, utterance.end + RATE // 5)
        weights = _mvdr(_covariance(scene.speech[talking]), _covariance(scene.noise[talking]))
        spectra = analysed(signals[start:end])
        out[start:end] = synthesised(np.einsum("fm,tfm->tf", weights.conj(), spectra), end - start)
    return out.astype(np.float32)


BASELINES: dict[str, Callable[[Scene, npt.NDArray[np.float64]], Sound]] = {
    "one": one,
    "mix": mix,
    "known-das": delay_and_sum,
    "oracle": oracle,
}


def analysed(signals: npt.NDArray[np.floating]) -> Spectra:
    """Return spectra [times, bins, microphones]; the inverse of `synthesised`."""
    padded = np.pad(signals, ((WINDOW, 2 * WINDOW), (0, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=0)[::HOP]
    return np.asarray(np.fft.rfft(frames * _window(), axis=2).transpose(0, 2, 1))


def synthesised(spectra: Spectra, frames: int) -> npt.NDArray[np.float64]:
    pieces = np.fft.irfft(spectra, WINDOW, axis=1) * _window()
    out = np.zeros(len(pieces) * HOP + WINDOW)
    for n, piece in enumerate(pieces):
        out[n * HOP : n * HOP + WINDOW] += piece
    return out[WINDOW : WINDOW + frames]


def _window() -> npt.NDArray[np.float64]:
    return np.asarray(np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW))


def _covariance(signals: Sound) -> Spectra:
    """Return [bins, microphones, microphones]."""
    spectra = analysed(signals)
    return np.asarray(np.einsum("tfm,tfn->fmn", spectra, spectra.conj())) / len(spectra)


def _mvdr(speech: Spectra, noise: Spectra) -> Spectra:
    """Return weights [bins, microphones] that pass the talker as the first microphone hears it."""
    microphones = speech.shape[1]
    power = np.trace(noise, axis1=1, axis2=2).real / microphones
    loaded = noise + (LOAD * power + 1e-6)[:, None, None] * np.eye(microphones)
    strongest = np.linalg.eigh(speech)[1][:, :, -1]
    towards = strongest / strongest[:, :1]
    solved = np.linalg.solve(loaded, towards[:, :, None])[:, :, 0]
    return np.asarray(solved / np.einsum("fm,fm->f", towards.conj(), solved)[:, None].real)
