"""The disk tier of a microphone's sound: a folder of segment files, each with consecutive frames.

A segment's name is the number of its first frame, in 20 digits. Its bytes, little-endian: ``EDGETX``, a version (u16),
the first frame (u64), the number of frames (u32), when it was captured (f64, UNIX seconds), whether that clock was
synchronised (u8), the CRC-32 of all the rest of the file (u32), the frames (int16). So sound can be placed even if all
else is lost. It is written under another name and then renamed, so it is there whole or not at all; but after a loss of
power a file may hold anything, and a card forgets. What does not bear out its own checksum is removed and was never
there.

Writing and removing belong to one thread at a time; any thread may read.
"""

import logging
import os
import re
import struct
import threading
import zlib
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from errno import EIO, EMFILE, ENFILE, ENOENT, ENOMEM
from pathlib import Path
from typing import NamedTuple

from edgetx.audio.format import FRAME_BYTES, RATE
from edgetx.audio.keeping import HEADER_BYTES, Segment
from edgetx.audio.log import Stretch
from edgetx.clock import Moment
from edgetx.errors import TryAgain

VERSION = 2
FOLDERS_NEW = 2
"""The folder of all microphones, and that of the state: a microphone's own is made in them."""

_HEADER = struct.Struct("<6sHQLd?L")
_MAGIC = b"EDGETX"
_CRC_BYTES = 4
_NAME = re.compile(r"[0-9]{20}\.pcm")
_PART = ".part"
_GONE = frozenset({ENOENT, EIO})
"""What says that sound is lost. Anything else that keeps it from being read may pass, and it is still there."""
_PASSING = frozenset({EMFILE, ENFILE, ENOMEM})

_log = logging.getLogger(__name__)


class _Content(NamedTuple):
    pcm: bytes
    captured: Moment
    """Its first frame, by the wall clock alone."""


def _never(_frame: int) -> Moment:
    return Moment(0.0, synced=False, monotonic=0.0, boottime=0.0, boot_id="")


class Spool:
    """``sync``: wait until each segment would survive a loss of power, which costs a card an erase block or two.

    ``captured(frame)`` says when a frame was, in whatever thread writes.
    """

    def __init__(self, folder: Path, *, sync: bool = False, captured: Callable[[int], Moment] = _never) -> None:
        self._folder = folder
        self._sync = sync
        self._captured = captured
        self._lock = threading.RLock()
        self._segments: tuple[Segment, ...] = ()
        self._damaged: list[Segment] = []
        self._last: tuple[Segment, _Content] | None = None

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What there is, by number."""
        return self._segments

    @property
    def end(self) -> int:
        """The number of the frame after the last; 0 if there is none. A new run must not begin before it."""
        return self._segments[-1].end if self._segments else 0

    @property
    def oldest(self) -> int | None:
        """The first frame there is, or was until it turned out to be damaged, which `take_damaged` has not told yet."""
        return min((segment.start for segment in (*self._damaged, *self._segments[:1])), default=None)

    def open(self) -> None:
        """See what an earlier run has left; to be called once, before all else. Other people's files are let be.

        Raise TryAgain if the machine is short of something: what is there is not known then.
        """
        found: list[Segment] = []
        try:
            paths = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            _is_let_be(self._folder, error)
            return
        for path in paths:
            if path.suffix == _PART and _NAME.fullmatch(path.stem):
                _remove_quietly(path)
            elif _NAME.fullmatch(path.name):
                try:
                    segment = _segment_of(path)
                except OSError as error:
                    _is_let_be(path, error)
                    continue
                if segment is None or (found and segment.start < found[-1].end):
                    _log.warning("%s is no whole segment of sound and is removed.", path)
                    _remove_quietly(path)
                else:
                    found.append(segment)
        self._segments = tuple(found)

    def moment_of(self, frame: int) -> Moment | None:
        """Return when ``frame`` was captured, by what the last segment that is whole says of itself; None: none is."""
        for segment in reversed(self._segments):
            if content := self._content(segment):
                return content.captured.earlier((segment.start - frame) / RATE)
        return None

    def clear(self) -> None:
        """Remove all there is, and the folder if nothing else is in it. Raise TryAgain if something cannot be."""
        for segment in self._segments:
            self.remove(segment)
        with suppress(OSError):
            self._folder.rmdir()

    def write(self, start: int, pcm: bytes) -> None:
        """Keep the frames ``pcm``, the first of which is number ``start``. Raise TryAgain if it cannot be written."""
        segment = Segment(start, start + len(pcm) // FRAME_BYTES)
        path = self._path(segment)
        part = path.with_name(path.name + _PART)
        try:
            self._make_folder()
            self._write_file(part, _encoded(segment, pcm, self._captured(start)))
            part.replace(path)
            if self._sync:
                _sync_folder(self._folder)
        except OSError as error:
            _remove_quietly(part)
            raise TryAgain(f"Sound cannot be kept in {self._folder}: {error.strerror}.") from error
        with self._lock:
            self._segments = tuple(sorted((*self._segments, segment)))

    def remove(self, segment: Segment) -> None:
        """Forget a segment. Raise TryAgain if its file cannot be removed; it is still there then."""
        try:
            with self._lock:  # A reader that does not find the file is to see that it was meant to go.
                self._path(segment).unlink(missing_ok=True)
                self._forget(segment)
        except OSError as error:
            raise TryAgain(f"Sound cannot be removed from {self._folder}: {error.strerror}.") from error

    def read(self, start: int, count: int, *, before: int) -> Stretch | None:
        """Return up to ``count`` frames from ``start``, or from where there are some; None if none are ``before``.

        Frames out of one segment only, which is read whole. A damaged one is removed, one that cannot be read now
        stays; those behind it are next.
        """
        while (segment := self._next(start)) and segment.start < before:
            if content := self._content(segment):
                first = max(start, segment.start)
                at = (first - segment.start) * FRAME_BYTES
                return Stretch(first, content.pcm[at : at + count * FRAME_BYTES])
            start = max(start, segment.end)
        return None

    def take_damaged(self) -> list[Segment]:
        """Return the segments that turned out to be damaged since this was called last."""
        with self._lock:
            damaged, self._damaged = self._damaged, []
        return damaged

    def _next(self, frame: int) -> Segment | None:
        segments = self._segments
        index = bisect_right(segments, frame, key=lambda segment: segment.end)
        return segments[index] if index < len(segments) else None

    def _content(self, segment: Segment) -> _Content | None:
        """Return what a segment holds; None if it is gone or damaged, and then forgotten, or cannot be read now."""
        last = self._last
        if last is not None and last[0] == segment:
            return last[1]
        try:
            content = _decoded(self._path(segment).read_bytes(), segment)
            trouble = "its checksum is wrong"
        except OSError as error:
            content, trouble = None, str(error.strerror)
            if error.errno not in _GONE:
                _log.warning("The sound kept in %s cannot be read now: %s.", self._path(segment), trouble)
                return None
        if content is None:
            self._is_damaged(segment, trouble)
        else:
            self._last = segment, content
        return content

    def _is_damaged(self, segment: Segment, trouble: str) -> None:
        if self._forget(segment):  # Else it was removed while it was read: nobody wants it.
            with self._lock:
                self._damaged.append(segment)
            path = self._path(segment)
            _log.warning("The sound kept in %s is lost: %s.", path, trouble)
            _remove_quietly(path)

    def _forget(self, segment: Segment) -> bool:
        with self._lock:
            left = tuple(other for other in self._segments if other != segment)
            was_there = len(left) < len(self._segments)
            self._segments = left
            if self._last is not None and self._last[0] == segment:
                self._last = None
        return was_there

    def _write_file(self, path: Path, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(data)
            if self._sync:
                file.flush()
                os.fsync(file.fileno())

    def _make_folder(self) -> None:
        if self._folder.is_dir():
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._sync:  # Of the folders above, any may be as new.
            for folder in list(self._folder.parents)[:FOLDERS_NEW]:
                _sync_folder(folder)

    def _path(self, segment: Segment) -> Path:
        return self._folder / f"{segment.start:020}.pcm"


def _encoded(segment: Segment, pcm: bytes, captured: Moment) -> bytes:
    frames = segment.end - segment.start
    head = _HEADER.pack(_MAGIC, VERSION, segment.start, frames, captured.wall, captured.synced, 0)[:-_CRC_BYTES]
    return b"".join((head, _checksum(head, pcm), pcm))


def _decoded(data: bytes, segment: Segment) -> _Content | None:
    """Return what is in a segment's file; None if it is not as it was written."""
    head, pcm = data[:HEADER_BYTES], data[HEADER_BYTES:]
    if len(head) < HEADER_BYTES or head[-_CRC_BYTES:] != _checksum(head[:-_CRC_BYTES], pcm):
        return None
    magic, version, start, frames, wall, synced, _ = _HEADER.unpack(head)
    if (magic, version, start, frames) != (_MAGIC, VERSION, segment.start, segment.end - segment.start):
        return None
    return _Content(pcm, Moment(wall, synced, monotonic=wall, boottime=wall, boot_id=""))


def _checksum(head: bytes, pcm: bytes) -> bytes:
    return zlib.crc32(pcm, zlib.crc32(head)).to_bytes(_CRC_BYTES, "little")


def _segment_of(path: Path) -> Segment | None:
    """Return what a file says that it holds, if its name and its size agree; its checksum is for its reader.

    Raise OSError if it cannot be read now.
    """
    try:
        with path.open("rb") as file:
            head, size = file.read(HEADER_BYTES), os.fstat(file.fileno()).st_size
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    if len(head) < HEADER_BYTES:
        return None
    magic, version, start, frames, *_ = _HEADER.unpack(head)
    agrees = path.name == f"{start:020}.pcm" and size == HEADER_BYTES + frames * FRAME_BYTES
    return Segment(start, start + frames) if (magic, version) == (_MAGIC, VERSION) and frames and agrees else None


def _is_let_be(path: Path, error: OSError) -> None:
    """Say that what is at ``path`` cannot be had. Raise TryAgain where that will pass."""
    if error.errno in _PASSING:
        raise TryAgain(f"The sound kept in {path} cannot be looked at: {error.strerror}.") from error
    _log.warning("The sound kept in %s cannot be looked at: %s.", path, error.strerror)


def _remove_quietly(path: Path) -> None:
    """Remove a file that nobody reads; where that fails it stays until the next start."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s cannot be removed: %s.", path, error.strerror)


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
