import random
import struct

from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import RATE
from edgetx.audio.silence import Silence

TENTH = RATE // 10


def constant(value: int, frames: int = TENTH) -> bytes:
    return struct.pack("<h", value) * frames


def noise(frames: int = TENTH, *, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(2 * frames)


def heard(silence: Silence, *chunks: bytes) -> list[bool]:
    """What it says of each of ``chunks``, each looked at, none with a past."""
    return [silence.hear(chunk, lambda chunk=chunk: chunk) for chunk in chunks]


def test_zeros_are_silence_when_they_have_lasted():
    silence = Silence(0.3)
    assert heard(silence, *[constant(0)] * 4) == [False, False, True, True]
    assert silence.sample == b"\0\0"


def test_any_value_is_silence_if_it_stays():
    assert heard(Silence(0.2), constant(-777), constant(-777)) == [False, True]


def test_another_value_begins_a_run_of_its_own():
    silence = Silence(0.2)
    assert heard(silence, constant(0), constant(5), constant(5)) == [False, False, True]
    assert struct.unpack("<h", silence.sample) == (5,)


def test_one_sample_that_differs_is_sound():
    silence = Silence(0.1)
    assert heard(silence, constant(0)) == [True]
    assert heard(silence, constant(0, TENTH - 1) + constant(1, 1)) == [False]
    assert not silence.watching


def test_a_chunk_that_a_resampler_keeps_back_changes_nothing():
    silence = Silence(0.2)
    assert heard(silence, b"", constant(0), b"", constant(0), b"") == [False, False, False, True, True]
    assert silence.watching


def test_only_while_the_last_was_constant_must_the_next_be_looked_at():
    silence = Silence(0.3)
    watching = []
    for chunk in (noise(), constant(0), constant(0), noise()):
        heard(silence, chunk)
        watching.append(silence.watching)
    assert watching == [False, True, True, False]


def test_what_began_between_two_looks_counts_from_its_beginning():
    silence = Silence(1.0)
    before = noise(TENTH * 2) + constant(0, TENTH * 8)
    assert not silence.hear(constant(0), lambda: before)
    assert heard(silence, constant(0), constant(0)) == [False, True]


def test_where_the_past_is_a_hole_the_chunk_counts():
    silence = Silence(0.1)
    assert silence.hear(constant(0), lambda: b"")


def test_no_time_at_all_is_one_sample():
    assert heard(Silence(0.0), noise(), constant(3, 1)) == [False, True]


@given(st.integers(-32768, 32767), st.integers(1, 200), st.integers(1, 200))
def test_a_run_is_found_to_the_frame(value, before, run):
    other = value ^ 1
    past = constant(other, before) + constant(value, run)
    silence = Silence(run / RATE)
    assert silence.hear(constant(value, 1), lambda: past)
    silence = Silence((run + 1) / RATE)
    assert not silence.hear(constant(value, 1), lambda: past)
