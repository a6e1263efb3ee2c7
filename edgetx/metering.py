"""Shows a source's levels, channel by channel, as long as it delivers: in place on a terminal, else line by line.

A terminal may hang on a slow line, so little is written and not often. What comes while a write waits is measured
afterwards, as far as the device keeps it; a hole in it is not worth a word here.
"""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from edgetx.audio import compass, gauge
from edgetx.audio.channel_levels import ChannelLevels
from edgetx.audio.compass import Talker
from edgetx.audio.format import FRAME_BYTES, RATE, AudioFormat, Chunk
from edgetx.audio.heard import FrontEnd
from edgetx.audio.level import Level
from edgetx.audio.source import Source
from edgetx.screen import HIDE_CURSOR, SHOW_CURSOR, Screen

REDRAW_SECONDS = 0.2
LINE_SECONDS = 1.0
SPEAKING_FRAMES = RATE // 2
"""So long after their last bearing somebody still speaks."""

MakeEars = Callable[[AudioFormat], tuple[FrontEnd, Talker] | None]
"""Returns the front end of an array, and its talker before anybody has spoken; None: it is none."""
_ROWS_BESIDES = 3
"""The heading, the row that says how many channels are missing, and the cursor's."""


class Display(Protocol):
    """Where levels are shown, every ``seconds`` of sound."""

    @property
    def seconds(self) -> float:
        """How often."""

    def begin(self, title: str) -> None:
        """Say what is shown."""

    def show(self, levels: Sequence[Level], talker: Talker | None = None) -> None:
        """Show the level of each channel since the last time; of an array, where its talker is."""

    def end(self) -> None:
        """Leave the terminal as it was; any number of times."""


@dataclass(slots=True)
class TerminalDisplay:
    """Rewrites a few rows. ``size`` tells columns and rows, whenever asked; ``listened``: marked channels."""

    write: Callable[[str], None]
    size: Callable[[], os.terminal_size]
    screen: Screen
    listened: Collection[int]
    seconds: float = REDRAW_SECONDS
    _clipped: list[int] = field(default_factory=list)
    _size: os.terminal_size | None = None

    def begin(self, title: str) -> None:
        """See `Display`."""
        mark = "> is listened to; " if self.listened else ""
        self.write(f"{title}  (dBFS; {mark}Ctrl-C ends it)\n{HIDE_CURSOR}")

    def show(self, levels: Sequence[Level], talker: Talker | None = None) -> None:
        """See `Display`."""
        before = self._clipped or [0] * len(levels)
        self._clipped = [count + level.clipped for count, level in zip(before, levels, strict=True)]
        text, size = "", self.size()
        if size != self._size:  # The terminal has broken or joined rows as it likes.
            text, self._size = self.screen.clear(), size
        self.write(text + self.screen.draw(self._rows(levels, talker, size)))

    def end(self) -> None:
        """See `Display`."""
        self.write(SHOW_CURSOR)

    def _rows(self, levels: Sequence[Level], talker: Talker | None, size: os.terminal_size) -> list[gauge.Cells]:
        room = max(size.lines - _ROWS_BESIDES - bool(talker), 1)
        rows = [gauge.heading(size.columns)]
        rows += [
            gauge.row(
                channel,
                level,
                clipped=self._clipped[channel],
                listened=channel in self.listened,
                width=size.columns,
            )
            for channel, level in enumerate(levels[:room])
        ]
        rows += [gauge.note(f"{len(levels) - room} more", size.columns)] if len(levels) > room else []
        return rows + ([compass.row(talker, size.columns)] if talker else [])


@dataclass(slots=True)
class PlainDisplay:
    """Writes a line a second."""

    write: Callable[[str], None]
    seconds: float = LINE_SECONDS

    def begin(self, title: str) -> None:
        """See `Display`."""
        self.write(f"{title}  (channel:peak/rms in dBFS; !n: n samples clipped)\n")

    def show(self, levels: Sequence[Level], talker: Talker | None = None) -> None:
        """See `Display`."""
        self.write(gauge.line(levels) + (" " + compass.line(talker) if talker else "") + "\n")

    def end(self) -> None:
        """See `Display`."""


def meter(source: Source, display: Display, title: str, make_ears: MakeEars | None = None) -> None:
    """Open ``source`` and show what it delivers, until it ends or raises. Raise like it, and like the display.

    ``make_ears``: the front end of an array says where its talker is.
    """
    source.open()
    try:
        display.begin(f"{title}  {source.format}")
        levels = ChannelLevels(source.format)
        made = make_ears(source.format) if make_ears else None
        ears = _Ears(*made) if made else None
        step = round(display.seconds * source.format.rate)
        unseen = 0
        while piece := source.read():
            if isinstance(piece, Chunk):
                levels.feed(piece.data)
                unseen += piece.frames
                if ears:
                    ears.hear(piece)
            if unseen >= step:
                display.show(levels.read(), ears.talker if ears else None)
                unseen = 0
    finally:
        source.close()
        display.end()


class _Ears:
    """Remembers who spoke last."""

    def __init__(self, front_end: FrontEnd, talker: Talker) -> None:
        self._front_end, self.talker = front_end, talker
        self._until = 0

    def hear(self, chunk: Chunk) -> None:
        heard = self._front_end.process(chunk)
        for _, self._until, azimuth_deg, confidence in heard.bearings:
            self.talker = replace(self.talker, azimuth_deg=azimuth_deg, confidence=confidence)
        end = heard.start + len(heard.pcm) // FRAME_BYTES
        self.talker = replace(self.talker, speaking=bool(self._until) and end - self._until < SPEAKING_FRAMES)
