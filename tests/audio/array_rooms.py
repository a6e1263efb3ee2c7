"""What the microphones of an array hear in a room: plane waves of speech, noise from everywhere, noise of their own."""

from collections.abc import Sequence

import numpy as np

SOUND_M_S = 343.0
RATE = 16_000

PAIR = ((-0.029, 0.0), (0.029, 0.0))
SQUARE = ((-0.0405, 0.0), (0.0, 0.0405), (0.0405, 0.0), (0.0, -0.0405))
LINE = ((-0.0748, 0.0), (-0.02493, 0.0), (0.02493, 0.0), (0.0748, 0.0))
SIX = ((-0.0232, 0.0401), (-0.0463, 0.0), (-0.0232, -0.0401), (0.0232, -0.0401), (0.0463, 0.0), (0.0232, 0.0401))
APERTURES = {PAIR: 0.058, SQUARE: 0.081, LINE: 0.1496, SIX: 0.0926}

Positions = Sequence[tuple[float, float]]


def room(
    positions_m: Positions,
    seed: int,
    *,
    talks: bool = True,
    seconds: float = 2.0,
    rate: int = RATE,
    level: float = 300.0,
    own: float = 6.0,
) -> np.ndarray:
    """Return sound[frames, microphones] in int16's steps: noise from everywhere, a tenth or all of the sound.

    ``level`` and ``own`` (noise of each microphone's own): their root mean square.
    """
    chance = np.random.default_rng(seed)
    frames = round(seconds * rate)
    hz = np.fft.rfftfreq(frames, 1 / rate)
    colour = 1 / np.maximum(hz, 80) ** chance.uniform(0.3, 1.0)
    sound = np.zeros((len(positions_m), frames))
    for _ in range(10):
        sound += _wave(positions_m, hz, _noise(chance, frames, colour), chance)
    sound /= sound.std()
    if talks:
        voice = np.fft.rfft(np.fft.irfft(_noise(chance, frames, colour), frames) * _syllables(chance, frames, rate))
        talk = _wave(positions_m, hz, voice, chance)
        sound = 0.1 * sound + talk / talk.std()
    return level * sound.T + chance.normal(0, own, (frames, len(positions_m)))


def narrow(sound: np.ndarray) -> np.ndarray:
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)


def late(signal: np.ndarray, frames: int) -> np.ndarray:
    return np.concatenate((np.zeros(frames), signal[: len(signal) - frames]))


def _noise(chance: np.random.Generator, frames: int, colour: np.ndarray) -> np.ndarray:
    return np.fft.rfft(chance.normal(size=frames)) * colour


def _syllables(chance: np.random.Generator, frames: int, rate: int) -> np.ndarray:
    return np.sin(np.pi * (chance.uniform(3, 5) * np.arange(frames) / rate + chance.uniform())) ** 4


def _wave(positions_m: Positions, hz: np.ndarray, spectrum: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    azimuth, height = chance.uniform(0, 2 * np.pi), chance.uniform(-0.7, 0.7)
    towards = np.sqrt(1 - height**2) * np.array([np.cos(azimuth), np.sin(azimuth)])
    earlier = np.asarray(positions_m) @ towards / SOUND_M_S
    return np.fft.irfft(spectrum * np.exp(2j * np.pi * hz * earlier[:, None]), 2 * (len(hz) - 1))
