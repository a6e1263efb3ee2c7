"""One opening of a source: where its frames, which count from 0, stand among the log's. Pure."""

from edgetx.audio.format import AudioFormat
from edgetx.audio.heard import Bearing, at_16k


class Opening:
    """Its frame 0 is number ``base`` of the log, ``end`` is its frame that comes next.

    ``running``: it has delivered. ``steady``: for a while. ``note_at``: the frame at which it is due to be looked at.
    """

    def __init__(self, form: AudioFormat, base: int) -> None:
        self.form = form
        self.rate = form.rate
        self.base = base
        self.running = False
        self.steady = False
        self.end = 0
        self.note_at = 0

    def number(self, frame: int) -> int:
        """Return the log's number of the source's ``frame``."""
        return self.base + at_16k(frame, self.rate)

    def placed(self, bearings: tuple[Bearing, ...]) -> tuple[Bearing, ...]:
        """Return bearings that a front end gave, with the log's numbers."""
        return tuple(each._replace(start=self.base + each.start, end=self.base + each.end) for each in bearings)
