"""What boards do to their channels, planted in two seconds of a scene: is each recognised, and is what is healthy left?

The faults are those that were seen on real boards (see the boards' files, and `edgetx.audio.channels`). Every two
seconds are of another room, with a talker in a quiet room, a talker in a noise, or a noise alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import dist

import numpy as np
import numpy.typing as npt
from bench_arrays_daemon import captured
from bench_arrays_parts import Quirk
from bench_arrays_scenes import Condition, scene
from bench_arrays_speech import RATE

from edgetx.audio.channels import Channel, Fault, judge
from edgetx.audio.dirty_start import dirty_frames
from edgetx.audio.rotation import rotation
from edgetx.board import Board

Signals = npt.NDArray[np.int16]

SECONDS = 2.0
CONDITIONS = (Condition("fan", 30), Condition("fan", 10), Condition("babble", 5))
SWEEP_SECONDS = 0.15
SWEEP_STEPS = 6000.0
OFFSET_STEPS = 1000.0
WEAK_DB = 40.0
LATE_SECONDS = 0.002
CLIPPED_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class QuirksTrial:
    """All quirks in one room with one board."""

    board: Board
    place: int
    seed: int

    @property
    def title(self) -> str:
        return f"quirks, {self.board.name}, room {self.place}"

    def run(self) -> list[Quirk]:
        rng = np.random.default_rng([self.seed, self.place, 6])
        return [
            Quirk(self.board.name, name, is_found)
            for sound in _sounds(self)
            for name, is_found in [
                *_of_channels(sound, self.board, rng),
                *_of_start(sound),
                *_of_rotation(sound, self.board, rng),
            ]
        ]


def _sounds(trial: QuirksTrial) -> Iterator[Signals]:
    """Yield two seconds each: in all conditions with the talker, and in the noisier ones without."""
    for condition in CONDITIONS:
        played = scene(trial.place, condition, trial.board.positions_m, seed=trial.seed)
        start = played.utterances[0].start
        yield played.mixed[start : start + int(SECONDS * RATE)]
        if not condition.quiet:
            yield np.rint(played.noise[: int(SECONDS * RATE)]).astype(np.int16)


def _of_channels(sound: Signals, board: Board, rng: np.random.Generator) -> Iterator[tuple[str, bool]]:
    """Yield each quirk of one channel and whether it is found there, and nothing elsewhere."""
    aperture_m = max(dist(one, other) for one, other in combinations(board.positions_m, 2))
    yield "healthy: nothing is said", not any(each.faults for each in judge(sound, RATE, aperture_m=aperture_m))
    for name, (fault, plant) in _PLANTED.items():
        ill = int(rng.integers(sound.shape[1]))
        planted = plant(sound, ill)
        yield name, _is_found(judge(planted, RATE, aperture_m=aperture_m), fault, ill)
    mono = np.repeat(sound[:, :1], sound.shape[1], axis=1)
    yield "identical: all channels", all(Fault.TWIN in each.faults for each in judge(mono)[1:])
    yield "dead: all channels", all(Fault.DEAD in each.faults for each in judge(np.zeros_like(sound)))


def _is_found(channels: Sequence[Channel], fault: Fault, ill: int) -> bool:
    """Return whether ``ill`` alone is said to have ``fault``: or the other, of two of which nobody can tell."""
    faulty = [each.number for each in channels if fault in each.faults]
    if fault is Fault.TWIN:
        return len(faulty) == 1 and faulty[0] in {ill, (ill + 1) % len(channels)}
    if len(channels) == 2 and fault in {Fault.INVERTED, Fault.DELAYED}:
        return len(faulty) == 1
    return faulty == [ill]


def _scaled(sound: Signals, ill: int, factor: float) -> Signals:
    return _with(sound, ill, sound[:, ill] * factor)


def _with(sound: Signals, ill: int, channel: npt.ArrayLike) -> Signals:
    planted = sound.copy()
    planted[:, ill] = np.clip(np.rint(channel), -32768, 32767)
    return planted


def _copied(sound: Signals, ill: int) -> Signals:
    return _with(sound, ill, sound[:, (ill + 1) % sound.shape[1]])


def _late(sound: Signals, ill: int) -> Signals:
    return _with(sound, ill, np.roll(sound[:, ill], int(LATE_SECONDS * RATE)))


def _clipping(sound: Signals, ill: int) -> Signals:
    return _scaled(sound, ill, 32768 / np.quantile(np.abs(sound[:, ill]), 1 - CLIPPED_SHARE))


_PLANTED: dict[str, tuple[Fault, Callable[[Signals, int], Signals]]] = {
    "dead": (Fault.DEAD, lambda sound, ill: _scaled(sound, ill, 0.0)),
    "inverted": (Fault.INVERTED, lambda sound, ill: _scaled(sound, ill, -1.0)),
    "weak: 40 dB down": (Fault.WEAK, lambda sound, ill: _scaled(sound, ill, 10 ** (-WEAK_DB / 20))),
    "identical: two channels": (Fault.TWIN, _copied),
    "delayed: 2 ms": (Fault.DELAYED, _late),
    "clipping: 1 % of samples": (Fault.CLIPPING, _clipping),
    "offset: 3 %": (Fault.OFF_CENTRE, lambda sound, ill: _with(sound, ill, sound[:, ill] + OFFSET_STEPS)),
}


def with_an_ill_one(sound: Signals, number: int) -> tuple[str, Signals]:
    """Return ``sound`` with one microphone ill from the start, and how: ``number`` says which, and which way."""
    ways = ("dead", "inverted", "weak: 40 dB down", "delayed: 2 ms")
    name = ways[number % len(ways)]
    return name, _PLANTED[name][1](sound, number // len(ways) % sound.shape[1])


def _of_start(sound: Signals) -> Iterator[tuple[str, bool]]:
    """Yield whether a dirty start is found to its end, and not much further; and a clean one left alone."""
    frames = int(SWEEP_SECONDS * RATE)
    sweep = SWEEP_STEPS * np.linspace(1, 0, frames)
    swept = sound.astype(np.float64)
    swept[:frames] += sweep[:, None]
    found = dirty_frames(np.clip(np.rint(swept), -32768, 32767).astype(np.int16), RATE)
    yield "dirty start: a sweep", 0.8 * frames <= found <= 2 * frames
    zeros = sound.copy()
    zeros[:frames] = 0
    yield "dirty start: zeros", frames <= dirty_frames(zeros, RATE) <= 2 * frames
    yield "healthy: a clean start", dirty_frames(sound, RATE) == 0


def _of_rotation(sound: Signals, board: Board, rng: np.random.Generator) -> Iterator[tuple[str, bool]]:
    if not board.rotates:
        return
    silent = captured(sound, board)
    playing = silent.copy()
    playing[:, list(board.playback)] = (800 * rng.standard_normal((len(sound), 1))).astype(np.int16)
    noisy = silent.copy()
    noisy[:, list(board.playback)] = (3 * rng.standard_normal((len(sound), len(board.playback)))).astype(np.int16)
    for name, channels in (("nothing played", silent), ("something played", playing), ("its own noise", noisy)):
        for turn in range(0, channels.shape[1], 2):
            told = rotation(
                np.roll(channels, turn, axis=1),
                RATE,
                microphones=board.microphones,
                playback=board.playback,
                unused=board.unused,
            )
            yield f"rotation: {name}", told == turn
