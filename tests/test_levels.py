from typing import Any

import numpy as np

from edgetx.audio.format import AudioFormat, Chunk, SampleFormat
from edgetx.levels import level_reporter

MONO = AudioFormat(16_000, 1, SampleFormat.S16_LE)
CHUNK = Chunk(0, 1600, np.full(1600, 328, np.int16).tobytes())


def test_without_a_pace_nothing_is_measured():
    assert level_reporter(0.0, lambda _: None, clock=lambda: 0.0, listened=tuple) is None


def test_a_level_is_told_as_often_as_is_wanted_and_not_before_anything_was_heard():
    now, told = 0.0, list[tuple[float, Any]]()
    measure = level_reporter(
        0.5, lambda fields: told.append((now, fields["rms_dbfs"])), clock=lambda: now, listened=lambda: (0,)
    )
    assert measure is not None
    for step in range(21):
        now = step / 10
        measure(MONO, CHUNK, CHUNK.data if step >= 8 else b"")
    assert told == [(0.8, -40.0), (1.3, -40.0), (1.8, -40.0)]
