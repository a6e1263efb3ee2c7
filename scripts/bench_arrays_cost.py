"""What an array costs: CPU milliseconds for each second of its sound, in this process and alone.

A minute of scenes goes through the daemon's ears, 100 ms at a time, over and over: the middle one of several runs.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from bench_arrays_daemon import PERIOD, captured, chunks, form_of
from bench_arrays_parts import Cost
from bench_arrays_scenes import CONDITIONS, scene
from bench_arrays_speech import RATE

from edgetx.audio.array import Geometry
from edgetx.audio.ears import Auto, Ears
from edgetx.audio.frontend import front_end
from edgetx.board import Board

SECONDS = 60
RUNS = 5


def measured(board: Board, *, seed: int) -> Cost:
    """Return what ``board`` costs."""
    mixed = _minute(board, seed)
    form = form_of(board)
    delivered = chunks(captured(mixed, board), form)
    signals = [mixed[n : n + PERIOD].astype(np.float32) for n in range(0, len(mixed), PERIOD)]
    return Cost(
        board.name,
        len(board.microphones),
        ears=_milliseconds(lambda: Ears(Geometry(board.positions_m), Auto()).process, signals),
        front_end=_milliseconds(lambda: _listening(board), delivered),
    )


def _listening(board: Board) -> Callable[[Any], object]:
    ears = front_end(form_of(board), "auto", board)
    assert ears
    return ears.process


def _milliseconds(make: Callable[[], Callable[[Any], object]], fed: list[Any]) -> float:
    runs = []
    for _ in range(RUNS):
        process = make()
        began = time.process_time()
        for each in fed:
            process(each)
        runs.append((time.process_time() - began) * 1000 / SECONDS)
    return statistics.median(runs)


def _minute(board: Board, seed: int) -> npt.NDArray[np.int16]:
    scenes = (scene(n % 8, CONDITIONS[n % len(CONDITIONS)], board.positions_m, seed=seed).mixed for n in range(12))
    mixed = np.concatenate(list(scenes))
    return np.resize(mixed, (SECONDS * RATE, mixed.shape[1]))
