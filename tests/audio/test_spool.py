"""The spool against real folders: whatever becomes of the files, what is read is what was written, or nothing."""

import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio.keeping import HEADER_BYTES, Segment
from edgetx.audio.log import Stretch
from edgetx.audio.spool import Spool
from edgetx.clock import Moment
from edgetx.errors import TryAgain

EVER = 2**62
NOBODY = 65534
WRITER = """
import resource, signal, sys
from pathlib import Path
from edgetx.audio.spool import Spool
from tests.audio.test_spool import numbers
spool = Spool(Path(sys.argv[1]), sync=True)
if len(sys.argv) > 2:
    spool.write(10**9, numbers(10**9, 1000))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for at in range(0, 10**9, 1000):
    spool.write(at, numbers(at, 1000))
    print(at + 1000, flush=True)
"""


def numbers(start: int, count: int) -> bytes:
    """Sound whose every frame tells its own number."""
    return b"".join((n % 65521).to_bytes(2, "little") for n in range(start, start + count))


def is_numbered(stretch: Stretch) -> bool:
    return stretch.pcm == numbers(stretch.start, stretch.frames)


def opened(folder: Path) -> Spool:
    spool = Spool(folder)
    spool.open()
    return spool


def filled(folder: Path, *extents: tuple[int, int], sync: bool = False) -> Spool:
    spool = Spool(folder, sync=sync)
    spool.open()
    for start, end in extents:
        spool.write(start, numbers(start, end - start))
    return spool


def extents(spool: Spool, start: int = 0, count: int = 10**9) -> list[tuple[int, int]]:
    """Read all there is from ``start``, and check it."""
    found = []
    while stretch := spool.read(start, count, before=EVER):
        assert stretch.frames
        assert is_numbered(stretch)
        found.append((stretch.start, stretch.end))
        start = stretch.end
    return found


def file_of(folder: Path, start: int) -> Path:
    return folder / f"{start:020}.pcm"


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """What a full disk does, in small: a write beyond it fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def nothing_writable(folder: Path) -> Iterator[None]:
    """Take the right to write in ``folder`` away; from root as well, for whom rights do not count."""
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder to which the path is open to everybody."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name) / "desk"


def test_what_was_written_is_read_from_any_frame(tmp_path):
    spool = filled(tmp_path / "a" / "desk", (100, 300), (300, 500), (900, 1000))
    assert extents(spool) == [(100, 300), (300, 500), (900, 1000)]
    assert extents(spool, 250) == [(250, 300), (300, 500), (900, 1000)]
    assert extents(spool, 500, count=60) == [(900, 960), (960, 1000)]
    assert spool.read(1000, 10, before=EVER) is None
    assert spool.read(500, 10, before=900) is None
    assert (spool.end, Spool(tmp_path / "none").end) == (1000, 0)


@pytest.mark.parametrize("sync", [False, True])
def test_a_new_run_finds_what_the_last_one_left(tmp_path, sync):
    filled(tmp_path, (0, 200), (500, 700), sync=sync)
    spool = opened(tmp_path)
    assert spool.segments == (Segment(0, 200), Segment(500, 700))
    assert extents(spool) == [(0, 200), (500, 700)]


def test_a_folder_that_is_not_there_is_made_for_its_owner_only(tmp_path):
    spool = filled(tmp_path / "audio" / "desk")
    assert spool.segments == ()
    spool.write(0, numbers(0, 10))
    assert (tmp_path / "audio" / "desk").stat().st_mode & 0o777 == 0o700
    assert file_of(tmp_path / "audio" / "desk", 0).stat().st_mode & 0o777 == 0o600


def test_what_is_removed_is_gone_for_every_run(tmp_path):
    spool = filled(tmp_path, (0, 200), (200, 400))
    assert extents(spool) == [(0, 200), (200, 400)]
    spool.remove(Segment(200, 400))
    spool.remove(Segment(200, 400))
    assert extents(spool) == extents(opened(tmp_path)) == [(0, 200)]
    assert spool.take_damaged() == []


def test_all_of_it_can_be_removed_with_its_folder_unless_that_holds_more(tmp_path):
    spool = filled(tmp_path / "a", (0, 200), (200, 400))
    spool.clear()
    assert (extents(spool), spool.segments, list(tmp_path.iterdir())) == ([], (), [])
    spool = filled(tmp_path / "b", (0, 200))
    (tmp_path / "b" / "notes.txt").write_text("mine")
    spool.clear()
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["notes.txt"]


def at_noon(frame: int, *, synced: bool = True) -> Moment:
    return Moment(43_200.0 + frame / 16_000, synced=synced, monotonic=1.0, boottime=1.0, boot_id="a")


def test_a_segment_says_itself_when_it_was_captured(tmp_path):
    written = Spool(tmp_path, captured=at_noon)
    written.write(0, numbers(0, 200))
    written.write(16_000, numbers(16_000, 200))
    spool = opened(tmp_path)
    moment = spool.moment_of(spool.end)
    assert (moment.wall, moment.synced, moment.boot_id) == (43_201.0 + 200 / 16_000, True, "")
    file_of(tmp_path, 16_000).write_bytes(b"x" * (HEADER_BYTES + 400))
    spool = opened(tmp_path)
    assert spool.moment_of(32_000).wall == 43_202.0
    assert Spool(tmp_path).moment_of(0) is None


def test_a_clock_that_was_not_set_is_remembered_as_such(tmp_path):
    Spool(tmp_path, captured=partial(at_noon, synced=False)).write(0, numbers(0, 200))
    assert opened(tmp_path).moment_of(0).synced is False


def test_the_oldest_sound_is_that_which_was_there_until_its_damage_is_told(tmp_path):
    spool = filled(tmp_path, (100, 200), (200, 400))
    assert (Spool(tmp_path).oldest, spool.oldest) == (None, 100)
    file_of(tmp_path, 100).write_bytes(b"x")
    assert spool.read(100, 10, before=EVER).start == 200
    assert spool.oldest == 100
    spool.take_damaged()
    assert spool.oldest == 200


def test_other_peoples_files_are_let_be(tmp_path):
    filled(tmp_path, (0, 200))
    foreign = {name: tmp_path / name for name in ("notes.txt", "5.pcm", "00000000000000000009.wav", "x.part")}
    for path in foreign.values():
        path.write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    assert extents(opened(tmp_path)) == [(0, 200)]
    assert all(path.read_bytes() == b"mine" for path in foreign.values())


@pytest.mark.parametrize("content", [b"", b"EDGETX", bytes(100), b"RIFF" + bytes(400)])
def test_what_is_called_like_a_segment_and_is_none_is_removed_and_said(tmp_path, caplog, content):
    filled(tmp_path, (0, 200), (400, 600))
    file_of(tmp_path, 200).write_bytes(content)
    assert extents(opened(tmp_path)) == [(0, 200), (400, 600)]
    assert not file_of(tmp_path, 200).exists()
    assert "is no whole segment of sound and is removed" in caplog.text


def test_a_segment_under_a_wrong_name_has_no_number(tmp_path):
    filled(tmp_path, (0, 200), (400, 600))
    file_of(tmp_path, 0).rename(file_of(tmp_path, 100))
    assert opened(tmp_path).segments == (Segment(400, 600),)


def test_of_two_segments_with_the_same_frames_the_first_counts(tmp_path):
    filled(tmp_path, (0, 200))
    filled(tmp_path / "other", (100, 300))
    file_of(tmp_path / "other", 100).rename(file_of(tmp_path, 100))
    assert opened(tmp_path).segments == (Segment(0, 200),)


def test_a_segment_of_a_later_version_is_not_guessed_at(tmp_path):
    filled(tmp_path, (0, 200))
    content = bytearray(file_of(tmp_path, 0).read_bytes())
    content[6] = 3
    file_of(tmp_path, 0).write_bytes(content)
    assert opened(tmp_path).segments == ()


@given(st.integers(0, HEADER_BYTES + 400 - 1))
@settings(max_examples=60, deadline=None)
def test_of_a_file_cut_anywhere_nothing_is_read(cut):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = filled(folder, (0, 200), (200, 400), (400, 600))
        os.truncate(file_of(folder, 200), cut)
        after = opened(folder)
        assert extents(after) == extents(before) == [(0, 200), (400, 600)]
        assert before.take_damaged() == [Segment(200, 400)]
        assert after.take_damaged() == before.take_damaged() == []


@given(st.integers(0, (HEADER_BYTES + 400) * 8 - 1), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_bit_that_flipped_anywhere_is_noticed(bit, restarted):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spool = filled(folder, (0, 200), (200, 400), (400, 600))
        content = bytearray(file_of(folder, 200).read_bytes())
        content[bit // 8] ^= 1 << bit % 8
        file_of(folder, 200).write_bytes(content)
        spool = opened(folder) if restarted else spool
        assert extents(spool) == [(0, 200), (400, 600)]
        assert not file_of(folder, 200).exists()


def test_a_damaged_segment_is_told_once_and_takes_no_other_with_it(tmp_path, caplog):
    spool = filled(tmp_path, (0, 200), (200, 400), (400, 600))
    file_of(tmp_path, 0).write_bytes(bytes(HEADER_BYTES + 400))
    file_of(tmp_path, 200).unlink()
    assert extents(spool) == [(400, 600)]
    assert spool.take_damaged() == [Segment(0, 200), Segment(200, 400)]
    assert spool.take_damaged() == []
    assert [record.getMessage() for record in caplog.records] == [
        f"The sound kept in {file_of(tmp_path, 0)} is lost: its checksum is wrong.",
        f"The sound kept in {file_of(tmp_path, 200)} is lost: No such file or directory.",
    ]


def test_what_is_removed_while_it_is_read_is_not_called_damaged(tmp_path, caplog):
    spool = filled(tmp_path, (0, 200), (200, 400))
    file_of(tmp_path, 0).unlink()
    os.mkfifo(file_of(tmp_path, 0))  # To read it takes until somebody writes.
    found: list[Stretch | None] = []
    reading = threading.Thread(target=lambda: found.append(spool.read(0, 100, before=EVER)))
    reading.start()
    with file_of(tmp_path, 0).open("wb") as file:
        spool.remove(Segment(0, 200))
        file.write(b"torn")
    reading.join()
    assert [(stretch.start, stretch.end) for stretch in found] == [(200, 300)]
    assert (spool.take_damaged(), caplog.messages) == ([], [])


def test_readers_beside_a_writer_that_also_removes_see_nothing_torn(tmp_path):
    spool = filled(tmp_path)
    seen: list[int] = []

    def read() -> None:
        at = 0
        while at < 60_000:
            stretch = spool.read(at, 70, before=EVER)
            if stretch:
                assert is_numbered(stretch)
                at = stretch.end
        seen.append(at)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for start in range(0, 60_000, 200):
        spool.write(start, numbers(start, 200))
        for segment in spool.segments[:-20]:
            spool.remove(segment)
    for reader in readers:
        reader.join()
    assert (seen, spool.take_damaged()) == ([60_000, 60_000], [])


def test_a_full_disk_leaves_no_part_behind_and_passes(tmp_path):
    spool = filled(tmp_path, (0, 200))
    with largest_file(100), pytest.raises(TryAgain, match=r"Sound cannot be kept in .*: File too large"):
        spool.write(200, numbers(200, 200))
    assert [path.name for path in tmp_path.iterdir()] == [file_of(tmp_path, 0).name]
    assert extents(spool) == [(0, 200)]
    spool.write(200, numbers(200, 200))
    assert extents(opened(tmp_path)) == [(0, 200), (200, 400)]


def test_a_folder_that_became_read_only_keeps_what_it_has(open_folder):
    spool = filled(open_folder, (0, 200))
    with nothing_writable(open_folder):
        with pytest.raises(TryAgain, match=r"Sound cannot be kept in .*: Permission denied"):
            spool.write(200, numbers(200, 200))
        with pytest.raises(TryAgain, match=r"Sound cannot be removed from .*: Permission denied"):
            spool.remove(Segment(0, 200))
    assert extents(spool) == [(0, 200)]


def test_what_is_damaged_in_a_read_only_folder_stays_there_unread(open_folder, caplog):
    filled(open_folder, (0, 200))
    file_of(open_folder, 0).write_bytes(b"")
    file_of(open_folder, 0).chmod(0o644)
    with nothing_writable(open_folder):
        assert opened(open_folder).segments == ()
    assert "cannot be removed: Permission denied" in caplog.text


def test_what_may_not_be_read_is_let_be(open_folder, caplog):
    filled(open_folder, (0, 200), (400, 600))
    file_of(open_folder, 400).chmod(0o644)
    file_of(open_folder, 0).chmod(0)
    open_folder.chmod(0o777)
    if is_root := os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        assert opened(open_folder).segments == (Segment(400, 600),)
    finally:
        if is_root:
            os.seteuid(0)
    assert file_of(open_folder, 0).exists()
    assert "cannot be looked at: Permission denied" in caplog.text


@contextmanager
def no_file_can_be_opened() -> Iterator[None]:
    """What too many connections do: there is no descriptor left."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_sound_that_cannot_be_read_for_a_moment_stays_and_what_is_in_memory_of_it_is_read(tmp_path, caplog):
    spool = filled(tmp_path, (0, 200), (200, 400))
    assert spool.read(200, 10, before=EVER)
    with no_file_can_be_opened():
        assert spool.read(0, 10, before=EVER) == Stretch(200, numbers(200, 10))
        assert spool.read(0, 10, before=200) is None
    assert "cannot be read now: Too many open files" in caplog.text
    assert spool.take_damaged() == []
    assert extents(spool) == [(0, 200), (200, 400)]


def test_a_new_run_does_not_begin_without_knowing_what_is_there(tmp_path, monkeypatch):
    filled(tmp_path, (0, 200))
    with no_file_can_be_opened(), pytest.raises(TryAgain, match="cannot be looked at: Too many open files"):
        Spool(tmp_path).open()
    paths = [file_of(tmp_path, 0)]
    with monkeypatch.context() as listed:
        listed.setattr(Path, "iterdir", lambda _: iter(paths))
        with no_file_can_be_opened(), pytest.raises(TryAgain, match="Too many open files"):
            Spool(tmp_path).open()
    assert extents(opened(tmp_path)) == [(0, 200)]


def test_a_folder_that_is_new_would_survive_a_loss_of_power(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("edgetx.audio.spool._sync_folder", synced.append)
    filled(tmp_path / "audio" / "desk", (0, 200), (200, 400), sync=True)
    folder = tmp_path / "audio" / "desk"
    assert synced == [tmp_path / "audio", tmp_path, folder, folder]


def test_a_folder_that_is_a_file_is_said(tmp_path, caplog):
    (tmp_path / "desk").write_text("I am none")
    spool = opened(tmp_path / "desk")
    assert "cannot be looked at: Not a directory" in caplog.text
    with pytest.raises(TryAgain, match=r"Sound cannot be kept"):
        spool.write(0, numbers(0, 10))


def test_a_writer_killed_at_any_moment_leaves_whole_segments(tmp_path):
    chance = random.Random(4)
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        with subprocess.Popen([sys.executable, "-c", WRITER, folder], stdout=subprocess.PIPE, text=True) as writer:
            told = int(writer.stdout.readline())
            time.sleep(chance.uniform(0, 0.05))
            writer.kill()
            told = max([told, *(int(line) for line in writer.stdout.read().split("\n")[:-1])])
        spool = opened(folder)
        assert all(path.suffix == ".pcm" for path in folder.iterdir())
        assert extents(spool) == [(at, at + 1000) for at in range(0, spool.end, 1000)]
        assert told <= spool.end <= told + 1000


@pytest.mark.parametrize("size_bytes", [0, 7, HEADER_BYTES, 1000, HEADER_BYTES + 1999])
def test_a_writer_killed_in_the_middle_of_a_write_leaves_what_it_had_written_before(tmp_path, size_bytes):
    """The kernel kills it when the file reaches a size."""
    assert subprocess.call([sys.executable, "-c", WRITER, tmp_path, str(size_bytes)]) == -signal.SIGXFSZ
    assert (tmp_path / f"{0:020}.pcm.part").stat().st_size == size_bytes
    assert extents(opened(tmp_path)) == [(10**9, 10**9 + 1000)]
    assert len(list(tmp_path.iterdir())) == 1
