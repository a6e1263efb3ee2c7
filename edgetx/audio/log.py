"""The audio log: numbered frames, one writer, many readers that each hold a frame number. It is a log, not a queue.

A ring of bytes whose index is the frame number modulo its size. The writer never waits and takes no lock: it copies
first and moves `end` afterwards (one assignment, atomic under the GIL). A reader copies first and looks at `oldest`
afterwards: what was overwritten meanwhile is thrown away. The ring is one second longer than what it promises to
keep, so a reader at `oldest` has that second to make its copy.

Holes are skipped: `read` goes on behind them, and the number it returns tells. One reader may *follow* the log: the
writer's thread hands it what comes before it writes it down, for what is live should not wait for a copy.
"""

from bisect import bisect_right
from typing import NamedTuple, Protocol

from edgetx.audio.format import FRAME_BYTES, RATE
from edgetx.audio.spoken import Spoken


class Stretch(NamedTuple):
    """Consecutive frames out of the log, int16 little-endian; ``start`` numbers the first."""

    start: int
    pcm: bytes

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.pcm) // FRAME_BYTES

    @property
    def end(self) -> int:
        """The number of the frame after the last."""
        return self.start + self.frames


class Follower(Protocol):
    """Called in the writer's thread."""

    def take(self, start: int, pcm: bytes) -> bool:
        """Take the sound that comes, whose first frame is number ``start``; False: `look` when it is in the log."""

    def look(self) -> None:
        """See what is in the log, or that it rests or has ended."""


class Reader(Protocol):
    """What is kept of a microphone's sound, wherever it is kept; for any thread, and it never waits for sound.

    `read` may wait some milliseconds for a disk, where memory no longer reaches.
    """

    @property
    def oldest(self) -> int:
        """The oldest frame that may still be asked for."""

    @property
    def end(self) -> int:
        """The number of the frame that comes next."""

    @property
    def ended(self) -> bool:
        """Nothing more will come."""

    def read(self, start: int, count: int) -> Stretch:
        """Return up to ``count`` consecutive frames from ``start``; see `AudioLog.read`."""


class AudioLog:
    """Memory tier of a microphone's sound: 16 kHz, mono, int16. The first frame is number ``start``."""

    spoken: Spoken | None = None
    """What of the sound is speech, where that is looked for: see `spoken_log`."""

    def __init__(self, *, keep_seconds: float, start: int = 0) -> None:
        self.keep_seconds = keep_seconds
        self._first = start
        self._keep = round(keep_seconds * RATE)
        self._size_bytes = (self._keep + RATE) * FRAME_BYTES
        self._ring = bytearray(self._size_bytes)
        self._holes: tuple[tuple[int, int], ...] = ()
        self._follower: Follower | None = None
        self.end = start
        """The number of the frame that comes next."""
        self.ended = False
        """Nothing more will come."""
        self.resting = False
        """No sound comes for a while: the microphone is muted, or gone."""
        self.heard_at = float("-inf")
        """When sound came last, by the writer's clock: it says so itself."""

    @property
    def oldest(self) -> int:
        """The oldest frame that a reader may still ask for."""
        return max(self._first, self.end - self._keep)

    def append(self, start: int, pcm: bytes) -> None:
        """Write ``pcm`` whose first frame is number ``start``, at or behind `end`; what lies between is a hole."""
        self.resting = False
        if start != self.end:
            self._leave_hole(start)
        follower = self._follower
        is_taken = follower is not None and follower.take(start, pcm)
        at = start * FRAME_BYTES % self._size_bytes
        stop = at + len(pcm)
        if stop <= self._size_bytes:
            self._ring[at:stop] = pcm
        else:
            self._write_around(at, pcm)
        self.end = start + len(pcm) // FRAME_BYTES
        if not is_taken and (follower := self._follower):  # Who began to follow meanwhile did not find it either.
            follower.look()

    def rest(self) -> None:
        """Say that no sound will come for a while, and have who follows look; in the writer's thread."""
        self.resting = True
        if follower := self._follower:
            follower.look()

    def finish(self) -> None:
        """Say that nothing more will come (a recording has an end) and wake every reader."""
        self.ended = True
        if follower := self._follower:  # Asked once: it may leave at any moment.
            follower.look()

    def read(self, start: int, count: int) -> Stretch:
        """Return up to ``count`` consecutive frames from ``start``.

        From where sound goes on, if ``start`` is in a hole or no longer kept. Empty, with the number from which to
        wait, when nothing is there yet.
        """
        start = max(start, self.oldest)
        stop = min(start + count, self.end)
        if self._holes:
            start = self._behind_holes(start)
            stop = min(start + count, self.end, *(hole[0] for hole in self._holes if hole[0] >= start))
        if stop <= start:
            return Stretch(start, b"")
        first, last = start * FRAME_BYTES % self._size_bytes, stop * FRAME_BYTES % self._size_bytes
        pcm = bytes(self._ring[first:last] if first < last else self._ring[first:] + self._ring[:last])
        lost = self.oldest - start
        return Stretch(start, pcm) if lost <= 0 else self.read(start + lost, count)

    def follow(self, follower: Follower | None) -> None:
        """Let ``follower`` have what comes from now on; what came just before it has to look for itself. None: nobody.

        A call that is under way goes on.
        """
        self._follower = follower

    def _leave_hole(self, start: int) -> None:
        if start < self.end:
            raise ValueError(f"Frame {start} was already written: the log ends at {self.end}.")
        oldest, first = self.oldest, self.end
        holes = [hole for hole in self._holes if hole[1] > oldest]
        if holes and holes[-1][1] == first:
            first = holes.pop()[0]
        self._holes = (*holes, (first, start))

    def _write_around(self, at: int, pcm: bytes) -> None:
        """Write what reaches beyond the ring's end, piece by piece: of more than the ring holds the last stays."""
        while pcm:
            piece = pcm[: self._size_bytes - at]
            self._ring[at : at + len(piece)] = piece
            pcm = pcm[len(piece) :]
            at = 0

    def _behind_holes(self, frame: int) -> int:
        holes = self._holes
        index = bisect_right(holes, (frame, self.end)) - 1
        return max(frame, holes[index][1]) if index >= 0 else frame
