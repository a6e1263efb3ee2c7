"""What scripts/soak-array plays: see there."""

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from edgetx import boards
from edgetx.audio.array import Geometry
from edgetx.audio.ears import Auto, Ears
from edgetx.audio.format import AudioFormat, Chunk, SampleFormat
from edgetx.audio.frontend import front_end
from edgetx.audio.heard import Bearing

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


class Checked:
    """Counts frames and bearings as they come; raises Faulty."""

    def __init__(self) -> None:
        self.frames = self.bearings = 0

    def take(self, start: int, frames: int, bearings: Sequence[Bearing]) -> None:
        if start != self.frames:
            raise Faulty(f"Frame {self.frames} is missing: {start} came.")
        self.frames += frames
        self.bearings += len(bearings)
        for bearing in bearings:
            if not (0 <= bearing.azimuth_deg < 360 and 0 <= bearing.confidence <= 1):
                raise Faulty(f"{bearing} is no direction.")


def soak(hours: float, seed: int) -> tuple[Checked, Checked]:
    """Return what came of the whole front end, and of the beam alone. Raise Faulty.

    The front end leaves out what is ill for ever longer, and so spares its beam most of this; another has it all.
    """
    random = np.random.default_rng(seed)
    sound = random.standard_normal((20 * FORM.rate, FORM.channels))
    whole, alone = Checked(), Checked()
    front, ears = front_end(FORM, "auto", BOARD), Ears(Geometry(BOARD.positions_m), Auto())
    fed = 0
    while fed < hours * 3600 * FORM.rate:
        samples = piece(random, sound)
        for at in range(0, len(samples), PERIOD):
            part = samples[at : at + PERIOD]
            heard = front.process(Chunk(fed, len(part), part.tobytes()))
            whole.take(heard.start, len(heard.pcm) // 2, heard.bearings)
            fed += len(part)
        if random.random() < 0.02:
            heard = front.flush()
            whole.take(heard.start, len(heard.pcm) // 2, heard.bearings)
        if random.random() < 0.05:
            ears.use(tuple(random.random(len(BOARD.microphones)) < 0.8))
        signal, bearings = ears.process(samples[:, BOARD.microphones].astype(np.float32))
        signal.astype(np.int16)
        alone.take(alone.frames, len(signal), bearings)
    if fed - alone.frames != ears.delay:
        raise Faulty(f"The beam has given {alone.frames} of {fed} frames.")
    return whole, alone


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("hours", nargs="?", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=24)
    given = parser.parse_args()
    began = time.monotonic()
    try:
        with np.errstate(invalid="raise", over="raise"):  # What is no number cannot become int16 either.
            whole, alone = soak(given.hours, given.seed)
    except (Faulty, FloatingPointError) as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    hours, took = whole.frames / FORM.rate / 3600, time.monotonic() - began
    print(f"{hours:.2f} hours of sound in {took:.0f} s: every frame came, and each is a number.")
    print(
        f"Bearings: {whole.bearings} of the front end, {alone.bearings} of a beam that has all microphones as a rule."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
