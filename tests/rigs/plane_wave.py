"""Sound as a board's card would deliver it: a plane wave from one side, on the channels that the board says."""

import numpy as np
import numpy.typing as npt

from edgetx.board import Board

SOUND_M_S = 343.0

Signals = npt.NDArray[np.float64]


def wave(sound: npt.NDArray[np.floating], board: Board, azimuth_deg: float, *, rate: int = 16_000) -> Signals:
    """What the microphones hear, signals[frames, microphones], of ``sound[frames]`` that comes from ``azimuth_deg``."""
    frames = len(sound)
    spectrum = np.fft.rfft(sound, 2 * frames)
    hz = np.fft.rfftfreq(2 * frames, 1 / rate)
    towards = np.array([np.cos(np.radians(azimuth_deg)), np.sin(np.radians(azimuth_deg))])
    early_seconds = np.array(board.positions_m) @ towards / SOUND_M_S
    shifted = spectrum[:, None] * np.exp(2j * np.pi * hz[:, None] * early_seconds)
    return np.fft.irfft(shifted, axis=0)[:frames]


def hiss(frames: int, channels: int, *, amplitude: float = 20.0, seed: int = 1) -> Signals:
    """The noise that each microphone has of its own, in int16's steps."""
    return np.random.default_rng(seed).normal(scale=amplitude, size=(frames, channels))


def delivered(signals: Signals, board: Board, *, turned: int = 0) -> npt.NDArray[np.int16]:
    """samples[frames, channels] with ``signals`` on the microphones' channels: all channels are moved by ``turned``.

    What the board has processed itself is the first microphone; other channels are zeros.
    """
    count = board.channels or max(board.microphones) + 1
    samples = np.zeros((len(signals), count), np.int16)
    whole = np.rint(signals).clip(-32768, 32767).astype(np.int16)
    samples[:, list(board.microphones)] = whole
    samples[:, list(board.processed)] = whole[:, :1]
    return np.roll(samples, turned, axis=1)
