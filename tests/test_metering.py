import os

import numpy as np
import pytest

from edgetx.audio.compass import Talker
from edgetx.audio.format import AudioFormat, Chunk, Gap, SampleFormat
from edgetx.audio.heard import Bearing, Heard
from edgetx.audio.level import Level
from edgetx.errors import TryAgain
from edgetx.metering import PlainDisplay, TerminalDisplay, meter
from edgetx.screen import HIDE_CURSOR, SHOW_CURSOR, Screen
from tests.test_screen import Terminal

QUIET = Level(-40.0, -30.0, 0)
CLIPPING = Level(-3.0, 0.0, 7)
FORM = AudioFormat(16000, 6, SampleFormat.S16_LE)


class Recording:
    """A source that delivers what it was given, and then ends or vanishes."""

    format = FORM

    def __init__(self, *pieces: Chunk | Gap, end: Exception | None = None) -> None:
        self._pieces = iter(pieces)
        self._end = end
        self.closed = False

    def open(self) -> None:
        pass

    def read(self) -> Chunk | Gap | None:
        piece = next(self._pieces, None)
        if piece is None and self._end:
            raise self._end
        return piece

    def close(self) -> None:
        self.closed = True


class Shown:
    """A terminal that takes what a display writes, and can be resized."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.size = os.terminal_size((columns, lines))
        self.terminal = Terminal()
        self.bytes: list[int] = []
        self.cursor = True

    def display(self, *listened: int, coloured: bool = True) -> TerminalDisplay:
        return TerminalDisplay(self.write, lambda: self.size, Screen(coloured=coloured), listened)

    def write(self, text: str) -> None:
        self.bytes.append(len(text.encode()))
        for word, on in ((HIDE_CURSOR, False), (SHOW_CURSOR, True)):
            if word in text:
                self.cursor, text = on, text.replace(word, "")
        self.terminal.write(text)

    def rows(self) -> list[str]:
        return ["".join(letter for letter, _ in row) for row in self.terminal.rows]


def noise(start: int, *, loud: float = 1000.0, frames: int = 1600) -> Chunk:
    samples = np.random.default_rng(start).normal(0, loud, (frames, FORM.channels))
    return Chunk(start, frames, samples.astype("<i2").tobytes())


def test_each_channel_has_a_row_that_is_rewritten_in_place():
    shown = Shown()
    meter(Recording(*(noise(n * 1600) for n in range(10))), shown.display(0), "usb:2886:0018")
    title, heading, *rows, last = shown.rows()
    assert title == "usb:2886:0018  16000:S16_LE:6  (dBFS; > is listened to; Ctrl-C ends it)"
    assert heading.startswith(" ch  -60")
    assert [row[:4] for row in rows] == ["> 0 ", "  1 ", "  2 ", "  3 ", "  4 ", "  5 "]
    assert last == ""
    assert all("-30       0" in row or "-31       0" in row for row in rows)
    assert len(shown.bytes) == 1 + 5 + 1, "a second: its beginning, five drawings, its end"
    assert shown.cursor


def test_six_channels_of_speech_take_few_bytes_for_a_slow_line():
    shown = Shown()
    meter(Recording(*(noise(n * 1600, loud=300 * (1 + n % 7)) for n in range(200))), shown.display(), "x")
    assert sum(shown.bytes[2:]) / 20 < 1500, "bytes a second"


def test_clipped_samples_are_counted_since_the_beginning():
    shown = Shown()
    display = shown.display()
    for _ in range(3):
        display.show([CLIPPING, QUIET])
    assert [row[-3:] for row in shown.rows()[1:3]] == [" 21", "  0"]


def test_a_terminal_that_changes_its_size_is_drawn_anew():
    shown = Shown()
    display = shown.display()
    display.show([QUIET] * 4)
    shown.size = os.terminal_size((40, 24))
    display.show([QUIET] * 4)
    assert [len(row) for row in shown.rows()] == [39] * 5 + [0]


def test_channels_that_do_not_fit_are_told_of():
    shown = Shown(lines=6)
    shown.display().show([QUIET] * 6)
    _, *rows, more, _ = shown.rows()
    assert ([row[:4] for row in rows], more) == (["  0 ", "  1 ", "  2 "], "3 more")
    shown = Shown(lines=2)
    shown.display().show([QUIET] * 2)
    assert shown.rows()[2:] == ["1 more", ""]


def test_without_a_terminal_there_is_a_plain_line_a_second_and_a_gap_is_no_sound():
    written: list[str] = []
    chunks = [noise(n * 1600) for n in range(10)]
    meter(Recording(*chunks[:5], Gap(8000, 90_000, "overrun"), *chunks[5:]), PlainDisplay(written.append), "x")
    assert written[0] == "x  16000:S16_LE:6  (channel:peak/rms in dBFS; !n: n samples clipped)\n"
    assert written[1].startswith("0:-1")
    assert written[1].endswith("\n")
    assert len(written[1]) <= 80
    assert len(written) == 2


def test_whatever_ends_it_the_device_is_closed_and_the_cursor_shown():
    for trouble in (TryAgain("gone"), KeyboardInterrupt()):
        shown, source = Shown(), Recording(noise(0), end=trouble)
        with pytest.raises(type(trouble)):
            meter(source, shown.display(), "x")
        assert (source.closed, shown.cursor) == (True, True)


class Ears:
    """A front end that hears somebody at 90 degrees in the third chunk."""

    def process(self, chunk: Chunk) -> Heard:
        bearings = (Bearing(chunk.start, chunk.end, 90.0, 0.8),) if chunk.start == 2 * chunk.frames else ()
        return Heard(chunk.start, bytes(2 * chunk.frames), bearings)


def ears(form: AudioFormat) -> tuple[Ears, Talker]:
    assert form == FORM
    return Ears(), Talker()


def test_what_is_no_array_has_no_compass():
    shown = Shown()
    meter(Recording(noise(0), noise(1600)), shown.display(), "x", lambda _: None)
    assert not any("talk" in row for row in shown.rows())


def test_an_array_has_a_compass_that_says_where_somebody_speaks_and_where_somebody_spoke():
    shown = Shown()
    source = Recording(*(noise(n * 1600) for n in range(2)))
    meter(source, shown.display(), "usb:2886:0018", ears)
    assert "nobody yet" in shown.rows()[-2]
    for chunks, colour in ((4, "32"), (12, "")):
        shown = Shown()
        meter(Recording(*(noise(n * 1600) for n in range(chunks))), shown.display(), "usb:2886:0018", ears)
        *_, compass, _ = shown.terminal.rows
        assert "90 deg  80%" in "".join(letter for letter, _ in compass)
        assert compass[0] == ("t", colour)


def test_a_plain_line_of_an_array_ends_with_its_talker():
    written: list[str] = []
    meter(Recording(*(noise(n * 1600) for n in range(10))), PlainDisplay(written.append), "x", ears)
    assert written[1].endswith(" talker:90/80%\n")
