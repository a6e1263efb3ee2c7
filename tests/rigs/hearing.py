"""Turns out of sound, for stand-ins of recognisers: what was loud when, in AssemblyAI's ``Turn`` messages.

Every spell of sound between silences is a turn, every stretch of sound in it a word, with times true within `HOP_MS`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

HOP_MS = 10
LOUD = 300  # RMS of int16, -41 dBFS
WORD_PAUSE_MS = 60
PARTIAL_EVERY_MS = 300


class Hearing:
    """Turns out of sound. Fed with PCM, yields ``Turn`` messages; the audio clock is its only clock."""

    def __init__(self, *, rate: int, silence_ms: float, twins: bool) -> None:
        self._hop_bytes = rate * HOP_MS // 1000 * 2
        self._silence_ms = silence_ms
        self._twins = twins
        self._pending = bytearray()
        self._now_ms = 0
        self._order = 0
        self._stretches: list[list[int]] = []
        self._told_ms = 0

    def feed(self, pcm: bytes) -> Iterator[dict[str, Any]]:
        self._pending += pcm
        while len(self._pending) >= self._hop_bytes:
            hop = np.frombuffer(bytes(self._pending[: self._hop_bytes]), "<i2").astype(float)
            del self._pending[: self._hop_bytes]
            yield from self._hop(loud=self._is_loud(hop))

    @property
    def is_quiet(self) -> bool:
        """Whether no turn is going on."""
        return not self._stretches

    def end_turn(self) -> Iterator[dict[str, Any]]:
        """End the turn that is going on, if there is one."""
        if self._stretches:
            if self._twins:
                yield self._turn(end=True, formatted=False)
            yield self._turn(end=True, formatted=True)
            self._order += 1
            self._stretches = []

    def _is_loud(self, hop: "np.ndarray[Any, np.dtype[np.float64]]") -> bool:
        """Take the hop that comes next."""
        return bool(np.sqrt(np.mean(hop * hop)) > LOUD)

    def _text(self, index: int) -> str:
        """Return the text of the turn's word number ``index``, from 0."""
        return f"word{index + 1}"

    def _hop(self, *, loud: bool) -> Iterator[dict[str, Any]]:
        start, self._now_ms = self._now_ms, self._now_ms + HOP_MS
        if loud and (not self._stretches or start - self._stretches[-1][1] >= WORD_PAUSE_MS):
            self._stretches.append([start, self._now_ms])
            self._told_ms = start if len(self._stretches) == 1 else self._told_ms
        elif loud:
            self._stretches[-1][1] = self._now_ms
        if self._stretches and self._now_ms - self._stretches[-1][1] >= self._silence_ms:
            yield from self.end_turn()
        elif self._stretches and self._now_ms - self._told_ms >= PARTIAL_EVERY_MS:
            self._told_ms = self._now_ms
            yield self._turn(end=False, formatted=False)

    def _turn(self, *, end: bool, formatted: bool) -> dict[str, Any]:
        texts = [self._text(index) for index in range(len(self._stretches))]
        text = " ".join(texts)
        return {
            "type": "Turn",
            "turn_order": self._order,
            "turn_is_formatted": formatted,
            "end_of_turn": end,
            "transcript": f"{text.capitalize()}." if formatted else text,
            "end_of_turn_confidence": 1.0 if end else 0.1,
            "words": [
                {"start": start, "end": stop, "text": word, "confidence": 0.9, "word_is_final": end}
                for word, (start, stop) in zip(texts, self._stretches, strict=True)
            ],
            "utterance": text if end else "",
        }


def bursts(*seconds: float, rate: int = 16_000, hum: int = 0) -> bytes:
    """Return PCM that is silent and loud (a 440 Hz tone) by turns, silent first, for so many seconds each.

    ``hum``: amplitude of what is not loud; below 400 no stand-in hears it.
    """
    parts = [
        ((hum, 8000)[index % 2] * np.sin(np.arange(round(span * rate)) * (2 * np.pi * 440 / rate))).astype("<i2")
        for index, span in enumerate(seconds)
    ]
    return np.concatenate(parts).tobytes()
