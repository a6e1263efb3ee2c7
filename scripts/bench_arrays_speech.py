"""What is said in the bench's rooms: digits by synthetic voices, and what the others in the room say.

Every piece is made once and kept under ``.cache/bench-arrays/speech``; all are float32 at 16 kHz, 1.0 RMS while
somebody speaks. The voices are those of flite and espeak-ng whose digits the recogniser understands in a quiet living
room.
"""

import hashlib
import subprocess
import tempfile
import wave
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

Sound = npt.NDArray[np.float32]

CHECKOUT = Path(__file__).parents[1]
CACHE = CHECKOUT / ".cache/bench-arrays"
RATE = 16000
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOICES = ("flite:kal16", "flite:awb", "flite:rms", "flite:slt", "espeak:en-us+klatt")
OTHERS = ("espeak:en-gb", "flite:kal", "espeak:en-us+m3", "espeak:en-gb-scotland", "espeak:en-us+f5", "flite:slt")
"""Who babbles."""
_ACTIVE = 0.03
"""Of its peak, over 20 ms: quieter is a pause."""
_NEWS = (
    "The weather in the north will stay cold and windy until the middle of the week, with some rain along the coast.",
    "He asked whether anybody had seen the keys to the garden shed, but nobody had been there since last autumn.",
    "They are building a new bridge across the river, and the road will be closed to all traffic for several months.",
    "She said that the soup needs more salt and that somebody should call the children, because dinner is ready now.",
    "The train to the city leaves from the other platform today, so please take the stairs at the end of the hall.",
    "In the evening there was music from the house next door, and people laughed and talked until long past midnight.",
)


def digits(rng: np.random.Generator, count: int) -> list[str]:
    return [DIGITS[n] for n in rng.integers(len(DIGITS), size=count)]


def spoken(voice: str, text: str) -> Sound:
    """Return ``text`` as ``voice`` speaks it, without silence before and after. Raise CalledProcessError."""
    kept = CACHE / "speech" / f"{hashlib.sha256(f'{voice} {text}'.encode()).hexdigest()[:20]}.npy"
    if not kept.exists():
        _keep(kept, _trimmed(_synthesised(voice, text)))
    return np.load(kept).astype(np.float32)


@cache
def recordings() -> tuple[Sound, ...]:
    """Return what people read aloud, one piece a reading."""
    folder = CHECKOUT / "tests/rigs/speech"
    return tuple(_trimmed(_read(path)) for path in sorted(folder.glob("*.wav")))


@cache
def chatter(who: int) -> Sound:
    """Return half a minute or so of the ``who``-th other person; every third is a recording."""
    if who % 3 == 0 and recordings():
        return np.concatenate(recordings())
    voice = OTHERS[who % len(OTHERS)]
    return np.concatenate([spoken(voice, _NEWS[(who + n) % len(_NEWS)]) for n in range(len(_NEWS))])


def looped(sound: Sound, start: int, frames: int) -> Sound:
    """Return ``frames`` of ``sound`` from ``start`` on, over and over."""
    return np.take(sound, np.arange(start, start + frames), mode="wrap")


def _synthesised(voice: str, text: str) -> Sound:
    engine, _, name = voice.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        if engine == "flite":
            command = ["flite", "-voice", name, "-t", text, "-o", str(path)]
        else:
            command = ["espeak-ng", "-v", name, "-s", "150", "-w", str(path), text]
        subprocess.run(command, check=True, capture_output=True)
        return _read(path)


def _read(path: Path) -> Sound:
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32)
        return np.asarray(soxr.resample(pcm, file.getframerate(), RATE), np.float32)


def _trimmed(sound: Sound) -> Sound:
    step = RATE // 50
    blocks = sound[: len(sound) // step * step].reshape(-1, step)
    loud = np.abs(blocks).max(axis=1)
    active = np.flatnonzero(loud > _ACTIVE * loud.max())
    kept = sound[active[0] * step : (active[-1] + 1) * step]
    power = float(np.mean(blocks[active] ** 2))
    return (kept / np.sqrt(power)).astype(np.float32)


def _keep(path: Path, sound: Sound) -> None:
    """Write it all at once: another process may be looking for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        np.save(file, sound)
    Path(file.name).replace(path)
