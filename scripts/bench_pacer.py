"""The bench's clock: hands a period of sound to each of several microphones in turn, and notes when.

    python bench_pacer.py COUNT RECORD FIFO...

Each FIFO gets COUNT periods of 100 ms (16 kHz, mono, int16), one every 100 ms of monotonic time; the microphones lie
evenly spread within the 100 ms, so that nobody's work falls on another's. The first two samples of a period are its
number (see `number_of`). The times of the writes, [microphone][period], go to RECORD as JSON: that is when a period
was readable. A microphone that nobody reads is an error, not a wait.
"""

import json
import os
import random
import struct
import sys
import time
from pathlib import Path

PERIOD_SECONDS = 0.1
PERIOD_BYTES = 3200
LEAD_SECONDS = 0.2
NUMBER = struct.Struct("<hh")
BASE = 16_384
"""A number is two digits of this base: positive samples, far from clipping."""


def period(number: int, noise: bytes) -> bytes:
    return NUMBER.pack(*divmod(number, BASE)) + noise[NUMBER.size :]


def number_of(pcm: bytes | bytearray, offset: int) -> int:
    """Return the number of the period that begins at ``offset`` of ``pcm``."""
    high, low = NUMBER.unpack_from(pcm, offset)
    return int(high) * BASE + int(low)


def noise() -> bytes:
    """A period of sound about 30 dB below full scale, always the same."""
    source = random.Random(1)
    return struct.pack(f"<{PERIOD_BYTES // 2}h", *(source.randint(-1500, 1500) for _ in range(PERIOD_BYTES // 2)))


def pace(ends: list[int], count: int) -> list[list[float]]:
    sound = noise()
    times: list[list[float]] = [[] for _ in ends]
    due = time.monotonic() + LEAD_SECONDS
    for number in range(count):
        data = period(number, sound)
        for end, written in zip(ends, times, strict=True):
            time.sleep(max(0.0, due - time.monotonic()))
            written.append(time.monotonic())
            os.write(end, data)
            due += PERIOD_SECONDS / len(ends)
    return times


def main() -> int:
    count, record, *fifos = sys.argv[1:]
    ends = [os.open(fifo, os.O_WRONLY | os.O_NONBLOCK) for fifo in fifos]
    try:
        times = pace(ends, int(count))
    except (BlockingIOError, BrokenPipeError):
        print("A microphone is not read: its client hangs or has ended.", file=sys.stderr)
        return 1
    Path(record).write_text(json.dumps(times))
    return 0


if __name__ == "__main__":
    sys.exit(main())
