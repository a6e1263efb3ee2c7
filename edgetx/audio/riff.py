"""The head of a WAV file: where its sound is and in what format.

RIFF is a list of chunks, ``id[4] size[4, little-endian] body`` with a padding byte after an odd body, inside one chunk
``RIFF size WAVE``. Two count: ``fmt `` (the format tag, channels, rate, bytes a second, bytes a frame, bits a sample;
with the tag EXTENSIBLE, the true tag opens the sub-format at offset 24) and ``data``. Sizes cannot be trusted: a
recorder that was cut off, or writes to a pipe, leaves 0 or the largest number. Source: Microsoft, "Multiple
channel audio data and WAVE files", and RFC 2361.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from edgetx.audio.format import AudioFormat, SampleFormat

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN_BYTES = 0x7FFF_0000
"""A data size from here on is a placeholder of a recorder that could not know it."""

_SAMPLE_FORMATS = {16: SampleFormat.S16_LE, 24: SampleFormat.S24_3LE, 32: SampleFormat.S32_LE}


class NotPlayable(ValueError):
    """This file is not one that edgetx reads; the text says what it is instead, to complete 'The file X …'."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The sound of a file: ``frames`` from byte ``offset``; the header promised ``missing_frames`` more."""

    format: AudioFormat
    offset: int
    frames: int
    missing_frames: int


def read_recording(file: BinaryIO) -> Recording:
    """Read the head of ``file``, a seekable WAV file at its start. Raise NotPlayable."""
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise NotPlayable("is not a WAV file")
    form: AudioFormat | None = None
    for name, size in _chunks(file):
        if name == b"fmt ":
            form = _format(file.read(min(size, 40)))
        elif name == b"data":
            if form is None:
                raise NotPlayable("has its sound before its format")
            return _recording(file, form, size)
    raise NotPlayable("ends before its sound begins")


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield each chunk's id and size, ``file`` standing at its body."""
    while len(head := file.read(8)) == 8:  # noqa: PLR2004 - an id and a size
        name, size = struct.unpack("<4sI", head)
        body = file.tell()
        yield name, size
        file.seek(body + size + size % 2)


def _format(body: bytes) -> AudioFormat:
    try:
        tag, channels, rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
        if tag == EXTENSIBLE:
            (tag,) = struct.unpack_from("<H", body, 24)
    except struct.error:
        raise NotPlayable("has a damaged header") from None
    if tag != PCM or bits not in _SAMPLE_FORMATS:
        raise NotPlayable(f"holds {_kind(tag, bits)}")
    form = AudioFormat(rate, channels, _SAMPLE_FORMATS[bits])
    if not rate or not channels or frame_bytes != form.frame_bytes:
        raise NotPlayable("has a damaged header")
    return form


def _kind(tag: int, bits: int) -> str:
    return {PCM: f"{bits}-bit samples", FLOAT: f"{bits}-bit float samples"}.get(tag, f"sound of format tag {tag:#06x}")


def _recording(file: BinaryIO, form: AudioFormat, promised: int) -> Recording:
    offset = file.tell()
    held = file.seek(0, 2) - offset
    if not promised or (promised >= UNKNOWN_BYTES and promised > held):
        promised = held
    frames = min(promised, held) // form.frame_bytes
    return Recording(form, offset, frames, missing_frames=promised // form.frame_bytes - frames)
