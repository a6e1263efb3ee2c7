"""What of kept sound is sent again: every chunk that is not known to be silent, and a pause where a silence was."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import RATE
from edgetx.audio.log import Stretch
from edgetx.speech.silence import LEAD_FRAMES, PAUSE_FRAMES, SPREAD, TAIL_FRAMES, Skipper, is_silent, quietest

CHUNK = 1600
SOUND, SILENCE = array("h", [0, 1000] * (CHUNK // 2)).tobytes(), bytes(2 * CHUNK)


def told(marks: str, *, start: int = 0) -> tuple[str, list[int]]:
    """Feed a chunk for each mark (# sound, . silence); return the marks with what was left out, and all in order."""
    skipper = Skipper()
    sent, gone = [], []
    for index, mark in enumerate(marks):
        now, never = skipper.take(Stretch(start + index * CHUNK, SOUND if mark == "#" else SILENCE))
        sent += now
        gone += never
    sent += skipper.flush()
    lost = {stretch.start for stretch in gone}
    assert [stretch.start for stretch in sent] == sorted({start + index * CHUNK for index in range(len(marks))} - lost)
    assert {stretch.pcm for stretch in gone} <= {SILENCE}
    return "".join("-" if start + n * CHUNK in lost else mark for n, mark in enumerate(marks)), sorted(lost)


def test_a_pause_is_sent_whole():
    marks = "##" + "." * 15 + "#" + "." * 3 + "##"
    assert told(marks) == (marks, [])


def test_of_a_long_silence_the_beginning_and_the_end_are_sent():
    assert TAIL_FRAMES + LEAD_FRAMES == PAUSE_FRAMES == 15 * CHUNK
    assert told("#" + "." * 40 + "#.#")[0] == "#" + "." * 11 + "-" * 25 + "." * 4 + "#.#"


def test_silence_without_end_is_sent_like_any_other():
    assert told("." * 40)[0] == "." * 11 + "-" * 25 + "." * 4


@given(st.text("#.", max_size=120).map(lambda marks: marks.replace("..", "." * 12)))
def test_for_any_sound_nothing_but_silence_amid_silence_is_left_out(marks):
    said, _ = told(marks, start=777)
    for spell in said.split("#"):
        assert len(spell) <= 15 or spell == "." * 11 + "-" * (len(spell) - 15) + "." * 4


def test_what_is_passed_on_goes_behind_what_was_held_and_a_silence_begins_anew():
    skipper = Skipper()
    for index in range(14):
        skipper.take(Stretch(index * CHUNK, SILENCE))
    passed = skipper.pass_on(Stretch(14 * CHUNK, SILENCE))
    assert [stretch.start // CHUNK for stretch in passed] == [11, 12, 13, 14]
    assert (skipper.quiet, skipper.flush()) == (0, [])


def test_a_jump_is_counted_from_what_was_taken_last():
    skipper = Skipper()
    assert skipper.jump(500) == 0
    skipper.take(Stretch(500, SILENCE))
    assert (skipper.jump(500 + CHUNK), skipper.jump(600 + CHUNK)) == (0, 100)


@pytest.mark.parametrize(
    ("samples", "silent"),
    [
        ([0, 0, 0], True),
        ([900, 900 + SPREAD], True),
        ([0, SPREAD + 1], False),
        ([-9, 8], False),
        ([-32768, 32767], False),
    ],
)
def test_silent_is_what_does_not_move_whatever_its_offset(samples, silent):
    assert is_silent(array("h", samples).tobytes()) is silent


def hops(*loudness: int) -> bytes:
    """20 ms each, of this amplitude, on a steady offset."""
    return b"".join(array("h", [300 + amp, 300 - amp] * (RATE // 100)).tobytes() for amp in loudness)


def test_the_quietest_moment_is_the_last_of_the_quietest():
    assert quietest(hops(*[9] * 4, *[1] * 8, *[9] * 10)) == 8 * 320
    assert quietest(hops(*[0] * 20)) == 16 * 320
    assert quietest(hops(*[9] * 10, 0, 0, *[9] * 10)) == pytest.approx(11 * 320, abs=4 * 320)


def test_what_is_too_short_to_choose_is_cut_at_its_end():
    assert quietest(hops(1, 2, 3)) == 3 * 320
    assert quietest(b"") == 0
