"""What scripts/soak-array plays: see there."""

import argparse
import sys
import time

import numpy as np

from edgetx import boards
from edgetx.audio.format import AudioFormat, Chunk, SampleFormat
from edgetx.audio.frontend import front_end

BOARD = boards.named("respeaker-usb-4mic")
FORM = AudioFormat(16_000, 6, SampleFormat.S16_LE)
LEVELS = (0, 1, 30, 300, 3000, 32_767, 1_000_000)
CHANCES = (0.1, 0.1, 0.25, 0.25, 0.2, 0.05, 0.05)
LONGEST = 40_000
"""Frames of one piece."""
PERIOD = 1_600


class Faulty(Exception):
    """Says what was wrong."""


def piece(random: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """Return int16[frames, channels] of some level, perhaps with copies or a channel that stands still."""
    frames = int(random.integers(1, LONGEST))
    at = int(random.integers(0, len(sound) - frames))
    samples = sound[at : at + frames] * float(random.choice(LEVELS, p=CHANCES))
    if random.random() < 0.3:
        samples = np.repeat(samples[:, :1], FORM.channels, axis=1)
    if random.random() < 0.1:
        samples[:, int(random.integers(FORM.channels))] = float(random.integers(-5, 5))
    return samples.clip(-32_768, 32_767).astype("<i2")


def soak(hours: float, seed: int) -> tuple[int, int, int]:
    """Return frames, bearings and remarks. Raise Faulty."""
    random = np.random.default_rng(seed)
    sound = random.standard_normal((20 * FORM.rate, FORM.channels))
    ears = front_end(FORM, "auto", BOARD)
    fed = heard = bearings = remarks = 0
    while fed < hours * 3600 * FORM.rate:
        samples = piece(random, sound)
        came = []
        for at in range(0, len(samples), PERIOD):
            part = samples[at : at + PERIOD]
            came.append(ears.process(Chunk(fed, len(part), part.tobytes())))
            fed += len(part)
        if random.random() < 0.02:
            came.append(ears.flush())
        for each in came:
            if each.start != heard:
                raise Faulty(f"Frame {heard} is missing: {each.start} came.")
            heard += len(each.pcm) // 2
            bearings, remarks = bearings + len(each.bearings), remarks + len(each.remarks)
            for bearing in each.bearings:
                if not (0 <= bearing.azimuth_deg < 360 and 0 <= bearing.confidence <= 1):
                    raise Faulty(f"{bearing} is no direction.")
    return fed, bearings, remarks


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("hours", nargs="?", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=24)
    given = parser.parse_args()
    began = time.monotonic()
    try:
        with np.errstate(invalid="raise", over="raise"):  # What is no number cannot become int16 either.
            frames, bearings, remarks = soak(given.hours, given.seed)
    except (Faulty, FloatingPointError) as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    hours, took = frames / FORM.rate / 3600, time.monotonic() - began
    print(
        f"{hours:.2f} hours of sound in {took:.0f} s: every frame came, {bearings} bearings, {remarks} remarks, no NaN."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
