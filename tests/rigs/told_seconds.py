"""Sound in which every hundredth of a second says which it is, and ears that read it.

A *number* names one second of a microphone's sound. Of a spoken second, the hops (of 10 ms) `FIRST` to `LAST` are loud;
its even samples are positive and say the number, its odd ones negative and say the hop. Any two samples that follow
each other are enough to read both, so it does not matter where a session begins or how the sound is cut.

`Ears` hear as `Hearing` does, and give each word the text ``17:10-79``: of second 17, the hops 10 to 79. What was left
out or came twice shows: ``17:10-30+50-79``.
"""

import random
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.rigs.hearing import HOP_MS, Hearing

RATE = 16_000
HOP_FRAMES = RATE * HOP_MS // 1000
FIRST, LAST = 10, 79
BASE = 1000
NUMBERS = 30_000
"""Above this an int16 has no room."""
LONGEST_UTTERANCE = 4
WORD = re.compile(r"(\d+):([\d+-]+)")

Hops = tuple[int, int, int]
"""(number, first hop, hop after the last)"""


def second(number: int) -> bytes:
    """Return the sound of the spoken second ``number``: 16 kHz, mono, int16."""
    samples = np.zeros(RATE, "<i2")
    start, stop = FIRST * HOP_FRAMES, (LAST + 1) * HOP_FRAMES
    samples[start:stop:2] = BASE + number
    samples[start + 1 : stop : 2] = -(BASE + np.arange(start + 1, stop, 2) // HOP_FRAMES)
    return samples.tobytes()


def speech(seed: int, pause_seconds: int = 1) -> Iterator[int | None]:
    """Yield for each second its number, or None for a silent one: utterances of some seconds, a pause behind each."""
    chance = random.Random(seed)
    number = 0
    while number < NUMBERS:
        for _ in range(chance.randint(1, LONGEST_UTTERANCE)):
            yield number
            number += 1
        for _ in range(pause_seconds):
            yield None
            number += 1


def read(hop: "np.ndarray[Any, np.dtype[np.float64]]") -> tuple[int, int] | None:
    """Return (number, hop) of a hop's sound, by its middle where it is of two; None: it says nothing."""
    numbers, hops = hop[hop > BASE // 2], hop[hop < -BASE // 2]
    return (int(numbers[0]) - BASE, -int(hops[len(hops) // 2]) - BASE) if len(numbers) and len(hops) else None


def parse(word: str) -> list[Hops]:
    """Return what a word's text says, in order. Raise ValueError for what no ears gave."""
    found: list[Hops] = []
    for text in word.rstrip(".").split("/"):
        if (said := WORD.fullmatch(text)) is None:
            raise ValueError(f"{word!r} is no word of the stand-in's")
        for piece in said[2].split("+"):
            first, _, last = piece.partition("-")
            found.append((int(said[1]), int(first), int(last) + 1))
    return found


class Ears(Hearing):
    """`Hearing` whose words say what they heard."""

    def __init__(self, *, rate: int, silence_ms: float, twins: bool) -> None:
        super().__init__(rate=rate, silence_ms=silence_ms, twins=twins)
        self._codes: dict[int, tuple[int, int]] = {}

    def end_turn(self) -> Iterator[dict[str, Any]]:
        yield from super().end_turn()
        self._codes.clear()

    def _is_loud(self, hop: "np.ndarray[Any, np.dtype[np.float64]]") -> bool:
        loud = super()._is_loud(hop)
        code = read(hop) if loud else None
        if code:
            self._codes[self._now_ms] = code
        return loud

    def _text(self, index: int) -> str:
        start, stop = self._stretches[index]
        pieces: list[list[int]] = []
        for code in (self._codes[at] for at in range(start, stop, HOP_MS) if at in self._codes):
            number, hop = code
            if pieces and pieces[-1][0] == number and pieces[-1][2] in (hop - 1, hop):  # Half of one at each edge.
                pieces[-1][2] = hop
            else:
                pieces.append([number, hop, hop])
        words: list[str] = []
        for number in dict.fromkeys(piece[0] for piece in pieces):
            said = "+".join(f"{first}-{last}" for n, first, last in pieces if n == number)
            words.append(f"{number}:{said}")
        return "/".join(words)
