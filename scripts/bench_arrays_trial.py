"""One room of the bench with one board: every noise in it, every way to listen, both utterances.

What the bench alone can do (see `bench_arrays_ways.BASELINES`) does not change with edgetx, and is kept under
``.cache/bench-arrays/found`` for as long as the bench itself does not change.
"""

import hashlib
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bench_arrays_daemon import WAYS, Listened, listened
from bench_arrays_quirks import with_an_ill_one
from bench_arrays_scenes import Condition, Scene, Utterance, scene
from bench_arrays_speech import CACHE
from bench_arrays_verdict import FIRST, Record
from bench_arrays_ways import BASELINES
from bench_arrays_words import distortion_db, recognised, word_errors

from edgetx.audio.array import Geometry
from edgetx.audio.heard import apart
from edgetx.board import Board
from edgetx.speech.events import Direction

_SOURCES = ("speech", "rooms", "scenes", "ways", "words")


@dataclass(frozen=True, slots=True)
class WordsTrial:
    """All of one board in one room; ``place``: the room's number."""

    board: Board
    place: int
    conditions: tuple[Condition, ...]
    seed: int

    @property
    def title(self) -> str:
        return f"{self.board.name}, room {self.place}"

    def run(self) -> list["Record"]:
        """Return a record of each condition, way and utterance."""
        baselines = _kept(self)
        found = list(baselines or [])
        fresh: list[Record] = []
        for condition in self.conditions:
            played = scene(self.place, condition, self.board.positions_m, seed=self.seed)
            if baselines is None:
                fresh += _of_baselines(self, played)
            found += _of_daemon(self, played)
        if baselines is None:
            _keep(self, fresh)
        return found + fresh


def _of_baselines(trial: WordsTrial, played: Scene) -> list[Record]:
    microphones = np.array(trial.board.positions_m)
    return [
        _record(trial, played, utterance, way=way, sound=sound)
        for way, make in BASELINES.items()
        for sound in [make(played, microphones)]
        for utterance in played.utterances
    ]


def _of_daemon(trial: WordsTrial, played: Scene) -> list[Record]:
    truth = true_deg(trial.board.positions_m, played.place.talker_direction)
    rng = np.random.default_rng([trial.seed, trial.place, 4])
    found = []
    for way, look in WAYS.items():
        found += _with_daemon(
            trial, played, way=way, heard=listened(played.mixed, trial.board, look(truth, rng, trial.board))
        )
    if trial.board.name == FIRST:
        _, mixed = with_an_ill_one(played.mixed, trial.place + trial.conditions.index(played.condition))
        found += _with_daemon(trial, played, way="ill", heard=listened(mixed, trial.board, "auto"))
    return found


def _with_daemon(trial: WordsTrial, played: Scene, *, way: str, heard: Listened) -> list[Record]:
    truth = true_deg(trial.board.positions_m, played.place.talker_direction)
    left_out = sum(remark.fault != "" for remark in heard.remarks)
    return [
        replace(
            _record(trial, played, utterance, way=way, sound=heard.sound),
            left_out=left_out,
            **_compared(heard.direction(utterance.start, utterance.end), truth),
        )
        for utterance in played.utterances
    ]


def _record(
    trial: WordsTrial, played: Scene, utterance: Utterance, *, way: str, sound: npt.NDArray[np.float32]
) -> Record:
    start, end = utterance.start, utterance.end
    return Record(
        trial.board.name,
        trial.place,
        played.condition.noise,
        played.condition.snr_db,
        utterance.warmth,
        way,
        errors=word_errors(list(utterance.words), recognised(sound, start, end)),
        words=len(utterance.words),
        sdr_db=round(distortion_db(sound[start:end], played.speech[start:end, 0]), 2),
    )


def _compared(direction: Direction | None, truth_deg: float) -> dict[str, Any]:
    if direction is None:
        return {}
    return {"off_deg": apart(direction.azimuth_deg, truth_deg), "confidence": direction.confidence}


def true_deg(microphones_m: Sequence[tuple[float, float]], towards: npt.NDArray[np.float64]) -> float:
    """Return where the talker is, as such an array counts: the azimuth, or the angle from its axis."""
    geometry = Geometry(tuple(microphones_m))
    if not geometry.linear:
        return math.degrees(math.atan2(towards[1], towards[0])) % 360.0
    axis = math.radians(geometry.axis_deg)
    return math.degrees(math.acos(float(towards[0] * math.cos(axis) + towards[1] * math.sin(axis))))


def _kept(trial: WordsTrial) -> list[Record] | None:
    path = _path(trial)
    return [Record(**each) for each in json.loads(path.read_text())] if path.exists() else None


def _keep(trial: WordsTrial, records: list[Record]) -> None:
    path = _path(trial)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as file:
        json.dump([asdict(record) for record in records], file)
    Path(file.name).replace(path)


def _path(trial: WordsTrial) -> Path:
    name = hashlib.sha256(
        f"{trial.board.positions_m} {trial.place} {trial.conditions} {trial.seed} {_fingerprint()}".encode()
    ).hexdigest()[:20]
    return CACHE / "found" / f"{name}.json"


@cache
def _fingerprint() -> str:
    """Return a mark of all that the baselines depend on."""
    sources = (Path(__file__).with_name(f"bench_arrays_{name}.py").read_bytes() for name in _SOURCES)
    return hashlib.sha256(b"".join(sources)).hexdigest()
