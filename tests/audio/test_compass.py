import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.compass import Talker, line, row
from edgetx.audio.gauge import GREEN, PLAIN, heading


def text(cells):
    return "".join(letter for letter, _ in cells)


@pytest.mark.parametrize(
    ("talker", "wanted"),
    [
        (Talker(), "talk [.....|....|....|....]    nobody yet"),
        (Talker(0, 0.8), "talk [o....|....|....|....]    0 deg  80%"),
        (Talker(90, 0.8), "talk [.....o....|....|....]   90 deg  80%"),
        (Talker(359.9, 1.0), "talk [.....|....|....|...o]    0 deg 100%"),
        (Talker(90, 0.8, cone=True), "talk [.....|....o....|....]   90 deg  80%"),
        (Talker(180, 0.8, cone=True), "talk [.....|....|....|...o]  180 deg  80%"),
    ],
)
def test_the_row_marks_the_direction_once_around_or_along_the_axis(talker, wanted):
    assert text(row(talker, 45)) == wanted


def test_it_is_green_while_somebody_speaks():
    assert {colour for letter, colour in row(Talker(90, 0.8, speaking=True), 80) if letter in "talko"} == {GREEN}
    assert {colour for _, colour in row(Talker(90, 0.8), 80)} == {PLAIN}


def test_a_plain_line_has_the_figures():
    assert line(Talker()) == "talker:-"
    assert line(Talker(36.4, 0.87)) == "talker:36/87%"
    assert line(Talker(36.4, 0.87, speaking=True)) == "talker:36/87%*"


@given(st.floats(0, 360), st.floats(0, 1), st.booleans(), st.integers(0, 200))
def test_a_row_never_reaches_the_last_column_and_has_its_bar_under_the_others(azimuth, confidence, speaking, width):
    cells = row(Talker(azimuth, confidence, speaking), width)
    assert len(cells) <= max(width - 1, 0)
    assert len(cells) <= len(heading(width))
    assert all(len(letter) == 1 and letter.isascii() and letter.isprintable() for letter, _ in cells)
