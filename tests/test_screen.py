"""A terminal that knows only what `edgetx.screen` says it uses, and shows what that leads to."""

import re

from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.gauge import GREEN, PLAIN, RED, Cells
from edgetx.screen import Screen

SEQUENCE = re.compile(r"\x1b\[(\d*)([AGKJm])|(\n)|(\r)|([ -~])")


class Terminal:
    """Rows of (character, colour); a new line also returns, as terminals do for programs."""

    def __init__(self) -> None:
        self.rows: list[Cells] = [[]]
        self.at, self.column, self.colour = 0, 0, PLAIN

    def write(self, text: str) -> None:
        end = 0
        for match in SEQUENCE.finditer(text):
            assert match.start() == end, "it knows nothing else"
            end = match.end()
            number, command, newline, home, letter = match.groups()
            if command:
                self._command(command, number)
            elif newline:
                self.at, self.column = self.at + 1, 0
                self.rows += [[]] * (self.at + 1 - len(self.rows))
            elif home:
                self.column = 0
            else:
                row = list(self.rows[self.at]) + [(" ", PLAIN)] * (self.column - len(self.rows[self.at]))
                row[self.column : self.column + 1] = [(letter, self.colour)]
                self.rows[self.at] = row
                self.column += 1
        assert end == len(text)

    def _command(self, command: str, number: str) -> None:
        if command == "A":
            self.at -= int(number)
            assert self.at >= 0
        elif command == "G":
            self.column = int(number) - 1
        elif command == "K":
            self.rows[self.at] = self.rows[self.at][: self.column]
        elif command == "J":
            assert self.column == 0
            self.rows[self.at :] = [[]]
        else:
            self.colour = number


def plain(*rows: str) -> list[Cells]:
    return [[(letter, PLAIN) for letter in row] for row in rows]


cells = st.lists(st.tuples(st.sampled_from("#- 1"), st.sampled_from([PLAIN, RED, GREEN])), max_size=20)


@given(st.lists(st.lists(cells, max_size=4), max_size=5))
def test_a_terminal_shows_what_was_drawn_last_and_nothing_else(drawings):
    screen, terminal = Screen(coloured=True), Terminal()
    terminal.write("title\n")
    for rows in drawings:
        terminal.write(screen.draw(rows))
        assert terminal.rows == [*plain("title"), *rows, []]
        assert (terminal.at, terminal.column, terminal.colour) == (len(rows) + 1, 0, PLAIN)


def test_only_what_has_changed_is_written():
    screen = Screen(coloured=False)
    screen.draw(plain("0 [###   ] -30", "1 [##    ] -31", "2 [#     ] -32"))
    assert screen.draw(plain("0 [###   ] -30", "1 [##--  ] -31", "2 [#     ] -35")) == (
        "\x1b[2A\x1b[6G--\n\x1b[14G5\r\n"
    )
    assert screen.draw(plain("0 [###   ] -30", "1 [##--  ] -31", "2 [#     ] -35")) == ""


def test_places_that_are_near_are_written_in_one_go():
    screen = Screen(coloured=False)
    screen.draw(plain("0123456789abcdef"))
    assert screen.draw(plain("x123x56789abcdex")) == "\x1b[1A\x1b[1Gx123x\x1b[16Gx\r\n"


def test_a_shorter_row_leaves_nothing_behind():
    screen = Screen(coloured=False)
    screen.draw(plain("0123456789"))
    assert screen.draw(plain("0123")) == "\x1b[1A\x1b[5G\x1b[K\r\n"


def test_without_colours_none_is_written():
    screen = Screen(coloured=False)
    assert screen.draw([[("#", RED)]]) == "#\n"
    assert screen.draw([[("#", GREEN)]]) == ""


def test_a_cleared_screen_is_drawn_anew_where_it_was():
    screen = Screen(coloured=True)
    assert screen.clear() == ""
    screen.draw([[("#", RED)]])
    assert screen.clear() == "\x1b[1A\x1b[J"
    assert screen.draw([[("#", RED)]]) == "\x1b[31m#\x1b[m\n"
