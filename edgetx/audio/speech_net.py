"""Silero's speech detector, evaluated in numpy: how likely each 32 ms of sound is to hold speech. Pure.

The network (MIT licence, github.com/snakers4/silero-vad, release 6.2.3, 16 kHz) hears a window of 512 frames behind
the 64 before it, and 64 more mirrored at its end: the magnitudes of four Fourier transforms of 256 frames, hop 128,
under Hann's window; four convolutions over those four; and one LSTM cell, which remembers the windows before.

Four windows, a `BLOCK`, are evaluated at once, for the matrices are dearer to fetch than to multiply with; always
four, for a sum of another shape may round otherwise, and what is heard must not depend on how it was cut.
The weights come from `speech_weights`, which says what they are.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Weights = Mapping[str, npt.NDArray[np.floating]]

WINDOW = 512
CONTEXT = 64
WINDOWS = 4
BLOCK = WINDOWS * WINDOW
_FFT, _HOP = 256, 128
_BINS = _FFT // 2 + 1
_CELLS = 128
_GATES = 3 * _CELLS
"""The LSTM's rows: input, output and forget gates, then what may enter the cells (ONNX's order: i, o, f, c)."""


class SpeechNet:
    """Is fed blocks by `hear`, in order; `restart` forgets what it heard."""

    def __init__(self, weights: Weights) -> None:
        self._weights = {name: np.ascontiguousarray(weights[name], np.float32) for name in weights}
        self._fourier = _fourier()
        self._halves = np.where(np.arange(_GATES + _CELLS) < _GATES, np.float32(0.5), np.float32(1))
        self._hidden = np.zeros(_CELLS, np.float32)
        self._cells = np.zeros(_CELLS, np.float32)

    def restart(self) -> None:
        """Forget: what comes next does not follow what came before."""
        self._hidden = np.zeros(_CELLS, np.float32)
        self._cells = np.zeros(_CELLS, np.float32)

    def hear(self, sound: Vector) -> Vector:
        """Return the probability of speech in each window of ``sound``: float32[CONTEXT + BLOCK], full scale 1."""
        inputs = self._inputs(_magnitudes(sound, self._fourier))
        heard = np.stack([self._step(window) for window in inputs])
        logits = np.maximum(heard, 0) @ self._weights["output"] + self._weights["output_bias"]
        return _sigmoid(logits)

    def _inputs(self, frames: Vector) -> Vector:
        """Return what each window adds to the LSTM's rows, [WINDOWS, 512], of its four transforms' magnitudes."""
        frames = self._convolve("conv1", frames, 1)
        frames = self._convolve("conv2", frames, 2)
        frames = self._convolve("conv3", frames, 2)[:, 0]
        frames = np.maximum(frames @ self._weights["conv4"] + self._weights["conv4_bias"], 0)
        rows: Vector = frames @ self._weights["lstm_input"] + self._weights["lstm_bias"]
        return rows

    def _convolve(self, name: str, frames: Vector, stride: int) -> Vector:
        """Return frames[windows, time / stride, channels], rectified; kernels of three taps, padded by one."""
        windows, times, channels = frames.shape
        padded = np.zeros((windows, times + 2, channels), np.float32)
        padded[:, 1:-1] = frames
        taps = np.concatenate([padded[:, tap : tap + times : stride] for tap in range(3)], axis=2)
        sums = taps.reshape(-1, 3 * channels) @ self._weights[name] + self._weights[f"{name}_bias"]
        rectified: Vector = np.maximum(sums, 0).reshape(windows, times // stride, -1)
        return rectified

    def _step(self, inputs: Vector) -> Vector:
        """Take one window into the cells; return what they show. A sigmoid is the tanh of a half, moved: one call."""
        rows = np.tanh((inputs + self._hidden @ self._weights["lstm_state"]) * self._halves)
        gates = rows[:_GATES] * np.float32(0.5) + np.float32(0.5)
        let_in, let_out, kept = gates[:_CELLS], gates[_CELLS : 2 * _CELLS], gates[2 * _CELLS :]
        self._cells = kept * self._cells + let_in * rows[_GATES:]
        self._hidden = let_out * np.tanh(self._cells)
        return self._hidden


def _fourier() -> Vector:
    """Return the transform under Hann's window as a matrix[256 frames, 129 cosines and 129 sines]."""
    turns = 2 * np.pi / _FFT * np.arange(_FFT)
    window = 0.5 - 0.5 * np.cos(turns)
    phases = np.outer(turns, np.arange(_BINS))
    matrix = np.concatenate([np.cos(phases), np.sin(phases)], axis=1) * window[:, None]
    return np.asarray(matrix, np.float32)


def _magnitudes(sound: Vector, fourier: Vector) -> Vector:
    """Return [windows, 4 transforms, 129 bins]."""
    windows = np.empty((WINDOWS, CONTEXT + WINDOW + CONTEXT), np.float32)
    windows[:, :-CONTEXT] = np.lib.stride_tricks.sliding_window_view(sound, CONTEXT + WINDOW)[::WINDOW]
    windows[:, -CONTEXT:] = windows[:, -CONTEXT - 2 : -2 * CONTEXT - 2 : -1]
    frames = np.lib.stride_tricks.sliding_window_view(windows, _FFT, axis=1)[:, ::_HOP].reshape(-1, _FFT)
    parts = frames @ fourier
    parts *= parts
    magnitudes: Vector = np.sqrt(parts[:, :_BINS] + parts[:, _BINS:])
    return magnitudes.reshape(WINDOWS, -1, _BINS)


def _sigmoid(values: Vector) -> Vector:
    shown: Vector = np.tanh(values * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)
    return shown
