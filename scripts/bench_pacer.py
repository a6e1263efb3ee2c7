"""The bench's clock: hands a period of sound to each of several microphones in turn, and notes when.

    python bench_pacer.py COUNT RECORD FIFO...

Each FIFO gets COUNT periods of 100 ms (16 kHz, mono, int16), one every 100 ms of monotonic time; the microphones lie
evenly spread within the 100 ms, so that nobody's work falls on another's. Prints when the first is due (monotonic
seconds). Any two samples of a period in a row are its number (see `number_of`), so it does not matter where a session
begins. The times of the writes, [microphone][period], go to RECORD as JSON: that is when a period was readable. A
microphone that nobody reads is an error, not a wait.
"""

import json
import os
import struct
import sys
import time
from pathlib import Path

PERIOD_SECONDS = 0.1
PERIOD_BYTES = 3200
LEAD_SECONDS = 0.2
NUMBER = struct.Struct("<hh")
BASE = 16_384
"""A number is two digits of this base: the high one is positive samples, the low one negative, far from clipping."""
LOUD = 1000
"""Zero, as a digit: about 30 dB below full scale."""


def period(number: int) -> bytes:
    high, low = divmod(number, BASE)
    return NUMBER.pack(LOUD + high, -LOUD - low) * (PERIOD_BYTES // NUMBER.size)


def number_of(pcm: bytes | bytearray, offset: int) -> int | None:
    """Return the number of the period that the two samples at ``offset`` of ``pcm`` are of; None: of none of ours."""
    low, high = sorted(NUMBER.unpack_from(pcm, offset))
    return int(high - LOUD) * BASE + int(-LOUD - low) if high >= LOUD and low <= -LOUD else None


def written_at(first: float, number: int, microphone: int, *, of: int) -> float:
    """Return when a period is due: of microphone number ``microphone``, of so many, that began at ``first``."""
    return first + PERIOD_SECONDS * (number + microphone / of)


def pace(ends: list[int], count: int) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in ends]
    due = time.monotonic() + LEAD_SECONDS
    print(due, flush=True)
    for number in range(count):
        data = period(number)
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
