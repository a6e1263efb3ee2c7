"""The state file on a real disk, and what befalls it there."""

import contextlib
import os
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgetx.aside import KEPT
from edgetx.clock import Moment
from edgetx.errors import TryAgain
from edgetx.mqtt.topics import Kind, Publication
from edgetx.restart import Mark, Remembered
from edgetx.speech.ledger import Balance, Fate
from edgetx.store import NAME, Batch, Store

MOMENT = Moment(1.5, synced=True, monotonic=-2.0, boottime=3.0, boot_id="b")
SEED = 20261121
KILLS = 12
HOUSE = Path(__file__).parents[1]


def final(name, payload=b"hello"):
    return Publication(f"final/{name}", payload, qos=1, retain=False, durable=True, kind=Kind.FINAL, id=str(name))


def desk(frontier):
    return Remembered(Mark(frontier, MOMENT), Balance(frontier, dict.fromkeys(Fate, 0), ()))


def batch(*rows, whole=False, **microphones):
    return Batch(whole, rows, microphones)


def a_store(folder, durability="crash"):
    return Store(folder / "state", durability)


def contents_of(folder):
    store = a_store(folder)
    contents = store.open()
    store.close()
    return contents


def filled(folder, count=3):
    store = a_store(folder)
    assert store.open().rows == []
    store.write(batch(*((number, final(number)) for number in range(1, count + 1)), desk=desk(7)))
    store.close()
    return folder / "state" / NAME


@pytest.mark.parametrize("durability", ["crash", "power"])
def test_what_was_written_is_there_after_it_was_opened_again(tmp_path, durability):
    store = a_store(tmp_path, durability)
    store.open()
    store.write(batch((1, final(1)), (2, final(2)), desk=desk(1), hall=desk(9)))
    store.write(batch((1, None), (3, final(3)), (99, None), desk=desk(5)))
    store.close()
    contents = contents_of(tmp_path)
    assert contents.rows == [(2, final(2)), (3, final(3))]
    assert contents.microphones == {"desk": desk(5), "hall": desk(9)}
    assert contents.writable
    assert contents.trouble == ""


def test_what_was_given_up_is_counted_over_restarts(tmp_path):
    store = a_store(tmp_path)
    store.open()
    store.write(Batch(whole=False, rows=[], microphones={}, given_up={Kind.FINAL: 1, Kind.EVENT: 2}))
    store.write(Batch(whole=True, rows=[], microphones={}, given_up={Kind.FINAL: 7}))
    store.close()
    assert contents_of(tmp_path).given_up == {Kind.FINAL: 7, Kind.EVENT: 2}


def test_a_file_that_was_begun_without_counts_gets_them(tmp_path):
    with contextlib.closing(sqlite3.connect(filled(tmp_path))) as database:
        database.execute("DROP TABLE given_up")
    contents = contents_of(tmp_path)
    assert (contents.trouble, contents.given_up, len(contents.rows)) == ("", {}, 3)


def test_a_whole_batch_leaves_no_other_row(tmp_path):
    filled(tmp_path)
    store = a_store(tmp_path)
    store.open()
    store.write(batch((7, final(7)), whole=True))
    store.close()
    assert contents_of(tmp_path).rows == [(7, final(7))]
    assert contents_of(tmp_path).microphones == {"desk": desk(7)}


def test_only_its_owner_may_read_the_files(tmp_path):
    store = a_store(tmp_path)
    store.open()
    store.write(batch((1, final(1))))
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()}
    store.close()
    assert modes == {NAME: 0o600, f"{NAME}-wal": 0o600}


# --- a file that cannot be used -----------------------------------------------------------------------------------


def assert_set_aside(folder, reason):
    contents = contents_of(folder)
    assert contents.writable
    assert reason in contents.trouble
    assert contents_of(folder).trouble == ""
    (aside,) = (path for path in (folder / "state").glob(f"{NAME}.damaged-*") if not path.name.endswith("-wal"))
    assert aside.name in contents.trouble
    return contents, aside


def test_a_file_that_is_no_database_is_set_aside_as_it_is(tmp_path):
    path = filled(tmp_path)
    path.write_bytes(b"Dear diary, " * 1000)
    contents, aside = assert_set_aside(tmp_path, "not a database")
    assert contents.rows == []
    assert aside.read_bytes() == b"Dear diary, " * 1000


def test_a_database_of_another_program_is_set_aside_as_it_is(tmp_path):
    (tmp_path / "state").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / NAME)) as other:
        other.execute("CREATE TABLE outbox (number)")
    before = (tmp_path / "state" / NAME).read_bytes()
    _, aside = assert_set_aside(tmp_path, "another program's")
    assert aside.read_bytes() == before


def test_a_file_of_a_newer_edgetx_is_set_aside(tmp_path):
    with contextlib.closing(sqlite3.connect(filled(tmp_path))) as database:
        database.execute("PRAGMA user_version = 2")
    assert_set_aside(tmp_path, "version 2")


def test_a_table_that_is_not_there_is_damage(tmp_path):
    with contextlib.closing(sqlite3.connect(filled(tmp_path))) as database:
        database.execute("DROP TABLE outbox")
    assert_set_aside(tmp_path, "no such table")


def test_of_a_file_with_a_damaged_row_the_others_are_saved(tmp_path):
    with contextlib.closing(sqlite3.connect(filled(tmp_path))) as database:
        database.execute("UPDATE outbox SET payload = x'00' WHERE number = 2")
        database.commit()
        database.execute("INSERT INTO given_up VALUES ('final', 3, 77)")
        database.commit()
    contents, _ = assert_set_aside(tmp_path, "2 of its rows")
    assert contents.given_up == {}
    assert contents.rows == [(1, final(1)), (3, final(3))]
    assert contents.microphones == {"desk": desk(7)}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_of_a_truncated_file_whatever_is_read_was_written(tmp_path, share):
    path = filled(tmp_path, 300)
    os.truncate(path, round(path.stat().st_size * share))
    contents, _ = assert_set_aside(tmp_path, "cannot be used")
    assert set(contents.rows) <= {(number, final(number)) for number in range(1, 301)}


def test_no_damage_makes_it_fail_or_read_what_was_not_written(tmp_path):
    chance = random.Random(SEED)
    path = filled(tmp_path, 60)
    sound = path.read_bytes()
    for _ in range(60):
        data = bytearray(sound)
        for _ in range(chance.choice([1, 1, 8, 200])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        contents = contents_of(tmp_path)
        assert set(contents.rows) <= {(number, final(number)) for number in range(1, 61)}
        assert contents.trouble or len(contents.rows) == 60
        store = a_store(tmp_path)
        store.open()
        store.write(batch(*contents.rows, whole=True))
        store.close()
        assert contents_of(tmp_path).rows == contents.rows
    kept = [path for path in (tmp_path / "state").glob("*damaged*") if not path.name.endswith("-wal")]
    assert 0 < len(kept) <= KEPT


def die(*_, **__):
    """Nothing after it happens, as if the process was killed."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "moment", ["edgetx.store.set_aside", "edgetx.store.Path.rename", "edgetx.store.Store._take_its_place"]
)
def test_what_was_saved_of_a_damaged_file_outlives_a_crash_at_any_moment(tmp_path, monkeypatch, moment):
    with contextlib.closing(sqlite3.connect(filled(tmp_path))) as database:
        database.execute("UPDATE outbox SET payload = x'00' WHERE number = 2")
        database.commit()
    with monkeypatch.context() as dying:
        dying.setattr(moment, die)
        with pytest.raises(KeyboardInterrupt):
            a_store(tmp_path).open()
    contents = contents_of(tmp_path)
    assert contents.rows == [(1, final(1)), (3, final(3))]
    assert contents.microphones == {"desk": desk(7)}
    assert contents_of(tmp_path) == Store(tmp_path / "state", "power").open()
    assert not (tmp_path / "state" / f"{NAME}.salvaged").exists()


def test_what_was_saved_is_on_disk_before_anything_else_is_written(tmp_path):
    with contextlib.closing(sqlite3.connect(filled(tmp_path))) as database:
        database.execute("UPDATE outbox SET crc = 0 WHERE number = 2")
        database.commit()
    a_store(tmp_path).open()  # And killed: nothing is written or closed.
    copy = tmp_path / "copy" / "state"
    copy.mkdir(parents=True)
    for path in (tmp_path / "state").iterdir():
        if path.name in (NAME, f"{NAME}-wal"):
            (copy / path.name).write_bytes(path.read_bytes())
    assert contents_of(tmp_path / "copy").rows == [(1, final(1)), (3, final(3))]


# --- a disk that does not take it ----------------------------------------------------------------------------------


@contextlib.contextmanager
def disk_full_at(size):
    """No file of this process may grow beyond ``size`` bytes; writing more is an error, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_takes_nothing_of_a_batch_and_the_whole_once_there_is_room(tmp_path):
    filled(tmp_path)
    store = a_store(tmp_path)
    store.open()
    many = batch(*((number, final(number, bytes(5000))) for number in range(1, 40)), whole=True)
    with disk_full_at(60_000), pytest.raises(TryAgain, match="cannot be written"):
        store.write(many)
    store.write(batch((4, final(4))))
    store.close()
    assert contents_of(tmp_path).rows == [(number, final(number)) for number in range(1, 5)]


def test_a_path_that_is_a_directory_is_trouble(tmp_path):
    (tmp_path / "state" / NAME).mkdir(parents=True)
    with pytest.raises(TryAgain, match="directory"):
        a_store(tmp_path).open()


def test_a_folder_that_cannot_be_made_is_trouble(tmp_path):
    (tmp_path / "state").write_text("a file")
    contents = a_store(tmp_path).open()
    assert not contents.writable
    assert "File exists" in contents.trouble


READ = """
import os, pathlib, sys, tempfile
from edgetx.errors import TryAgain
from edgetx.store import Batch, Store
if not os.geteuid():  # Permissions do not count for root.
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
store = Store(pathlib.Path(sys.argv[1]), "crash")
contents = store.open()
print(contents.writable, [number for number, _ in contents.rows])
try:
    store.write(Batch(True, [], {}))
except TryAgain as error:
    print(error)
"""


def test_what_a_read_only_file_holds_is_still_owed():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        path = filled(folder)
        path.chmod(0o444)
        path.parent.chmod(0o555)
        command = [sys.executable, "-c", READ, str(path.parent)]
        done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
        path.parent.chmod(0o700)
    first, second = done.stdout.splitlines() or [done.stderr, ""]
    assert first == "False [1, 2, 3]"
    assert "cannot be written" in second


def test_a_file_that_another_daemon_uses_is_left_alone(tmp_path):
    path = filled(tmp_path)
    first = a_store(tmp_path)
    first.open()
    program = "import sys, pathlib; from edgetx.store import Store; Store(pathlib.Path(sys.argv[1]), 'crash').open()"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path.parent)], capture_output=True, text=True, check=False
    )
    first.close()
    assert "another program uses it" in done.stderr.splitlines()[-1]


# --- kill -9 ------------------------------------------------------------------------------------------------------

WRITER = """
import sys, pathlib
from tests.test_store import a_store, batch, desk, final
store = a_store(pathlib.Path(sys.argv[1]))
number = max((number for number, _ in store.open().rows), default=0)
while True:
    number += 1
    store.write(batch((number, final(number)), (number - 5, None), desk=desk(number)))
    print(number, flush=True)
"""


def test_a_process_killed_at_any_moment_loses_nothing_that_was_committed(tmp_path):
    chance = random.Random(SEED)
    for _ in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE) as writer:
            for _ in range(chance.randrange(1, 60)):
                told = int(writer.stdout.readline())
            writer.kill()
            told = int(([told, *writer.stdout.read().split()])[-1])
        contents = contents_of(tmp_path)
        assert contents.trouble == ""
        numbers = [number for number, _ in contents.rows]
        assert numbers[-1] in (told, told + 1), "the last may have been committed and not been told"
        assert numbers == list(range(max(1, numbers[-1] - 4), numbers[-1] + 1))
        assert contents.microphones["desk"] == desk(numbers[-1]), "what is written together is there together"
        assert all(publication == final(number) for number, publication in contents.rows)
