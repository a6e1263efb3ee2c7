"""The state file: one SQLite database that holds what a restart must find again. The door to sqlite3.

It holds rows of the outbox, one for each microphone, and how much the outbox gave up. What is written together is one
transaction, in the write-ahead log: a killed process loses none that was committed. With durability ``crash``
(synchronous=NORMAL) the log is not forced to the card at each of them, so a loss of power can cost the last ones,
though never the file; ``power`` (FULL) forces it.

A file that is damaged, not ours, or of a newer edgetx is set aside, with its log; what can still be read of it is in
the new one before that takes its place. While it is open it is locked: two daemons cannot share it.

Everything here waits for the disk. One thread at a time may use it, not always the same.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edgetx.aside import set_aside
from edgetx.errors import TryAgain
from edgetx.mqtt.topics import Kind, Publication
from edgetx.records import (
    Row,
    count_of,
    count_record,
    microphone_of,
    microphone_record,
    publication_of,
    publication_record,
)
from edgetx.restart import Remembered

Durability = Literal["crash", "power"]

NAME = "state.db"
OURS = 0x65647478
"""The file's application id: "edtx"."""
VERSION = 1
LOCKED_SECONDS = 1.0
LOG_BYTES = 4_000_000
"""What the write-ahead log shrinks to after it has been longer."""
SYNCHRONOUS: Mapping[Durability, str] = {"crash": "NORMAL", "power": "FULL"}
DAMAGE = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR_READ})
"""What SQLite says of a file whose contents are wrong; the first: a table or a column is not there."""

TABLES = (
    "CREATE TABLE outbox (number INTEGER PRIMARY KEY, fields TEXT, payload BLOB, crc INTEGER)",
    "CREATE TABLE microphone (name TEXT PRIMARY KEY, memory TEXT, crc INTEGER) WITHOUT ROWID",
    f"PRAGMA application_id = {OURS}",
    f"PRAGMA user_version = {VERSION}",
)
LATER = "CREATE TABLE IF NOT EXISTS given_up (kind TEXT PRIMARY KEY, count INTEGER, crc INTEGER) WITHOUT ROWID"


@dataclass(slots=True)
class Contents:
    """What the file held. ``trouble``: what was wrong with it, in words; it is to be written anew then.

    Not ``writable``: it could be read, and that is all.
    """

    rows: list[Row] = field(default_factory=list)
    microphones: dict[str, Remembered] = field(default_factory=dict)
    given_up: dict[Kind, int] = field(default_factory=dict)
    trouble: str = ""
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written in one transaction. A row without a publication is removed; ``whole``: nothing else is kept."""

    whole: bool
    rows: Sequence[tuple[int, Publication | None]]
    microphones: Mapping[str, Remembered]
    given_up: Mapping[Kind, int] = field(default_factory=dict)


class Locked(TryAgain):
    """Another program uses the file: what it holds is none of our business."""


class Store:
    """The state file in ``folder``, which is made if it is not there."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._salvaged = folder / f"{NAME}.salvaged"  # A whole file: it only has to take its place.
        self._durability = durability
        self._synchronous = SYNCHRONOUS[durability]
        self._database: sqlite3.Connection | None = None

    def open(self) -> Contents:
        """Open the file and return what it holds. Raise TryAgain when it cannot be had, not even to be read."""
        self.close()
        contents = Contents()
        try:
            with _doing("written", self._path):
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if self._salvaged.exists():
                    self._take_its_place()
                if damage := self._read(contents):
                    self._begin_anew(contents, damage)
        except Locked:
            raise
        except TryAgain as error:
            self.close()
            return self._read_copy(str(error))
        return contents

    def write(self, batch: Batch) -> None:
        """Write ``batch``, all or nothing. Raise TryAgain; after that the file is to be written anew, as a whole."""
        with _doing("written", self._path):
            try:
                _write(self._database or self._opened_again(), batch)
            except (sqlite3.Error, UnicodeDecodeError):
                self.close()
                raise

    def close(self) -> None:
        """Close the file; what was written stays."""
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):  # The log is worked in when it is opened again.
                database.close()

    def _read_copy(self, trouble: str) -> Contents:
        """Read the file where it cannot be written: a disk that is full, or read-only."""
        contents = Contents(trouble=trouble, writable=False)
        with _doing("read", self._path), tempfile.TemporaryDirectory() as folder:
            for path in (self._path, self._path.with_name(f"{NAME}-wal")):
                if path.exists():
                    shutil.copyfile(path, Path(folder) / path.name)
            copy = Store(Path(folder), "crash")
            copy._read(contents)
            copy.close()
        return contents

    def _opened_again(self) -> sqlite3.Connection:
        """Open the file after an error; what it holds is older than what is known."""
        contents = self.open()
        if self._database is None:
            raise TryAgain(contents.trouble)
        return self._database

    def _read(self, contents: Contents) -> str:
        """Open the file, and read into ``contents`` what can be read. Return what is wrong with it, if something is."""
        try:
            database = self._database = self._connect()
            if not (fault := _not_ours(database)):
                self._set_up(database)
                fault = _read_all(database, contents) or _check(database)
            if fault:
                self.close()
        except (sqlite3.Error, UnicodeDecodeError) as error:  # The latter: SQLite quotes from a damaged file.
            self.close()
            if isinstance(error, sqlite3.Error) and not _is_damage(error):
                raise
            return str(error)
        return fault

    def _begin_anew(self, contents: Contents, damage: str) -> None:
        self._salvage(contents)
        aside = self._take_its_place()
        saved = len(contents.rows)
        contents.trouble = (
            f"{self._path} cannot be used ({damage}). It was set aside as {aside.name} and a new one begun;"
            f" {saved} message{'' if saved == 1 else 's'} could be taken over."
        )
        self._database = self._connect()
        _not_ours(self._database)
        self._set_up(self._database)

    def _salvage(self, contents: Contents) -> None:
        """Write ``contents`` into a file beside this one: whatever happens now, one of the two is there."""
        folder = self._folder / f"{NAME}.part"
        shutil.rmtree(folder, ignore_errors=True)
        fresh = Store(folder, self._durability)
        try:
            fresh.open()
            fresh.write(Batch(True, contents.rows, contents.microphones, contents.given_up))
            fresh._opened_again().execute("PRAGMA journal_mode = DELETE")  # No log beside it.
        finally:
            fresh.close()
        (folder / NAME).rename(self._salvaged)
        shutil.rmtree(folder, ignore_errors=True)

    def _take_its_place(self) -> Path:
        aside = set_aside(self._path, along=["-wal"], gone=["-shm"])
        self._salvaged.rename(self._path)
        return aside

    def _connect(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite's other files are as this.
        self._path.chmod(0o600)
        database = sqlite3.connect(
            self._path, timeout=LOCKED_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=16
        )
        database.text_factory = bytes
        return database

    def _set_up(self, database: sqlite3.Connection) -> None:
        """Choose how to write; make the tables of an empty file."""
        for setting in (
            "journal_mode = WAL",
            f"synchronous = {self._synchronous}",
            f"journal_size_limit = {LOG_BYTES}",
        ):
            database.execute(f"PRAGMA {setting}")
        if _is_empty(database):
            database.execute("BEGIN IMMEDIATE")
            for statement in TABLES:
                database.execute(statement)
            database.execute("COMMIT")
        database.execute(LATER)  # Files of version 1 were begun without it.


@contextmanager
def _doing(what: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Locked(f"{path} cannot be {what}: another program uses it, a second edgetx perhaps.") from error
        raise TryAgain(f"{path} cannot be {what}: {error}.") from error
    except OSError as error:
        raise TryAgain(f"{path} cannot be {what}: {error.strerror}.") from error


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF


def _is_damage(error: sqlite3.Error) -> bool:
    return not DAMAGE.isdisjoint({_code(error), getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)})


def _is_empty(database: sqlite3.Connection) -> bool:
    return not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _not_ours(database: sqlite3.Connection) -> str:
    """Lock the file. Return why it is not to be used, if so."""
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    empty = _is_empty(database)
    (ours,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if empty and not version and not ours:
        return ""
    if ours != OURS:
        return "it is another program's"
    return "" if version == VERSION else f"it is of version {version}, this edgetx knows version {VERSION}"


def _read_all(database: sqlite3.Connection, contents: Contents) -> str:
    """Read what can be read. Return how much is damaged, if something is."""
    rows = database.execute("SELECT number, fields, payload, crc FROM outbox ORDER BY number")
    bad = _each(rows, lambda *columns: contents.rows.append(publication_of(*columns)))
    lines = database.execute("SELECT name, memory, crc FROM microphone")
    bad += _each(lines, lambda *columns: contents.microphones.update([microphone_of(*columns)]))
    counts = database.execute("SELECT kind, count, crc FROM given_up")
    bad += _each(counts, lambda *columns: contents.given_up.update([count_of(*columns)]))
    return f"{bad} of its rows are damaged" if bad else ""


def _each(rows: sqlite3.Cursor, take: Callable[..., None]) -> int:
    """Let ``take`` have the columns of each row; return of how many it thought nothing."""
    bad = 0
    for row in rows:
        try:
            take(*row)
        except ValueError:
            bad += 1
    return bad


def _write(database: sqlite3.Connection, batch: Batch) -> None:
    database.execute("BEGIN IMMEDIATE")
    if batch.whole:
        database.execute("DELETE FROM outbox")
    gone = [(number,) for number, publication in batch.rows if publication is None]
    database.executemany("DELETE FROM outbox WHERE number = ?", gone)
    kept = (publication_record(number, publication) for number, publication in batch.rows if publication)
    database.executemany("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?)", kept)
    lines = (microphone_record(name, remembered) for name, remembered in batch.microphones.items())
    database.executemany("INSERT OR REPLACE INTO microphone VALUES (?, ?, ?)", lines)
    counts = (count_record(kind, count) for kind, count in batch.given_up.items())
    database.executemany("INSERT OR REPLACE INTO given_up VALUES (?, ?, ?)", counts)
    database.execute("COMMIT")


def _check(database: sqlite3.Connection) -> str:
    (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    return "" if found == b"ok" else str(found, errors="replace")
