"""Memory and disk as one log: what is read is what was appended, for any cut."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio.kept import Kept
from edgetx.audio.log import AudioLog, Reader
from edgetx.audio.spool import Spool
from tests.audio.test_spool import file_of, filled, is_numbered, numbers

KEEP = 160


def both(folder: Path, *stored: tuple[int, int], first: int, end: int) -> Reader:
    log = AudioLog(keep_seconds=KEEP / 16000, start=first)
    log.append(first, numbers(first, end - first))
    return Kept(log, filled(folder, *stored))


def extents(reader: Reader, start: int = 0, count: int = 10**9) -> list[tuple[int, int]]:
    found = []
    while (stretch := reader.read(start, count)).pcm:
        assert is_numbered(stretch)
        assert stretch.start >= start
        found.append((stretch.start, stretch.end))
        start = stretch.end
    assert stretch.start >= reader.end
    return found


def test_what_has_left_memory_is_read_from_disk(tmp_path):
    kept = both(tmp_path, (100, 300), first=0, end=400)
    assert (kept.oldest, kept.end, kept.ended) == (100, 400, False)
    assert extents(kept, 120) == [(120, 300), (300, 400)]
    assert extents(kept, 120, count=100) == [(120, 220), (220, 300), (300, 400)]


def test_what_is_nowhere_is_skipped_like_a_hole(tmp_path):
    kept = both(tmp_path, (100, 120), (150, 180), first=0, end=400)
    assert extents(kept) == [(100, 120), (150, 180), (240, 400)]


def test_without_anything_on_disk_it_is_the_memory(tmp_path):
    kept = both(tmp_path, first=0, end=400)
    kept.log.finish()
    assert (kept.oldest, kept.end, kept.ended) == (240, 400, True)
    assert extents(kept) == [(240, 400)]


def test_an_earlier_runs_sound_comes_before_this_ones(tmp_path):
    kept = both(tmp_path, (100, 300), first=5000, end=5100)
    assert extents(kept) == [(100, 300), (5000, 5100)]
    assert kept.oldest == 100


def test_what_is_damaged_is_skipped(tmp_path):
    kept = both(tmp_path, (100, 200), (200, 300), first=0, end=460)
    file_of(tmp_path, 100).write_bytes(b"x")
    assert extents(kept) == [(200, 300), (300, 460)]


def test_where_the_next_sound_will_come_is_told(tmp_path):
    assert both(tmp_path, (100, 200), first=0, end=400).read(400, 10).start == 400


@given(
    first=st.integers(0, 500),
    pieces=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 120)), max_size=12),
    disk=st.lists(st.integers(0, 2000), unique=True, max_size=12).map(sorted),
    start=st.integers(0, 2200),
    count=st.integers(1, 700),
)
@settings(max_examples=200, deadline=None)
def test_for_any_cut_every_frame_that_is_kept_is_read_once_and_right(first, pieces, disk, start, count):
    """The sound has holes, memory its last part, the disk any ranges of it: what spans a hole is cut there."""
    log = AudioLog(keep_seconds=KEEP / 16000, start=first)
    captured: set[int] = set()
    for hole, length in pieces:
        at = log.end + hole
        log.append(at, numbers(at, length))
        captured |= set(range(at, at + length))
    with tempfile.TemporaryDirectory() as name:
        spool, stored = Spool(Path(name)), set()
        for low, high in zip(disk[::2], disk[1::2], strict=False):
            if high <= log.oldest and set(range(low, high)) <= captured | set(range(first)):
                spool.write(low, numbers(low, high - low))
                stored |= set(range(low, high))
        kept = Kept(log, spool)
        read = extents(kept, start, count)
        expected = {frame for frame in captured if frame >= log.oldest} | stored
        assert [frame for low, high in read for frame in range(low, high)] == sorted(
            frame for frame in expected if frame >= start
        )
