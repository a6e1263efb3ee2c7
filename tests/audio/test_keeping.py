import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import RATE
from edgetx.audio.keeping import BLOCK_BYTES, HEADER_BYTES, Rules, Segment, gone, without

RULES = Rules(write_after=200, longest=100, max_bytes=3 * BLOCK_BYTES, max_age=1000)


def segments(*extents: tuple[int, int]) -> list[Segment]:
    return [Segment(*extent) for extent in extents]


def test_in_good_weather_nothing_is_written():
    assert RULES.due([(900, 1000)], [], oldest=700, end=1000) == []


def test_what_is_owed_for_long_is_written_in_whole_segments():
    assert RULES.due([(750, 1000)], [], oldest=700, end=1000) == [(750, 850)]
    assert RULES.due([(700, 1000)], [], oldest=700, end=1000) == [(700, 800)]
    assert RULES.due([(650, 1000)], [], oldest=600, end=1000) == [(650, 750), (750, 850)]


def test_what_has_left_memory_cannot_be_written():
    assert RULES.due([(0, 1000)], [], oldest=700, end=1000) == [(700, 800)]
    assert RULES.due([(0, 500)], [], oldest=700, end=1000) == []


def test_what_is_stored_is_not_written_again():
    assert RULES.due([(700, 1000)], segments((700, 800)), oldest=700, end=1010) == [(800, 900)]
    assert RULES.due([(700, 1000)], segments((650, 780)), oldest=700, end=1000) == [(780, 880)]


def test_settled_sound_between_two_that_are_owed_is_left_out():
    assert RULES.due([(700, 720), (740, 1000)], [], oldest=700, end=1000) == [(700, 720), (740, 840)]


def test_at_the_end_all_that_is_owed_is_written():
    assert RULES.all_due([(650, 1000)], segments((650, 750)), oldest=600, end=1000) == [
        (750, 850),
        (850, 950),
        (950, 1000),
    ]


def test_a_segment_is_removed_once_nothing_of_it_is_owed():
    stored = segments((0, 100), (100, 200), (300, 400))
    assert RULES.settled([(150, 160), (250, 290), (400, 500)], stored) == segments((0, 100), (300, 400))
    assert RULES.settled([], stored) == stored
    assert RULES.settled([(0, 400)], stored) == []


def test_what_is_too_old_is_given_up_whole_segment_by_segment():
    stored = segments((0, 100), (100, 201), (300, 400))
    assert RULES.too_old(stored, end=1200) == segments((0, 100))
    assert RULES.too_old(stored, end=1100) == []


def test_the_oldest_give_way_to_what_comes():
    stored = segments((0, 100), (100, 200), (200, 300))
    assert RULES.crowded_out(stored, coming_bytes=BLOCK_BYTES) == stored[:1]
    assert RULES.crowded_out(stored, coming_bytes=3 * BLOCK_BYTES) == stored
    assert RULES.crowded_out(stored[:2], coming_bytes=BLOCK_BYTES) == []


def test_what_is_more_than_the_settings_still_allow_gives_way():
    stored = segments((0, 100), (100, 200), (200, 300), (300, 400))
    assert RULES.crowded_out(stored) == stored[:1]
    assert RULES.crowded_out(stored[1:]) == []


def test_without_room_for_one_segment_nothing_is_written():
    rules = Rules(write_after=200, longest=100, max_bytes=BLOCK_BYTES - 1, max_age=1000)
    assert rules.due([(0, 1000)], [], oldest=0, end=1000) == []
    assert rules.all_due([(0, 1000)], [], oldest=0, end=1000) == []


def test_a_segment_is_counted_as_the_blocks_that_it_takes():
    assert Segment(0, 1).bytes == BLOCK_BYTES
    assert Segment(0, (BLOCK_BYTES - HEADER_BYTES) // 2).bytes == BLOCK_BYTES
    assert Segment(0, (BLOCK_BYTES - HEADER_BYTES) // 2 + 1).bytes == 2 * BLOCK_BYTES


def test_what_is_owed_and_nowhere_kept_is_gone():
    stored = segments((100, 200))
    assert gone([(50, 150), (190, 260), (700, 1000)], stored, oldest=250) == [(50, 100), (200, 250)]
    assert gone([(100, 200), (250, 300)], stored, oldest=250) == []


@pytest.mark.parametrize(
    ("memory_seconds", "write_after", "longest", "round_seconds"),
    [(120, 80, 10, 10), (30, 20, 5, 2.5), (10, 20 / 3, 10 / 6, 10 / 12)],
)
def test_the_rules_follow_from_what_memory_keeps(memory_seconds, write_after, longest, round_seconds):
    rules = Rules.of(memory_seconds=memory_seconds, max_bytes=1, max_age_seconds=60)
    assert rules.write_after == round(write_after * RATE)
    assert rules.longest == round(longest * RATE)
    assert rules.round_seconds == pytest.approx(round_seconds, abs=0.001)
    assert rules.max_age == 60 * RATE


def ranges(*, highest: int = 120):
    edges = st.lists(st.integers(0, highest), unique=True, max_size=20).map(sorted)
    return edges.map(lambda found: list(zip(found[::2], found[1::2], strict=False)))


def frames(extents) -> set[int]:
    return {frame for start, end in extents for frame in range(start, end)}


@given(ranges(), ranges())
def test_without_is_the_difference_of_two_sets(some, taken):
    left = list(without(some, taken))
    assert frames(left) == frames(some) - frames(taken)
    assert left == sorted(left)
    assert all(start < end for start, end in left)


@given(ranges(), ranges(), st.integers(0, 120), st.integers(1, 60), st.integers(1, 60))
def test_every_owed_frame_is_written_while_memory_has_it_or_is_gone(owed, stored, oldest, write_after, longest):
    rules = Rules(write_after=write_after, longest=longest, max_bytes=BLOCK_BYTES, max_age=0)
    kept = [Segment(*extent) for extent in stored]
    end = max(120, oldest)
    pieces = rules.due(owed, kept, oldest=oldest, end=end)
    missing = frames(owed) - frames(stored)
    assert {frame for frame in missing if oldest <= frame < end - write_after} <= frames(pieces) <= missing
    assert sum(last - first for first, last in pieces) == len(frames(pieces))
    assert all(last - first <= longest for first, last in pieces)
    assert frames(rules.all_due(owed, kept, oldest=oldest, end=end)) == {frame for frame in missing if frame >= oldest}
    assert frames(gone(owed, kept, oldest=oldest)) == {frame for frame in missing if frame < oldest}


@given(ranges(), ranges())
def test_a_segment_is_settled_when_no_frame_of_it_is_owed(owed, stored):
    kept = [Segment(*extent) for extent in stored]
    assert RULES.settled(owed, kept) == [segment for segment in kept if not frames([segment]) & frames(owed)]
