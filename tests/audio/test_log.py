import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog, Stretch


def numbers(start: int, count: int) -> np.ndarray:
    """Sound whose every frame tells its own number."""
    return (np.arange(start, start + count) % 32768).astype(np.int16)


def filled(*stretches: tuple[int, int], keep_seconds: float = 1.0) -> AudioLog:
    log = AudioLog(keep_seconds=keep_seconds)
    for start, count in stretches:
        log.append(start, numbers(start, count))
    return log


def is_numbered(stretch: Stretch) -> bool:
    return np.array_equal(stretch.pcm, numbers(stretch.start, len(stretch.pcm)))


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
    assert len(found.pcm) <= count
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


async def waited(log: AudioLog, frame: int, act) -> None:
    waiting = asyncio.create_task(log.wait_for(frame))
    await asyncio.sleep(0)
    thread = threading.Thread(target=act)
    thread.start()
    await asyncio.wait_for(waiting, 10)
    thread.join()


def test_a_reader_waits_until_its_frame_is_there():
    log = filled((0, 100))
    asyncio.run(waited(log, 100, lambda: log.append(100, numbers(100, 1))))
    assert log._waiters == []


def test_a_reader_whose_frame_is_not_there_yet_waits_on():
    log = filled((0, 100))

    def write() -> None:
        log.append(100, numbers(100, 50))
        log.append(150, numbers(150, 100))
        log.append(250, numbers(250, 1))

    asyncio.run(waited(log, 200, write))
    assert log.end == 251


def test_the_end_wakes_every_reader_and_nobody_waits_after_it():
    log = filled((0, 100))

    async def play() -> None:
        waiting = [asyncio.create_task(log.wait_for(frame)) for frame in (100, 9999)]
        await asyncio.sleep(0)
        log.finish()
        await asyncio.wait_for(asyncio.gather(*waiting), 10)
        await log.wait_for(10_000)
        await log.wait_for(99)

    asyncio.run(play())
    assert log.ended


def test_a_reader_that_gives_up_is_forgotten():
    log = AudioLog(keep_seconds=1)

    async def play() -> None:
        waiting = asyncio.create_task(log.wait_for(0))
        await asyncio.sleep(0)
        waiting.cancel()
        log.append(0, numbers(0, 10))  # Its wake-up is already on the way when it is cancelled.
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.sleep(0)

    asyncio.run(play())
    assert log._waiters == []


def test_a_writer_that_passes_while_a_reader_sits_down_is_noticed():
    log = AudioLog(keep_seconds=1)

    class Passing(list):
        def append(self, waiter) -> None:
            log.end = 1
            super().append(waiter)

    log._waiters = Passing()
    asyncio.run(log.wait_for(0))
    assert log._waiters == []


def test_a_reader_that_was_overtaken_while_it_copied_goes_on_where_sound_is_left():
    log = filled((0, RATE))

    class Overtaking(np.ndarray):
        def __getitem__(self, key):
            part = np.asarray(super().__getitem__(key))
            log._ring = np.asarray(log._ring)
            log.append(log.end, numbers(log.end, RATE // 2))
            return part

    log._ring = log._ring.view(Overtaking)
    found = log.read(0, 1000)
    assert log_extent(found) == (RATE // 2, RATE // 2 + 1000)
    assert is_numbered(found)


def log_extent(stretch: Stretch) -> tuple[int, int]:
    return stretch.start, stretch.end
