import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog, Stretch


def numbers(start: int, count: int) -> bytes:
    """Sound whose every frame tells its own number."""
    return (np.arange(start, start + count) % 32768).astype("<i2").tobytes()


def filled(*stretches: tuple[int, int], keep_seconds: float = 1.0) -> AudioLog:
    log = AudioLog(keep_seconds=keep_seconds)
    for start, count in stretches:
        log.append(start, numbers(start, count))
    return log


def is_numbered(stretch: Stretch) -> bool:
    return stretch.pcm == numbers(stretch.start, stretch.frames)


def test_what_was_appended_is_read_from_its_number():
    log = filled((0, 1600), (1600, 1600))
    found = log.read(1000, 1000)
    assert (found.start, found.end) == (1000, 2000)
    assert is_numbered(found)


def test_less_is_returned_when_there_is_less():
    assert log_extent(filled((0, 100)).read(90, 1000)) == (90, 100)


def test_nothing_yet_tells_from_where_to_wait():
    assert log_extent(filled((0, 100)).read(100, 1000)) == (100, 100)
    assert log_extent(AudioLog(keep_seconds=1).read(0, 10)) == (0, 0)
    assert log_extent(filled((0, 100)).read(500, 10)) == (500, 500)


def test_reading_goes_on_behind_a_hole_and_stops_before_the_next():
    log = filled((0, 100), (300, 100), (900, 100))
    assert log_extent(log.read(50, 1000)) == (50, 100)
    assert log_extent(log.read(100, 1000)) == (300, 400)
    assert log_extent(log.read(350, 1000)) == (350, 400)
    assert log_extent(log.read(400, 1000)) == (900, 1000)
    assert is_numbered(log.read(200, 1000))


def test_holes_that_touch_are_one():
    log = filled((0, 100), (300, 0), (500, 0), (700, 100))
    assert log_extent(log.read(100, 1000)) == (700, 800)
    assert len(log._holes) == 1


def test_a_log_may_begin_with_a_hole():
    assert log_extent(filled((500, 100)).read(0, 1000)) == (500, 600)


def test_what_is_older_than_was_promised_is_skipped():
    log = filled(*((n * RATE, RATE) for n in range(5)))
    assert log.oldest == 4 * RATE
    assert log_extent(log.read(0, 100)) == (4 * RATE, 4 * RATE + 100)


def test_reading_across_the_seam_of_the_ring():
    log = filled(*((n * 1600, 1600) for n in range(25)))
    found = log.read(log.oldest, RATE)
    assert log_extent(found) == (log.oldest, log.end)
    assert is_numbered(found)


def test_a_piece_longer_than_the_ring_keeps_its_end():
    log = filled((0, 5 * RATE))
    assert log.end == 5 * RATE
    assert is_numbered(log.read(0, RATE))


def test_old_holes_are_forgotten():
    log = AudioLog(keep_seconds=1.0)
    for n in range(1000):
        log.append(n * 200, numbers(n * 200, 100))
    assert len(log._holes) <= RATE // 200 + 2


def test_what_was_written_cannot_be_written_again():
    with pytest.raises(ValueError, match="Frame 50 was already written: the log ends at 100"):
        filled((0, 100)).append(50, numbers(50, 10))


def test_the_first_number_may_be_any():
    log = AudioLog(keep_seconds=1.0, start=10**12)
    assert (log.oldest, log.end) == (10**12, 10**12)
    assert log_extent(log.read(0, 10)) == (10**12, 10**12)
    log.append(10**12, numbers(10**12, 100))
    assert (log.oldest, log.end) == (10**12, 10**12 + 100)
    assert log_extent(log.read(50, 1000)) == (10**12, 10**12 + 100)
    with pytest.raises(ValueError, match="already written"):
        log.append(0, b"")


@given(
    st.integers(0, 10**12),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 9000)), max_size=12),
    st.integers(0, 60000),
    st.integers(1, 40000),
)
def test_every_frame_read_is_the_one_that_was_asked_for(first, pieces, start, count):
    log = AudioLog(keep_seconds=0.5, start=first)
    start += first
    for hole, length in pieces:
        log.append(log.end + hole, numbers(log.end + hole, length))
    found = log.read(start, count)
    assert found.start >= min(start, log.end)
    assert found.frames <= count
    assert is_numbered(found)


def test_a_reader_beside_the_writer_sees_no_torn_sound():
    log = AudioLog(keep_seconds=1.0)

    def write() -> None:
        for n in range(600):
            log.append(n * 1600, numbers(n * 1600, 1600))
        log.finish()

    writer = threading.Thread(target=write)
    writer.start()
    frame = 0
    while not log.ended or frame < log.end:
        found = log.read(frame, 4000)
        assert is_numbered(found)
        frame = found.end
    writer.join()
    assert frame == 600 * 1600


class Reader:
    """Follows a log from ``frame`` on, and takes only what has the length it wants."""

    def __init__(self, log: AudioLog, *, wanted: int = 100) -> None:
        self.log = log
        self.wanted = wanted
        self.taken: list[tuple[int, int]] = []
        self.seen: list[int] = []
        log.follow(self)

    def take(self, start: int, pcm: bytes) -> bool:
        assert Stretch(start, pcm).frames == 0 or is_numbered(Stretch(start, pcm))
        if len(pcm) != 2 * self.wanted:
            return False
        self.taken.append((start, self.log.end))
        return True

    def look(self) -> None:
        self.seen.append(self.log.end)


def test_a_follower_is_handed_what_comes_before_it_is_written_down():
    log = filled((0, 100))
    reader = Reader(log)
    log.append(100, numbers(100, 100))
    assert (reader.taken, reader.seen) == ([(100, 100)], [])


def test_a_follower_looks_for_what_it_did_not_take_once_it_is_there():
    log = filled((0, 100))
    reader = Reader(log)
    log.append(100, numbers(100, 60))
    log.append(200, b"")
    log.append(300, numbers(300, 10))
    assert (reader.taken, reader.seen) == ([], [160, 200, 310])


def test_a_follower_looks_at_the_end():
    log = filled((0, 100))
    reader = Reader(log)
    log.finish()
    assert (log.ended, reader.seen) == (True, [100])


def test_it_rests_until_sound_comes_again_and_a_follower_looks_at_it():
    log = filled((0, 100))
    log.rest()
    reader = Reader(log)
    assert log.resting
    log.rest()
    assert reader.seen == [100]
    log.append(100, numbers(100, 100))
    assert not log.resting


def test_who_follows_no_longer_is_left_alone():
    log = filled((0, 100))
    reader = Reader(log)
    log.follow(None)
    log.append(100, numbers(100, 100))
    log.finish()
    assert (reader.taken, reader.seen) == ([], [])


def test_who_begins_to_follow_while_sound_is_written_down_is_told_of_it():
    class Busy(AudioLog):
        def _write_around(self, at: int, pcm: bytes) -> None:
            super()._write_around(at, pcm)
            late.append(Reader(self))

    late: list[Reader] = []
    log = Busy(keep_seconds=1.0)
    log.append(0, numbers(0, 2 * RATE + 100))
    assert late[0].seen == [2 * RATE + 100]


def test_who_follows_no_longer_when_the_log_ends_is_not_missed():
    class Fickle(AudioLog):
        answers = (None,)

        @property
        def _follower(self) -> Reader | None:
            return self.answers[0] if len(self.answers) == 1 else self._next()

        @_follower.setter
        def _follower(self, follower: Reader | None) -> None:
            self.answers = (follower, None)

        def _next(self) -> Reader | None:
            first, *self.answers = self.answers
            return first

    log = Fickle(keep_seconds=1.0)
    reader = Reader(log)
    log.finish()
    assert (log.ended, reader.seen) == (True, [0])


def test_a_hole_at_the_end_moves_the_end():
    log = filled((0, 100))
    log.append(300, b"")
    assert log_extent(log.read(100, 50)) == (300, 300)


def log_extent(stretch: Stretch) -> tuple[int, int]:
    return stretch.start, stretch.end
