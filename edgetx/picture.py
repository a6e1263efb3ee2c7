"""Draws what a front end made of a recording, for people: sound before and after, who spoke when, and from where.

The door of Pillow, which only this needs.
"""

import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetx.errors import Refused

WIDTH, LEFT, RIGHT, TOP = 1200, 70, 20, 46
SOUND_HEIGHT, ANGLE_HEIGHT, SPACE = 130, 240, 34
INK, PALE, RAW, CLEAN, SPEECH = "#222222", "#dddddd", "#9a9a9a", "#2a6fbb", "#d8f0d2"
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds between two marks of time; the first that leaves room for its number is taken."""
TICK_ROOM = 60
DOT = 2
FULL_SCALE = 32768


@dataclass(slots=True)
class Envelope:
    """The least and the greatest of every ``step`` samples of a long int16 signal, taken piece by piece."""

    step: int
    ranges: list[tuple[int, int]] = field(default_factory=list)
    _rest: "array[int]" = field(default_factory=lambda: array("h"))

    def feed(self, pcm: bytes) -> None:
        """Take the next samples."""
        self._rest.frombytes(pcm)
        whole = len(self._rest) - len(self._rest) % self.step
        for at in range(0, whole, self.step):
            piece = self._rest[at : at + self.step]
            self.ranges.append((min(piece), max(piece)))
        del self._rest[:whole]


@dataclass(frozen=True, slots=True)
class Story:
    """What is drawn; times in seconds from the recording's start. ``bearings``: start, end, degrees, confidence."""

    title: str
    seconds: float
    raw: Sequence[tuple[int, int]]
    clean: Sequence[tuple[int, int]]
    speech: Sequence[tuple[float, float]]
    bearings: Sequence[tuple[float, float, float, float]]
    cone: bool = False


def draw(story: Story, path: Path) -> None:
    """Write the picture of ``story`` as a PNG. Raise Refused without Pillow, or where it cannot be written."""
    try:
        from PIL import Image, ImageDraw  # noqa: PLC0415
    except ImportError as error:
        raise Refused(
            "Everything but the picture was written; that needs Pillow. Install it where edgetx runs: "
            f"python3 -m pip --python {sys.executable} install pillow"
        ) from error
    height = TOP + 2 * (SOUND_HEIGHT + SPACE) + ANGLE_HEIGHT + SPACE
    image = Image.new("RGB", (WIDTH, height), "white")
    _Sheet(ImageDraw.Draw(image), story).draw()
    try:
        image.save(path, "PNG")
    except OSError as error:
        raise Refused(f"The picture {path} cannot be written: {error.strerror}.") from error


class _Sheet:
    def __init__(self, pen: Any, story: Story) -> None:
        self._pen, self._story = pen, story

    def draw(self) -> None:
        story, top = self._story, TOP
        self._pen.text((LEFT, 14), story.title, fill=INK)
        for name, ranges, colour in (("one microphone", story.raw, RAW), ("what is sent", story.clean, CLEAN)):
            self._panel(top, SOUND_HEIGHT, name)
            self._sound(top, ranges, colour)
            top += SOUND_HEIGHT + SPACE
        self._panel(top, ANGLE_HEIGHT, "direction")
        self._angles(top)

    def _x(self, seconds: float) -> float:
        return LEFT + seconds / max(self._story.seconds, 1e-9) * (WIDTH - LEFT - RIGHT)

    def _panel(self, top: int, height: int, name: str) -> None:
        """Draw a frame, where somebody speaks, the marks of time, and the name."""
        for start, end in self._story.speech:
            self._pen.rectangle((self._x(start), top, self._x(end), top + height), fill=SPEECH)
        self._pen.rectangle((LEFT, top, WIDTH - RIGHT, top + height), outline=PALE)
        self._pen.text((LEFT, top - 13), name + ("; green: somebody speaks" if self._story.speech else ""), fill=INK)
        step = next((tick for tick in TICKS if self._x(tick) - LEFT >= TICK_ROOM), TICKS[-1])
        for mark in range(int(self._story.seconds / step) + 1):
            x = self._x(mark * step)
            self._pen.line((x, top + height, x, top + height + 4), fill=INK)
            self._pen.text((x - 8, top + height + 5), f"{mark * step:g} s", fill=INK)

    def _sound(self, top: int, ranges: Sequence[tuple[int, int]], colour: str) -> None:
        """Draw a signal as high as it comes: one line for each pixel."""
        loudest = max((max(-low, high) for low, high in ranges), default=1) or 1
        middle, scale = top + SOUND_HEIGHT / 2, SOUND_HEIGHT / 2 / loudest
        for x, (low, high) in _columns(ranges, WIDTH - LEFT - RIGHT):
            self._pen.line((LEFT + x, middle - high * scale, LEFT + x, middle - low * scale), fill=colour)
        self._pen.text((8, top + 2), f"{loudest / FULL_SCALE:.0%}", fill=INK)

    def _angles(self, top: int) -> None:
        """Draw each bearing as a dot: the surer, the darker."""
        most = 180 if self._story.cone else 360
        place = _scale(top, ANGLE_HEIGHT, most)
        for mark in range(0, most + 1, most // 4):
            self._pen.line((LEFT, place(mark), WIDTH - RIGHT, place(mark)), fill=PALE)
            self._pen.text((30, place(mark) - 5), f"{mark}", fill=INK)
        for start, end, degrees, confidence in self._story.bearings:
            x, y, shade = self._x((start + end) / 2), place(degrees), int(220 * (1 - confidence))
            self._pen.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=(shade, shade, shade))


def _scale(top: int, height: int, most: int) -> Callable[[float], float]:
    return lambda value: top + height - value / most * height


def _columns(ranges: Sequence[tuple[int, int]], width: int) -> Iterable[tuple[int, tuple[int, int]]]:
    """Yield for each column that has some the least and the greatest of its ranges."""
    for x in range(width):
        part = ranges[x * len(ranges) // width : max((x + 1) * len(ranges) // width, x * len(ranges) // width + 1)]
        if part:
            yield x, (min(low for low, _ in part), max(high for _, high in part))
