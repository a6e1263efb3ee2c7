"""The speech gate in the bench: what it misses, what it lets through that nobody said, and what it costs.

Somebody says something now and then (a fifth of the time) in a room with a noise; one microphone hears it. Then there
are minutes in which there is noise alone. The gate is the daemon's, fed as capture feeds it.
"""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from bench_arrays_daemon import PERIOD
from bench_arrays_parts import Gated, Span, gated
from bench_arrays_rooms import heard, impulses, room
from bench_arrays_scenes import OWN_NOISE_DB, SPEECH_RMS, babble, fan, pink
from bench_arrays_speech import RATE, VOICES, Sound, spoken

from edgetx.audio.speech_gate import SpeechGate
from edgetx.board import Board

PHRASES = (
    "stop",
    "turn on the light in the kitchen",
    "five seven two nine",
    "what time is it",
    "four zero three",
    "set a timer for ten minutes please",
    "hello",
    "six eight one",
    "play some music",
    "thanks that is all for today",
)
SPOKEN_SHARE = 0.2
ALONE_SECONDS = 120.0
SWITCHED_ON_DB = 25.0
SNRS_DB = (20.0, 10.0, 5.0, 0.0)
DOWN_DB = 20.0
PINK, FAN, BABBLE = "pink", "fan", "babble"
SWITCHED = "fan switched on"


class Case(NamedTuple):
    """``snr_db``: None when nobody speaks; ``down_db``: by so much quieter is all of it."""

    noise: str
    snr_db: float | None
    down_db: float = 0.0


SPOKEN = tuple(
    Case(noise, snr, down) for noise in (FAN, PINK) for snr, down in [*((snr, 0.0) for snr in SNRS_DB), (5.0, DOWN_DB)]
)
ALONE = tuple(Case(noise, None, down) for noise in (FAN, PINK, SWITCHED, BABBLE) for down in (0.0, DOWN_DB))


@dataclass(frozen=True, slots=True)
class GateTrial:
    """Some cases in one room; of ``board`` the first microphone hears it all."""

    board: Board
    place: int
    cases: tuple[Case, ...]
    seed: int

    @property
    def title(self) -> str:
        return f"the gate, {'noise alone, ' if self.cases == ALONE else ''}room {self.place}"

    def run(self) -> list[Gated]:
        return [_judged(self, case) for case in self.cases]


def trials(board: Board, *, seed: int, rooms: int) -> list[GateTrial]:
    """Return what there is to do."""
    spoken = [GateTrial(board, place, SPOKEN, seed) for place in range(rooms)]
    return spoken + [GateTrial(board, place, ALONE, seed) for place in range(rooms // 2)]


def _judged(trial: GateTrial, case: Case) -> Gated:
    pcm, spans = _stream(trial, case)
    place = room(trial.place, trial.seed)
    distance_m = float(np.linalg.norm(np.subtract(place.talker, place.array)[:2]))
    return gated(spans, opened_by(SpeechGate(), pcm), len(pcm), **case._asdict(), distance_m=distance_m)


def opened_by(gate: SpeechGate, pcm: npt.NDArray[np.int16]) -> list[Span]:
    """Return the frames that the gate lets through, as (start, end)."""
    edges = [edge for n in range(0, len(pcm), PERIOD) for edge in gate.hear(n, pcm[n : n + PERIOD].tobytes())]
    edges += gate.end()
    starts = [edge.frame for edge in edges if edge.speaking]
    ends = [edge.frame for edge in edges if not edge.speaking]
    return list(zip(starts, ends, strict=True))


def milliseconds(board: Board, *, seed: int) -> float:
    """Return the CPU that a second of sound costs, at a fifth of speech: the mean over noises."""
    streams = [_stream(GateTrial(board, place, (), seed), Case(FAN, 10.0))[0] for place in range(4)]
    SpeechGate().hear(0, bytes(2 * RATE))
    began = time.process_time()
    for pcm in streams:
        opened_by(SpeechGate(), pcm)
    return (time.process_time() - began) * 1000 / (sum(map(len, streams)) / RATE)


@lru_cache(maxsize=2)
def _paths(board: Board, number: int, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    return {name: path[:1] for name, path in impulses(room(number, seed), board.positions_m).items()}


def _stream(trial: GateTrial, case: Case) -> tuple[npt.NDArray[np.int16], list[Span]]:
    """Return what the microphone delivers, and when somebody speaks."""
    rng = np.random.default_rng([trial.seed, trial.place, 5])
    paths = _paths(trial.board, trial.place, trial.seed)
    dry, spans = _said(rng) if case.snr_db is not None else (np.zeros(int(ALONE_SECONDS * RATE), np.float32), [])
    noise = _noise(case.noise, rng, paths, frames=len(dry))
    sound = noise * SPEECH_RMS
    if case.snr_db is not None:
        speech = heard(paths["talker"], dry)[: len(dry), 0]
        talking = np.concatenate([np.arange(start, end) for start, end in spans])
        speech *= SPEECH_RMS / _rms(speech[talking])
        sound = speech + noise * (SPEECH_RMS / 10 ** (case.snr_db / 20))
    sound += rng.standard_normal(len(sound)) * (SPEECH_RMS / 10 ** (OWN_NOISE_DB / 20))
    sound *= 10 ** (-case.down_db / 20)
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16), spans


def _said(rng: np.random.Generator) -> tuple[Sound, list[Span]]:
    voice = VOICES[rng.integers(len(VOICES))]
    pieces: list[Sound] = []
    spans: list[Span] = []
    for phrase in rng.permutation(PHRASES):
        said = spoken(voice, str(phrase))
        pause = np.zeros(int(len(said) * (1 / SPOKEN_SHARE - 1) / 2), np.float32)
        start = sum(map(len, pieces)) + len(pause)
        spans.append((start, start + len(said)))
        pieces += [pause, said, pause]
    return np.concatenate(pieces), spans


def _noise(kind: str, rng: np.random.Generator, paths: dict[str, npt.NDArray[np.float32]], *, frames: int) -> Sound:
    """Return the noise at the microphone, 1.0 RMS."""
    settled = RATE
    make = {PINK: pink, BABBLE: babble}.get(kind, fan)
    sound = heard(paths["fan"], make(rng, frames + settled))[settled : frames + settled, 0]
    sound /= _rms(sound)
    if kind == SWITCHED:
        sound[: frames // 2] *= 10 ** (-SWITCHED_ON_DB / 20)
    return np.asarray(sound, np.float32)


def _rms(values: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
