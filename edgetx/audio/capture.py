"""The body of one capture thread: open, read, front end, log, for ever.

Whatever happens to the device, the numbers go on: a source counts from 0 each time it is opened, and `Capture` places
it where the monotonic clock says that its first frame belongs. What went by meanwhile is a `Gap` of cause ``device``.

The states, reported when they change: ``opening`` → ``running`` ⇄ ``absent`` (the device is not there, or in use, or
went away) or ``refused`` (it is there but not as the settings want it) → ``ended`` (of a recording) or ``stopped``.
Absence and refusal are both tried again for ever: a device may be plugged in, or plugged in with other abilities.
"""

import threading
from collections.abc import Callable, Iterator

from edgetx.audio.anchor import Anchor
from edgetx.audio.format import RATE, AudioFormat, Chunk, Gap
from edgetx.audio.frontend import Listen, front_end
from edgetx.audio.heard import FrontEnd, at_16k
from edgetx.audio.log import AudioLog
from edgetx.audio.source import Source
from edgetx.errors import Refused, TryAgain
from edgetx.retry import delays

FIRST_SECONDS = 0.5
CAP_SECONDS = 5.0
REFUSED_SECONDS = 15.0


class Capture:
    """Feeds ``log`` from sources that ``make_source`` makes anew for each attempt. All callbacks run in its thread.

    ``clock`` is monotonic seconds, ``random`` uniform in [0, 1). ``since``: when the first frame of ``log`` is due, by
    that clock. ``observe(frame, seconds)``: once a second, the number, at 16 kHz, of the frame after the last that the
    device had handed over, and when. ``report_gap``: a hole, in 16 kHz frames. ``report_state(state, detail)``: see
    above. ``measure(form, chunk, pcm)``, if given, sees each chunk as the source delivered it, and what came of it.
    """

    def __init__(
        self,
        *,
        make_source: Callable[[], Source],
        listen: Listen,
        log: AudioLog,
        since: float,
        clock: Callable[[], float],
        random: Callable[[], float],
        observe: Callable[[int, float], None],
        report_gap: Callable[[Gap], None],
        report_state: Callable[[str, str], None],
        measure: Callable[[AudioFormat, Chunk, bytes], None] | None = None,
    ) -> None:
        self._make_source = make_source
        self._listen = listen
        self._log = log
        self._clock = clock
        self._random = random
        self._observe = observe
        self._report_gap = report_gap
        self._report_state = report_state
        self._measure = measure
        self._stop = threading.Event()
        self._source: Source | None = None
        self._state = ("", "")
        self._waits = _waits(random)
        self._anchor = Anchor(RATE)
        self._end = log.end
        self._since = since

    def run(self) -> None:
        """Capture until `stop` or the end of a recording, then finish the log. What is unexpected is raised."""
        self._enter("opening")
        if self._end:  # The numbers of an earlier run go on: what goes by until the device delivers is a hole.
            self._anchor.observe(self._end, self._since)
        ended = False
        while not ended and not self._stop.is_set():
            try:
                ended = self._capture()
            except TryAgain as error:
                self._pause("absent", str(error), next(self._waits))
            except Refused as error:
                self._pause("refused", str(error), REFUSED_SECONDS)
        if not ended:
            self._miss_the_rest()
        self._log.finish()
        self._enter("ended" if ended else "stopped")

    def stop(self) -> None:
        """End `run`, from any thread, at once: also a wait for the device, or for the next attempt."""
        self._stop.set()
        if self._source is not None:
            self._source.close()

    def _capture(self) -> bool:
        """Open the source and follow it; return whether it came to its end (else it was stopped)."""
        self._source = source = self._make_source()
        try:
            source.open()
            return self._follow(source, front_end(source.format, self._listen))
        finally:
            source.close()

    def _follow(self, source: Source, ears: FrontEnd | None) -> bool:
        stretch = _Stretch(source.format, self._end)
        try:
            while not self._stop.is_set():
                piece = source.read()
                if isinstance(piece, Chunk):
                    self._hear(piece, stretch, ears)
                elif piece is None:
                    return True
                else:
                    self._lose(piece, stretch, ears)
            return False
        finally:
            if stretch.running:
                self._flush(ears, stretch)
            self._end = stretch.number(stretch.end)

    def _hear(self, chunk: Chunk, stretch: "_Stretch", ears: FrontEnd | None) -> None:
        if not stretch.running:
            self._begin(chunk, stretch, self._clock())
        start, pcm = ears.process(chunk) if ears else (chunk.start, chunk.data)
        if pcm:
            self._log.append(stretch.base + start, pcm)  # Before all else: it also sends.
        self._log.heard_at = self._clock()
        stretch.end = end = chunk.start + chunk.frames
        if end >= stretch.note_at:
            self._note(stretch)
        if self._measure is not None:
            self._measure(stretch.form, chunk, pcm)

    def _note(self, stretch: "_Stretch") -> None:
        stretch.note_at = stretch.end + stretch.rate
        end, now = stretch.number(stretch.end), self._clock()
        self._anchor.observe(end, now)
        self._observe(end, now)

    def _begin(self, chunk: Chunk, stretch: "_Stretch", now: float) -> None:
        """The device delivers: only now is it healthy, and only now is it known how much was missed."""
        stretch.running = True
        self._log.heard_at = now  # Whoever hears that it runs may ask.
        start = stretch.number(chunk.start)
        missed = self._anchor.missed(start, now - chunk.frames / stretch.rate)
        if missed:
            self._report(Gap(start, missed, "device"))
            stretch.base += missed
        self._waits = _waits(self._random)
        self._enter("running", str(stretch.form))

    def _miss_the_rest(self) -> None:
        """Report what went by since the device was there last, if it is not there now."""
        missed = self._anchor.missed(self._end, self._clock())
        if self._state[0] in {"absent", "refused"} and missed:
            self._report(Gap(self._end, missed, "device"))

    def _report(self, gap: Gap) -> None:
        self._report_gap(gap)
        self._log.append(gap.end, b"")

    def _lose(self, gap: Gap, stretch: "_Stretch", ears: FrontEnd | None) -> None:
        if stretch.running:
            self._flush(ears, stretch)
        stretch.end = gap.end
        start = stretch.number(gap.start)
        self._report(Gap(start, stretch.number(gap.end) - start, gap.cause))

    def _flush(self, ears: FrontEnd | None, stretch: "_Stretch") -> None:
        start, pcm = ears.flush() if ears else (0, b"")
        if pcm:
            self._log.append(stretch.base + start, pcm)

    def _pause(self, state: str, detail: str, seconds: float) -> None:
        if not self._stop.is_set():
            self._enter(state, detail)
            self._stop.wait(seconds)

    def _enter(self, state: str, detail: str = "") -> None:
        if self._state != (state, detail):
            self._state = (state, detail)
            self._report_state(state, detail)


class _Stretch:
    """One opening of a source: its frame 0 is number ``base`` of the log, ``end`` is its frame that comes next."""

    def __init__(self, form: AudioFormat, base: int) -> None:
        self.form = form
        self.rate = form.rate
        self.base = base
        self.running = False
        self.end = 0
        self.note_at = 0

    def number(self, frame: int) -> int:
        """Return the log's number of the source's ``frame``."""
        return self.base + at_16k(frame, self.rate)


def _waits(random: Callable[[], float]) -> Iterator[float]:
    return delays(random, first_seconds=FIRST_SECONDS, cap_seconds=CAP_SECONDS)
