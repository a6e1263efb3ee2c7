"""The bench's scenes: somebody says digits in a room in which something else is to be heard, twice.

A scene is one recording of an array that has just been switched on: a second of the room, the first utterance (*cold*),
two seconds of the room, another utterance of the same talker (*warm*), and the rest of its reverberation. The noise is
there all the time. Its level is such that at the first microphone the power of the talker, reverberation included and
while it lasts, exceeds that of the noise by ``snr_db``.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from bench_arrays_rooms import BABBLERS, Room, heard, impulses, room
from bench_arrays_speech import RATE, VOICES, Sound, chatter, digits, looped, spoken

Signals = npt.NDArray[np.float32]
"""[frames, microphones]."""

LEAD_SECONDS = 1.0
PAUSE_SECONDS = 2.0
TAIL_SECONDS = 0.8
LONGEST_SECONDS = 16.0
DIGITS_SPOKEN = 5
SPEECH_RMS = 1000.0
"""In the steps of int16, at the first microphone: -30 dBFS."""
OWN_NOISE_DB = 40.0
"""So far below speech is the noise that each microphone has of its own."""
UNLIKE_DB = 0.5
"""Standard deviation of the microphones' gains."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``noise``: ``fan``, ``babble`` or ``competitor``."""

    noise: str
    snr_db: float

    @property
    def quiet(self) -> bool:
        return self.snr_db >= 30


CONDITIONS = (
    Condition("fan", 30),
    *(Condition(noise, snr) for noise in ("fan", "babble", "competitor") for snr in (20, 10, 5, 0)),
    Condition("babble", 30),
)


@dataclass(frozen=True, slots=True)
class Utterance:
    """``start`` and ``end``: the frames in which the talker speaks, without the reverberation after it."""

    warmth: str
    words: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Scene:
    """``speech`` and ``noise`` add up to what the microphones deliver, in the steps of int16."""

    place: Room
    condition: Condition
    utterances: tuple[Utterance, ...]
    speech: Signals
    noise: Signals

    @property
    def mixed(self) -> npt.NDArray[np.int16]:
        """What the converter makes of it."""
        return np.clip(np.rint(self.speech + self.noise), -32768, 32767).astype(np.int16)


def scene(number: int, condition: Condition, microphones_m: tuple[tuple[float, float], ...], *, seed: int) -> Scene:
    """Return the scene of ``condition`` in room ``number``."""
    place = room(number, seed)
    rng = np.random.default_rng([seed, number, CONDITIONS.index(condition), 2])
    dry, utterances = _told(rng)
    speech = heard(impulses(place, microphones_m)["talker"], dry)[: len(dry)]
    noise = _noise(place, condition.noise, microphones_m, seed=seed)[: len(dry)]
    talking = np.concatenate([np.arange(each.start, each.end) for each in utterances])
    speech *= SPEECH_RMS / _rms(speech[talking, 0])
    noise = noise * (SPEECH_RMS / 10 ** (condition.snr_db / 20) / _rms(noise[talking, 0]))
    noise += rng.standard_normal(noise.shape, np.float32) * np.float32(SPEECH_RMS / 10 ** (OWN_NOISE_DB / 20))
    gains = (10 ** (rng.normal(0, UNLIKE_DB, speech.shape[1]) / 20)).astype(np.float32)
    return Scene(place, condition, utterances, speech * gains, noise * gains)


def _told(rng: np.random.Generator) -> tuple[Sound, tuple[Utterance, ...]]:
    """Return what the talker says as a microphone at the mouth hears it, and when what is said."""
    voice = VOICES[rng.integers(len(VOICES))]
    sound = [_silence(LEAD_SECONDS)]
    utterances: list[Utterance] = []
    for warmth, after in (("cold", PAUSE_SECONDS), ("warm", TAIL_SECONDS)):
        words = digits(rng, DIGITS_SPOKEN)
        said = spoken(voice, " ".join(words))
        start = sum(map(len, sound))
        utterances.append(Utterance(warmth, tuple(words), start, start + len(said)))
        sound += [said, _silence(after)]
    return np.concatenate(sound), tuple(utterances)


@lru_cache(maxsize=8)
def _noise(place: Room, kind: str, microphones_m: tuple[tuple[float, float], ...], *, seed: int) -> Signals:
    """Return the noise at the microphones from a moment on at which it has been there for long, at some level."""
    rng = np.random.default_rng([seed, place.number, 3])
    paths = impulses(place, microphones_m)
    frames = int(LONGEST_SECONDS * RATE)
    if kind == "fan":
        sources = {"fan": fan(rng, frames)}
    elif kind == "competitor":
        sources = {"competitor": chattering(rng, frames, who=place.number)}
    else:
        everybody = [chattering(rng, frames, who=n) for n in range(2 * BABBLERS)]
        sources = {f"babbler{n}": everybody[n] + everybody[n + BABBLERS] for n in range(BABBLERS)}
    settled = RATE
    heard_all = [heard(paths[name], sound)[settled:frames] for name, sound in sources.items()]
    return np.asarray(np.sum(heard_all, axis=0), np.float32)


def fan(rng: np.random.Generator, frames: int) -> Sound:
    """Return a fan's noise: 1/f from 80 Hz on, and the hum and the blades on top, 1.0 RMS."""
    hz = np.fft.rfftfreq(frames, 1 / RATE)
    shape = 1 / np.sqrt(np.maximum(hz, 80) / 80) / (1 + (40 / np.maximum(hz, 1)) ** 4)
    sound = np.fft.irfft(np.fft.rfft(rng.standard_normal(frames)) * shape, frames)
    sound /= np.std(sound)
    seconds = np.arange(frames) / RATE
    for hum_hz, loud in ((100, 0.25), (187, 0.3), (374, 0.15), (561, 0.08)):
        sound += loud * np.sin(2 * np.pi * (hum_hz * seconds + rng.random()))
    return (sound / np.std(sound)).astype(np.float32)


def pink(rng: np.random.Generator, frames: int) -> Sound:
    """Return noise with the same power in every octave above 50 Hz, 1.0 RMS."""
    hz = np.fft.rfftfreq(frames, 1 / RATE)
    spectrum = np.fft.rfft(rng.standard_normal(frames)) / np.sqrt(np.maximum(hz, 50)) * (hz >= 50)
    sound = np.fft.irfft(spectrum, frames)
    return (sound / np.std(sound)).astype(np.float32)


def chattering(rng: np.random.Generator, frames: int, *, who: int) -> Sound:
    """Return one other person talking on and on, from any word on."""
    sound = chatter(who)
    return looped(sound, int(rng.integers(len(sound))), frames)


def babble(rng: np.random.Generator, frames: int) -> Sound:
    """Return many people talking at one place."""
    return np.asarray(sum(chattering(rng, frames, who=n) for n in range(2 * BABBLERS)), np.float32)


def _silence(seconds: float) -> Sound:
    return np.zeros(int(seconds * RATE), np.float32)


def _rms(values: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
