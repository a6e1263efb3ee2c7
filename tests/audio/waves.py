"""Sound as an array hears it in free field: plane waves, and each microphone's own noise. Made from seeds."""

import numpy as np

from edgetx.audio.array import Geometry
from edgetx.audio.noise import Noise
from edgetx.audio.stft import BLOCK, Analysis

RATE = 16000

BOARDS = {
    "respeaker-2mic": ((-0.029, 0.0), (0.029, 0.0)),
    "respeaker-4mic": ((-0.0405, 0.0), (0.0, 0.0405), (0.0405, 0.0), (0.0, -0.0405)),
    "respeaker-linear4": ((-0.0748, 0.0), (-0.02493, 0.0), (0.02493, 0.0), (0.0748, 0.0)),
    "respeaker-6mic": (
        (-0.0232, 0.0401),
        (-0.0463, 0.0),
        (-0.0232, -0.0401),
        (0.0232, -0.0401),
        (0.0463, 0.0),
        (0.0232, 0.0401),
    ),
    "respeaker-usb-4mic": ((-0.032, 0.0), (0.0, -0.032), (0.032, 0.0), (0.0, 0.032)),
    "respeaker-xvf3800": ((0.033, -0.033), (0.033, 0.033), (-0.033, 0.033), (-0.033, -0.033)),
    "respeaker-core-6p1": (
        (0.0, 0.0),
        (-0.016, 0.0277),
        (-0.032, 0.0),
        (-0.016, -0.0277),
        (0.016, -0.0277),
        (0.032, 0.0),
        (0.016, 0.0277),
    ),
    "matrix-creator": (
        (0.020091, -0.048504),
        (-0.020091, -0.048504),
        (-0.048504, -0.020091),
        (-0.048504, 0.020091),
        (-0.020091, 0.048504),
        (0.020091, 0.048504),
        (0.048504, 0.020091),
        (0.048504, -0.020091),
    ),
    "matrix-voice": (
        (0.0, 0.0),
        (-0.038133, 0.003576),
        (-0.020980, 0.032043),
        (0.011971, 0.036381),
        (0.035908, 0.013323),
        (0.032805, -0.019767),
        (0.004999, -0.037972),
        (-0.026571, -0.027584),
    ),
    "ps3-eye": ((0.0, -0.030), (0.0, 0.010), (0.0, -0.010), (0.0, 0.030)),
    "minidsp-uma8": (
        (0.0, 0.0),
        (0.0, 0.043),
        (0.037, 0.021),
        (0.037, -0.021),
        (0.0, -0.043),
        (-0.037, -0.021),
        (-0.037, 0.021),
    ),
}
SQUARE = Geometry(BOARDS["respeaker-4mic"])


def voice(seconds: float, *, seed: int = 1, loud: float = 1000.0) -> np.ndarray:
    """Return noise that comes and goes four times a second, as syllables do: float64[frames]."""
    frames = round(seconds * RATE)
    syllables = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * np.arange(frames) / RATE)
    return np.random.default_rng(seed).standard_normal(frames) * syllables * loud


def plane(sound: np.ndarray, geometry: Geometry, azimuth_deg: float) -> np.ndarray:
    """Return float64[frames, mics]: ``sound`` at the origin, arriving from there (of a linear array: from its axis)."""
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    waves = geometry.steering([azimuth_deg], hz)[0].astype(np.complex128)
    return np.fft.irfft(np.fft.rfft(sound)[:, None] * waves, len(sound), axis=0)


def own_noise(frames: int, mics: int, *, seed: int = 2, loud: float = 10.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((frames, mics)) * loud


def talk(
    geometry: Geometry, azimuth_deg: float, *, seconds: float = 2.0, before: float = 1.0, loud: float = 1000.0
) -> np.ndarray:
    """Return float32[frames, mics]: noise of the microphones, after ``before`` seconds a talker for ``seconds``."""
    sound = np.concatenate([np.zeros(round(before * RATE)), voice(seconds, loud=loud), np.zeros(RATE // 2)])
    signals = plane(sound, geometry, azimuth_deg)
    return (signals + own_noise(*signals.shape)).astype(np.float32)


def spectra(signals: np.ndarray) -> np.ndarray:
    """Return complex64[mics, hops, bins] of whole blocks of float[frames, mics]."""
    analysis = Analysis(signals.shape[1])
    blocks = signals[: len(signals) // BLOCK * BLOCK].astype(np.float32).reshape(-1, BLOCK, signals.shape[1])
    return np.concatenate([analysis.spectra(block) for block in blocks], axis=1)


def learnt(signals: np.ndarray) -> Noise:
    """Return the noise that is in ``signals``."""
    noise = Noise(np.ones(signals.shape[1], np.float32))
    heard = spectra(signals)
    noise.learn(heard, np.ones(heard.shape[1], np.float32))
    return noise
