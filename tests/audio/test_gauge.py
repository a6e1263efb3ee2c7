import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.gauge import GREEN, PLAIN, RED, YELLOW, Cells, heading, line, note, row
from edgetx.audio.level import FLOOR_DBFS, Level

SPEECH = Level(-30.0, -6.0, 0)
SILENCE = Level(FLOOR_DBFS, FLOOR_DBFS, 0)
CLIPPING = Level(-1.0, 0.0, 12)


def text(cells: Cells) -> str:
    return "".join(letter for letter, _ in cells)


def shown(level: Level, width: int = 80, *, channel: int = 0, clipped: int = 0, listened: bool = False) -> str:
    return text(row(channel, level, clipped=clipped, listened=listened, width=width))


def test_a_row_has_a_bar_for_rms_and_peak_and_the_figures():
    assert shown(SPEECH, 45) == "  0 [##########--------  ]   -6  -30       0"
    assert shown(SILENCE, 45, channel=11) == " 11 [                    ] -120 -120       0"
    assert shown(CLIPPING, 45, clipped=123_456) == "  0 [####################]    0   -1   99999"


def test_a_row_at_80_columns_leaves_the_last_one_free_and_stands_under_its_heading():
    assert len(shown(SPEECH)) == len(text(heading(80))) == 79
    assert text(heading(45)) == " ch  -60                0  peak  rms clipped"
    assert len(shown(SPEECH, 300)) == 79


def test_a_channel_that_is_listened_to_is_marked():
    assert shown(SPEECH, 45, listened=True).startswith("> 0 [")


def test_where_there_is_no_room_for_a_bar_the_figures_remain():
    assert shown(SPEECH, 30) == "  0    -6  -30       0"
    assert text(heading(30)) == " ch  peak  rms clipped"
    assert shown(SPEECH, 12) == "  0    -6  "


def test_the_colour_says_how_near_full_scale_is_and_that_something_was_clipped():
    cells = row(0, CLIPPING, clipped=3, listened=False, width=80)
    bar = [colour for letter, colour in cells if letter == "#"]
    assert bar == sorted(bar, key=[GREEN, YELLOW, RED].index)
    assert [bar.count(each) for each in (GREEN, YELLOW, RED)] == [43, 9, 2]
    assert cells[-1] == ("3", RED)
    assert row(0, SPEECH, clipped=0, listened=False, width=80)[-1] == ("0", PLAIN)


@given(st.floats(FLOOR_DBFS, 0), st.floats(0, 100), st.integers(0, 63), st.integers(0, 10**9), st.integers(0, 200))
def test_a_row_never_reaches_the_last_column(peak, crest, channel, clipped, width):
    level = Level(max(peak - crest, FLOOR_DBFS), peak, 0)
    cells = row(channel, level, clipped=clipped, listened=True, width=width)
    assert len(cells) <= max(width - 1, 0)
    assert len(cells) == len(heading(width))
    assert all(len(letter) == 1 and letter.isascii() and letter.isprintable() for letter, _ in cells)


def test_words_are_cut_to_the_width():
    assert text(note("3 more", 80)) == "3 more"
    assert text(note("3 more", 5)) == "3 mo"


@pytest.mark.parametrize(
    ("levels", "written"),
    [([SPEECH, SILENCE], "0:-6/-30 1:-120/-120"), ([CLIPPING], "0:0/-1!12"), ([Level(-0.4, -0.0, 0)], "0:0/0")],
)
def test_a_plain_line_has_every_channel(levels, written):
    assert line(levels) == written
