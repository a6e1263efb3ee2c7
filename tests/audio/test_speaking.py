"""When speech begins and ends: what a few seconds of probabilities come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.background import Room
from edgetx.audio.listener import Impression
from edgetx.audio.speaking import HANG_OVER, LAG, PRE_ROLL, Edge, Speaking
from edgetx.audio.speech_net import BLOCK, WINDOW, WINDOWS

QUIET = Room(level_db=-60.0, floor_db=-60.0, spread_db=0.3, stirs=False, known=True)
LOUD = QUIET._replace(level_db=-40.0, stirs=True)
NOTHING = Impression((0.0,) * WINDOWS, QUIET)
VOICE = Impression((0.9,) * WINDOWS, LOUD)


def hear(speaking, *impressions, start=0):
    edges = []
    for number, impression in enumerate(impressions):
        edges += speaking.hear(start + number * BLOCK, impression)
    return edges


def test_speech_begins_with_its_pre_roll_and_ends_with_its_hang_over() -> None:
    edges = hear(Speaking(0), *[NOTHING] * 10, *[VOICE] * 5, *[NOTHING] * 10)
    assert edges == [Edge(10 * BLOCK - PRE_ROLL, True), Edge(15 * BLOCK + HANG_OVER, False)]


def test_a_pause_shorter_than_the_hang_over_ends_nothing() -> None:
    assert hear(Speaking(0), *[NOTHING] * 10, VOICE, *[NOTHING] * 5, VOICE) == [Edge(10 * BLOCK - PRE_ROLL, True)]


def test_a_slammed_door_is_not_speech() -> None:
    slam = Impression((0.9, 0.9, 0.1, 0.0), LOUD)
    assert hear(Speaking(0), *[NOTHING] * 10, slam, *[NOTHING] * 3, slam) == []


def test_three_windows_that_are_rather_likely_are_speech() -> None:
    edges = hear(Speaking(0), *[NOTHING] * 10, Impression((0.4, 0.3, 0.0, 0.4), LOUD))
    assert edges == [Edge(10 * BLOCK - PRE_ROLL, True)]


def test_a_weak_beginning_that_stirred_is_part_of_speech_and_so_is_a_dip_in_it() -> None:
    stir = Impression((0.0,) * WINDOWS, LOUD)
    edges = hear(Speaking(0), *[NOTHING] * 10, stir, NOTHING, stir, VOICE)
    assert edges == [Edge(10 * BLOCK - PRE_ROLL, True)]


def test_what_stirred_long_ago_is_not() -> None:
    stir = Impression((0.0,) * WINDOWS, LOUD)
    assert hear(Speaking(0), *[stir] * 20, VOICE) == [Edge(14 * BLOCK - PRE_ROLL, True)]
    assert hear(Speaking(0), stir, *[NOTHING] * 10, VOICE) == [Edge(11 * BLOCK - PRE_ROLL, True)]


def test_speech_without_a_stir_begins_with_its_first_likely_window() -> None:
    likely = Impression((0.0, 0.9, 0.9, 0.9), QUIET._replace(known=False))
    assert hear(Speaking(0), *[NOTHING] * 10, likely) == [Edge(10 * BLOCK - PRE_ROLL, True)]
    late = Impression((0.0, 0.0, 0.9, 0.9), QUIET._replace(known=False))
    assert hear(Speaking(0), *[NOTHING] * 10, late, VOICE) == [Edge(10 * BLOCK + 2 * WINDOW - PRE_ROLL, True)]


def test_speech_never_begins_before_what_was_heard_first_nor_before_the_last_ended() -> None:
    assert hear(Speaking(7 * BLOCK), VOICE, start=7 * BLOCK) == [Edge(7 * BLOCK, True)]
    edges = hear(Speaking(0), *[NOTHING] * 10, VOICE, *[NOTHING] * 7, VOICE)
    assert edges[1] == Edge(11 * BLOCK + HANG_OVER, False)
    assert edges[2] == Edge(edges[1].frame, True)


def test_voices_no_louder_than_a_busy_room_varies_are_background() -> None:
    busy = Room(level_db=-55.0, floor_db=-60.0, spread_db=2.0, stirs=True, known=True)
    murmur = Impression((0.9,) * WINDOWS, busy)
    assert hear(Speaking(0), *[murmur] * 20) == []
    assert hear(Speaking(0), *[murmur] * 20, VOICE) != []
    assert hear(Speaking(0), Impression(murmur.likely, busy._replace(known=False))) != []


def test_the_network_may_be_certain_just_after_the_voice_was_loudest() -> None:
    stir, after = Impression((0.0,) * WINDOWS, LOUD), Impression((0.9,) * WINDOWS, QUIET)
    assert hear(Speaking(0), *[NOTHING] * 10, stir, after) == [Edge(10 * BLOCK - PRE_ROLL, True)]
    assert hear(Speaking(0), *[NOTHING] * 10, stir, NOTHING, after) == []


def test_speech_does_not_go_on_with_what_has_sunk_into_the_background() -> None:
    murmur = Impression((0.9,) * WINDOWS, QUIET)
    edges = hear(Speaking(0), *[NOTHING] * 10, VOICE, *[murmur] * 20)
    assert edges[1] == Edge(11 * BLOCK + HANG_OVER, False)


def test_without_certainty_it_goes_on_for_two_seconds_only() -> None:
    doubtful = Impression((0.31, 0.0, 0.0, 0.31), LOUD)
    edges = hear(Speaking(0), *[NOTHING] * 10, VOICE, *[doubtful] * 40)
    assert [edge.speaking for edge in edges] == [True, False]
    assert 2 * 16000 < edges[1].frame - 11 * BLOCK - HANG_OVER + 2 * BLOCK < 2 * 16000 + 3 * BLOCK


def test_the_end_of_sound_ends_speech() -> None:
    speaking = Speaking(0)
    hear(speaking, *[NOTHING] * 10, VOICE)
    assert speaking.end(11 * BLOCK + 5) == [Edge(11 * BLOCK + 5, False)]
    assert not speaking.speaking
    assert speaking.decided == 11 * BLOCK + 5
    hear(speaking, *[NOTHING] * 10, VOICE, *[NOTHING] * 3, start=12 * BLOCK)
    assert speaking.end(40 * BLOCK) == [Edge(23 * BLOCK + HANG_OVER, False)]
    assert speaking.end(41 * BLOCK) == []


@pytest.mark.parametrize("likely", [(0.0, 0.0, 0.0, 0.3), (0.9, 0.0, 0.0, 0.0)])
def test_where_sound_ends_one_likely_window_is_speech(likely: tuple[float, ...]) -> None:
    speaking = Speaking(0)
    assert hear(speaking, *[NOTHING] * 10, Impression(likely, LOUD)) == []
    end = 11 * BLOCK - 100
    assert speaking.end(end) == [Edge(10 * BLOCK - PRE_ROLL, True), Edge(end, False)]
    assert not speaking.speaking
    assert speaking.decided == end


@pytest.mark.parametrize("last", [Impression((0.2,) * WINDOWS, LOUD), Impression((0.9,) * WINDOWS, QUIET)])
def test_where_sound_ends_what_is_not_likely_or_is_background_is_no_speech(last: Impression) -> None:
    speaking = Speaking(0)
    hear(speaking, *[NOTHING] * 10, last)
    assert speaking.end(11 * BLOCK) == []


def test_of_what_was_certain_only_beyond_the_end_no_more_is_decided_than_there_is() -> None:
    speaking = Speaking(0)
    (edge,) = hear(speaking, *[NOTHING] * 10, VOICE)
    assert edge.speaking
    assert speaking.end(10 * BLOCK + 5) == [Edge(10 * BLOCK + 5, False)]
    assert speaking.decided == 10 * BLOCK + 5


def test_what_is_decided_follows_what_is_heard() -> None:
    speaking = Speaking(0)
    hear(speaking, *[NOTHING] * 20)
    assert speaking.decided == 19 * BLOCK - PRE_ROLL
    hear(speaking, VOICE, start=20 * BLOCK)
    assert speaking.speaking
    assert speaking.decided == 21 * BLOCK


impressions = st.lists(
    st.tuples(
        st.lists(st.sampled_from([0.0, 0.2, 0.28, 0.35, 0.6, 1.0]), min_size=WINDOWS, max_size=WINDOWS).map(tuple),
        st.builds(
            Room,
            level_db=st.floats(-90, 0),
            floor_db=st.floats(-90, -20),
            spread_db=st.floats(0, 9),
            stirs=st.booleans(),
            known=st.booleans(),
        ),
    ).map(lambda parts: Impression(*parts)),
    max_size=60,
)


@given(impressions, st.integers(0, 10**12))
def test_edges_alternate_and_nothing_decided_is_decided_again(heard: list[Impression], start: int) -> None:
    speaking, edges = Speaking(start), []
    for number, impression in enumerate(heard):
        at, decided = start + number * BLOCK, speaking.decided
        found = speaking.hear(at, impression)
        assert all(edge.frame >= decided for edge in found)
        assert decided <= speaking.decided <= at + BLOCK
        assert speaking.decided >= at + BLOCK - LAG
        edges += found
    edges += speaking.end(start + len(heard) * BLOCK)
    assert [edge.speaking for edge in edges] == [n % 2 == 0 for n in range(len(edges))]
    assert [edge.frame for edge in edges] == sorted(edge.frame for edge in edges)
    assert all(start <= edge.frame <= start + len(heard) * BLOCK for edge in edges)


@pytest.mark.parametrize("blocks", [0, 1])
def test_nothing_heard_is_nothing_said(blocks: int) -> None:
    assert hear(Speaking(3), *[NOTHING] * blocks) == []
