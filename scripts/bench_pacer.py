"""The bench's clock: hands a period of sound to each of several microphones in turn, and notes when.

    python bench_pacer.py COUNT RECORD FIFO...

Each FIFO gets COUNT periods of 100 ms (16 kHz, mono, int16), one every 100 ms of monotonic time; the microphones lie
evenly spread within the 100 ms, so that nobody's work falls on another's. Prints when the first is due (monotonic
seconds). Any two samples of a period in a row are its number (see `number_of`), so it does not matter where a session
begins. The times of the writes, [microphone][period], go to RECORD as JSON: that is when a period was readable. A
microphone that nobody reads is an error, not a wait.

A FIFO beside which there is a file of raw sound, of the same name with ``.raw`` for its ending, gets that instead, over
and over; it consists of whole periods.
"""

import json
import os
import struct
import sys
import time
from collections.abc import Callable
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


def sound_of(fifo: Path) -> Callable[[int], bytes]:
    """Return what gives the microphone's period of a number."""
    raw = fifo.with_suffix(".raw")
    return around(raw.read_bytes()) if raw.exists() else period


def around(sound: bytes) -> Callable[[int], bytes]:
    """Return what gives the period of a number of ``sound`` that is heard over and over."""
    return lambda number: sound[(at := number * PERIOD_BYTES % len(sound)) : at + PERIOD_BYTES]


def pace(ends: dict[int, Callable[[int], bytes]], count: int) -> list[list[float]]:
    """Write ``count`` periods to each of ``ends``, whose values give them by number; return when."""
    times: list[list[float]] = [[] for _ in ends]
    due = time.monotonic() + LEAD_SECONDS
    print(due, flush=True)
    for number in range(count):
        for (end, sound), written in zip(ends.items(), times, strict=True):
            data = sound(number)
            time.sleep(max(0.0, due - time.monotonic()))
            written.append(time.monotonic())
            os.write(end, data)
            due += PERIOD_SECONDS / len(ends)
    return times


def main() -> int:
    count, record, *fifos = sys.argv[1:]
    ends = {os.open(fifo, os.O_WRONLY | os.O_NONBLOCK): sound_of(Path(fifo)) for fifo in fifos}
    try:
        times = pace(ends, int(count))
    except (BlockingIOError, BrokenPipeError):
        print("A microphone is not read: its client hangs or has ended.", file=sys.stderr)
        return 1
    Path(record).write_text(json.dumps(times))
    return 0


if __name__ == "__main__":
    sys.exit(main())
