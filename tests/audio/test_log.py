import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import RATE
from edgetx.audio.log import Alarm, AudioLog, Stretch


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


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 9000)), max_size=12),
    st.integers(0, 60000),
    st.integers(1, 40000),
)
def test_every_frame_read_is_the_one_that_was_asked_for(pieces, start, count):
    log = AudioLog(keep_seconds=0.5)
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
    """Somebody who waits for a frame, in a thread other than the writer's."""

    def __init__(self, log: AudioLog, frame: int) -> None:
        self.rung = threading.Semaphore(0)
        self.log = log
        log.set_alarm(Alarm(frame, self.rung.release))

    def is_woken(self) -> bool:
        return self.rung.acquire(timeout=10)

    def sleeps_on(self) -> bool:
        return not self.rung.acquire(blocking=False)


def test_a_reader_sleeps_until_its_frame_is_there_and_is_woken_once():
    log = filled((0, 100))
    reader = Reader(log, 200)
    for count in (50, 51):
        assert reader.sleeps_on()
        log.append(log.end, numbers(log.end, count))
    assert reader.is_woken()
    log.append(log.end, numbers(log.end, 100))
    assert reader.sleeps_on()


def test_a_frame_that_is_there_already_wakes_at_once():
    assert Reader(filled((0, 100)), 99).is_woken()


def test_the_end_wakes_every_reader_and_nobody_sleeps_after_it():
    log = filled((0, 100))
    readers = [Reader(log, frame) for frame in (100, 9999)]
    log.finish()
    assert all(reader.is_woken() for reader in [*readers, Reader(log, 10_000)])


def test_a_hole_at_the_end_moves_the_end():
    log = filled((0, 100))
    reader = Reader(log, 299)
    log.append(300, b"")
    assert reader.is_woken()
    assert log_extent(log.read(100, 50)) == (300, 300)


def test_no_wake_up_is_lost_between_two_threads():
    log = AudioLog(keep_seconds=1.0)
    writer = threading.Thread(target=lambda: [log.append(n, numbers(n, 1)) for n in range(4_000)])
    writer.start()
    frame = 0
    while frame < 4_000:
        assert Reader(log, frame).is_woken()
        frame = log.end
    writer.join()


def test_an_alarm_that_the_other_thread_rang_first_is_not_rung_again():
    log = filled((0, 100))

    class Overtaken(dict):
        def items(self):
            found = list(super().items())
            self.clear()
            return found

    log._alarms = Overtaken()
    reader = Reader(log, 50)
    assert reader.sleeps_on()


def test_a_reader_that_was_overtaken_while_it_copied_goes_on_where_sound_is_left():
    log = filled((0, RATE))

    class Overtaking(bytearray):
        def __getitem__(self, key):
            part = bytes(self)[key]
            log._ring = bytearray(self)
            log.append(log.end, numbers(log.end, RATE // 2))
            return part

    log._ring = Overtaking(log._ring)
    found = log.read(0, 1000)
    assert log_extent(found) == (RATE // 2, RATE // 2 + 1000)
    assert is_numbered(found)


def log_extent(stretch: Stretch) -> tuple[int, int]:
    return stretch.start, stretch.end
