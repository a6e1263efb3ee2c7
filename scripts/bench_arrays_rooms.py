"""The bench's rooms: where the array, the talker and the noises are, and how each is heard at each microphone.

pyroomacoustics' image sources; an impulse response is computed once and kept under ``.cache/bench-arrays/rooms``. A
room has its own reverberation time and talker's distance; the same room is used for all boards and all noises, so that
what differs is the board or the noise.
"""

import hashlib
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from bench_arrays_speech import CACHE, RATE, Sound

from edgetx.audio.heard import apart

Point = tuple[float, float, float]

RT60_SECONDS = (0.2, 0.6, 0.4, 0.3, 0.5)
DISTANCES_M = (1.0, 3.0, 2.0, 2.5, 1.5, 2.0, 1.0, 3.0)
BABBLERS = 4
APART_DEG = 45.0
"""At least so far from the talker, as the array sees them, stand the fan and the competing talker."""
MOST_REFLECTIONS = 40
WALL_M = 0.4
FIRST_FRAMES = 40
"""pyroomacoustics' filter of fractional delays puts the sound so much later."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where everything is, in metres. ``turned_deg``: of the array, in its room."""

    number: int
    rt60_seconds: float
    size: Point
    array: Point
    talker: Point
    fan: Point
    competitor: Point
    babblers: tuple[Point, ...]

    @property
    def talker_direction(self) -> npt.NDArray[np.float64]:
        """The unit vector from the array to the talker."""
        away = np.subtract(self.talker, self.array)
        return np.asarray(away / np.linalg.norm(away))


def room(number: int, seed: int) -> Room:
    rng = np.random.default_rng([seed, number, 1])
    size = (rng.uniform(5.0, 7.0), rng.uniform(4.5, 6.0), rng.uniform(2.4, 3.0))
    array = (size[0] * rng.uniform(0.4, 0.6), size[1] * rng.uniform(0.4, 0.6), rng.uniform(0.8, 1.0))
    distance = DISTANCES_M[number % len(DISTANCES_M)]
    talker, azimuth = _somewhere(rng, size, array, (distance, distance), height=(1.2, 1.6))
    fan, _ = _somewhere(rng, size, array, (1.0, 3.0), height=(0.3, 1.5), away_from=azimuth)
    competitor, _ = _somewhere(rng, size, array, (1.5, 3.0), height=(0.8, 1.6), away_from=azimuth)
    babblers = tuple(_somewhere(rng, size, array, (1.5, 3.5), height=(1.2, 1.7))[0] for _ in range(BABBLERS))
    return Room(number, RT60_SECONDS[number % len(RT60_SECONDS)], size, array, talker, fan, competitor, babblers)


def impulses(where: Room, microphones_m: tuple[tuple[float, float], ...]) -> dict[str, npt.NDArray[np.float32]]:
    """Return ``{source: [microphones, frames]}`` for an array of ``microphones_m`` there."""
    kept = CACHE / "rooms" / f"{hashlib.sha256(repr((where, microphones_m)).encode()).hexdigest()[:20]}.npz"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".part", delete=False) as file:
            np.savez(file, **_computed(where, microphones_m))
        Path(file.name).replace(kept)
    with np.load(kept) as file:
        return {name: file[name] for name in file.files}


def heard(impulse: npt.NDArray[np.float32], sound: Sound) -> npt.NDArray[np.float32]:
    """Return ``sound`` at each microphone [frames, microphones], reverberation after its end included."""
    from scipy.signal import oaconvolve  # noqa: PLC0415  (only what simulates needs it)

    return np.asarray(oaconvolve(sound[None, :], impulse, axes=1).T, np.float32)


def _somewhere(
    rng: np.random.Generator,
    size: Point,
    array: Point,
    distances: tuple[float, float],
    *,
    height: tuple[float, float],
    away_from: float | None = None,
) -> tuple[Point, float]:
    """Return a place at such a distance (on the floor plan) and its azimuth in degrees."""
    while True:
        azimuth, distance = rng.uniform(0, 360), rng.uniform(*distances)
        x = array[0] + distance * math.cos(math.radians(azimuth))
        y = array[1] + distance * math.sin(math.radians(azimuth))
        inside = WALL_M < x < size[0] - WALL_M and WALL_M < y < size[1] - WALL_M
        if inside and (away_from is None or apart(azimuth, away_from) >= APART_DEG):
            return (x, y, rng.uniform(*height)), azimuth


def _computed(where: Room, microphones_m: tuple[tuple[float, float], ...]) -> dict[str, npt.NDArray[np.float32]]:
    import pyroomacoustics as pra  # noqa: PLC0415  (only the bench's environment has it)

    absorption, reflections = pra.inverse_sabine(where.rt60_seconds, where.size)
    material = pra.Material(absorption)
    simulated = pra.ShoeBox(where.size, fs=RATE, materials=material, max_order=min(reflections, MOST_REFLECTIONS))
    places = [(where.array[0] + x, where.array[1] + y, where.array[2]) for x, y in microphones_m]
    simulated.add_microphone_array(np.array(places).T)
    sources = {"talker": where.talker, "fan": where.fan, "competitor": where.competitor}
    sources |= {f"babbler{n}": place for n, place in enumerate(where.babblers)}
    for place in sources.values():
        simulated.add_source(list(place))
    simulated.compute_rir()
    return {name: _stacked([simulated.rir[m][s] for m in range(len(places))]) for s, name in enumerate(sources)}


def _stacked(responses: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float32]:
    length = max(map(len, responses))
    stacked = np.array([np.pad(each, (0, length - len(each))) for each in responses], np.float32)
    return stacked[:, FIRST_FRAMES:]
