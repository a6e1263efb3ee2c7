from dataclasses import replace

from edgetx.board import Board, Control
from edgetx.doctor.array import known, mixer
from edgetx.doctor.report import Finding, Verdict

BOARD = Board("two", "Two of a kind", (0, 1), ((0.0, 0.0), (0.0, 0.1)), notes=("It hums.",))
GAINS = (Control("CH1 volume", "222", "47 dB"), Control("CH2 volume", "222"))
WEAK = Finding("desk", "weak", Verdict.WARNING, "Channel 1 is 20 dB below the others.")


def test_a_known_array_is_told_with_its_notes():
    assert known("desk", BOARD, 2) == Finding("desk", "array", Verdict.OK, "The array is Two of a kind (two). It hums.")
    own = replace(BOARD, name="", title="an array of its own", notes=())
    assert known("desk", own, 2).text == "The array is an array of its own."


def test_an_array_whose_channels_are_not_there_fails_and_its_notes_say_what_may_help():
    found = known("desk", BOARD, 1)
    assert found.verdict is Verdict.FAILED
    assert found.text.startswith("The array is Two of a kind (two). two has at least 2 channels, but the source")
    assert found.text.endswith("It hums.")


def test_the_mixer_is_told_of_where_gain_is_amiss():
    board = replace(BOARD, mixer=GAINS)
    told = mixer("desk", board, "seeed2", [WEAK])
    assert told is not None
    assert (told.name, told.verdict) == ("mixer", Verdict.WARNING)
    assert told.text == "The board's mixer is best set so: CH1 volume 222 (47 dB); CH2 volume 222."
    assert "amixer -c seeed2 cset name='CH1 volume' 222, and so on." in told.remedy


def test_else_it_is_not():
    board = replace(BOARD, mixer=GAINS)
    fine = replace(WEAK, name="sound", verdict=Verdict.OK)
    dead = replace(WEAK, name="dead")
    assert mixer("desk", board, "seeed2", [fine, dead]) is None
    assert mixer("desk", BOARD, "seeed2", [WEAK]) is None
