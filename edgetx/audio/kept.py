"""All that is kept of a microphone's sound, as one log: what memory has, and before that what the disk has."""

from dataclasses import dataclass

from edgetx.audio.log import AudioLog, Stretch
from edgetx.audio.spool import Spool


@dataclass(frozen=True, slots=True)
class Kept:
    """A `Reader` of both tiers; where they overlap, memory is asked first."""

    log: AudioLog
    spool: Spool

    @property
    def oldest(self) -> int:
        """See `Reader`."""
        stored = self.spool.oldest
        return self.log.oldest if stored is None else min(self.log.oldest, stored)

    @property
    def end(self) -> int:
        """See `Reader`."""
        return self.log.end

    @property
    def ended(self) -> bool:
        """See `Reader`."""
        return self.log.ended

    def read(self, start: int, count: int) -> Stretch:
        """See `Reader`: what is neither in memory nor on disk is skipped like a hole."""
        found = self.log.read(start, count)
        if found.start <= start:
            return found
        return self.spool.read(start, count, before=found.start) or found
