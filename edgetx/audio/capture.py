"""The body of one capture thread: open, read, front end, log, for ever.

Whatever happens to the device, the numbers go on: a source counts from 0 each time it is opened, and `Capture` places
it where the monotonic clock says that its first frame belongs. What went by meanwhile is a `Gap` of cause ``device``,
or ``muted``.

The states, reported when they change, are those of `states`, and what may follow on what stands there. The trouble that
a source raises says which: `Stalled` → ``stalled``, any other `TryAgain` → ``absent``, `Refused` → ``error`` (a device
may be plugged in with other abilities); but `Forbidden`, of one that was gone, only if it lasts. All three are tried
again for ever, with a back-off that is forgotten when the device has delivered for a while, or when `look_again` says
that something was plugged in. A device that stalls stays ``stalled`` until it delivers, or is found to be gone.

To be told before all else: pyalsaaudio holds the interpreter's lock while it closes a device, and one that hangs may
hang there. So the wait after a stall comes before the device is closed, and everybody knows by then.
"""

import threading
from collections.abc import Callable, Iterator

from edgetx.audio.anchor import Anchor
from edgetx.audio.format import FRAME_BYTES, RATE, AudioFormat, Chunk, Gap
from edgetx.audio.heard import Bearing, FrontEnd, Remark
from edgetx.audio.log import AudioLog
from edgetx.audio.opening import Opening
from edgetx.audio.silence import Silence
from edgetx.audio.source import Forbidden, Source, Stalled
from edgetx.audio.states import AWAY
from edgetx.errors import Refused, TryAgain
from edgetx.retry import delays

FIRST_SECONDS = 0.5
CAP_SECONDS = 5.0
REFUSED_SECONDS = 15.0
UDEV_SECONDS = 1.0
"""For udev, to give a device that has just appeared to its group."""
GONE = frozenset({"absent", "stalled"})
TELL_SECONDS = 0.1
"""For the event loop, to tell of a stall."""
STEADY_SECONDS = 5
"""A device that has delivered for so long is healthy. One that delivers for a moment and stalls is not."""


class Capture:
    """Feeds ``log`` from sources that ``make_source`` makes anew for each attempt. All callbacks run in its thread.

    ``make_ears(form)``: the front end that the source made last, now open, needs, if any; it may raise Refused.
    ``describe(form)``, after that: what ``running`` says of it.
    ``clock`` is monotonic seconds, ``random`` uniform in [0, 1). ``since``: when the first frame of ``log`` is due, by
    that clock. ``observe(frame, seconds)``: once a second, the number, at 16 kHz, of the frame after the last that the
    device had handed over, and when. ``report_gap``: a hole, in 16 kHz frames. ``report_state(state, detail)``: see
    above. ``measure(form, chunk, pcm)``, if given, sees each chunk as the source delivered it, and what came of it.
    ``spatial(bearings, remarks)``, if given: what an array tells; the bearings' frames are numbered as the log's.
    ``silent_seconds``: how long one value is heard before that is called ``silent``; 0: for ever. ``muted``: the device
    is not opened before `mute` says so.
    """

    def __init__(
        self,
        *,
        make_source: Callable[[], Source],
        make_ears: Callable[[AudioFormat], FrontEnd | None],
        log: AudioLog,
        since: float,
        clock: Callable[[], float],
        random: Callable[[], float],
        observe: Callable[[int, float], None],
        report_gap: Callable[[Gap], None],
        report_state: Callable[[str, str], None],
        describe: Callable[[AudioFormat], str] = str,
        measure: Callable[[AudioFormat, Chunk, bytes], None] | None = None,
        spatial: Callable[[tuple[Bearing, ...], tuple[Remark, ...]], None] | None = None,
        silent_seconds: float = 0.0,
        muted: bool = False,
    ) -> None:
        self._make_source, self._make_ears, self._log = make_source, make_ears, log
        self._describe = describe
        self._clock, self._random = clock, random
        self._observe, self._measure, self._spatial = observe, measure, spatial
        self._report_gap, self._report_state = report_gap, report_state
        self._silent_seconds = silent_seconds
        self._silence: Silence | None = None
        self._stopped, self._muted = False, muted
        self._halted = muted
        self._wake = threading.Event()
        self._source: Source | None = None
        self._state = ("", "")
        self._waits = _waits(random)
        self._anchor = Anchor(RATE)
        self._end = log.end
        self._since = since
        self._cause = "device"

    def run(self) -> None:
        """Capture until `stop` or the end of a recording, then finish the log. What is unexpected is raised."""
        self._enter("opening")
        if self._end:  # The numbers of an earlier run go on: what goes by until the device delivers is a hole.
            self._anchor.observe(self._end, self._since)
        ended = False
        while not ended and not self._stopped:
            if self._halted:
                self._rest()
            else:
                ended = self._attempt()
        if not ended and (self._state[0] in AWAY or self._cause == "muted"):
            self._miss()
        self._log.finish()
        self._enter("ended" if ended else "stopped")

    def stop(self) -> None:
        """End `run`, from any thread, at once: also a wait for the device, or for the next attempt."""
        self._stopped = True
        self._halt()

    def mute(self, on: bool) -> None:  # noqa: FBT001  (its name says what is on)
        """Close the device and leave it alone, or take it again at once; any thread.

        The device is closed when the state says ``muted``: later, if a driver does not let its reader go. A recording
        begins again from its start.
        """
        self._muted = on
        if on:
            self._halt()
        self._wake.set()

    def look_again(self) -> None:
        """Try at once if the device is waited for: something was plugged in. Any thread."""
        self._waits = _waits(self._random)
        self._wake.set()

    def _halt(self) -> None:
        self._halted = True
        self._wake.set()
        if self._source is not None:
            self._source.close()

    def _attempt(self) -> bool:
        """Capture until something happens; return whether the source came to its end."""
        try:
            return self._capture() and not self._halted
        except TryAgain as error:
            self._pause("absent", str(error), next(self._waits))
        except Refused as error:
            if isinstance(error, Forbidden) and self._state[0] in GONE and self._state[1] != str(error):
                self._pause("absent", str(error), UDEV_SECONDS)  # It was not there, and is not yet its group's.
            else:
                self._pause("error", str(error), REFUSED_SECONDS)
        return False

    def _capture(self) -> bool:
        """Open the source and follow it; return whether it came to its end (else it was halted, or has stalled)."""
        self._source = source = self._make_source()
        try:
            source.open()
            return self._follow(source, self._make_ears(source.format))
        except Stalled as error:
            self._wake.clear()  # What was plugged in while all was well is no reason to hurry.
            self._pause("stalled", str(error), TELL_SECONDS + next(self._waits))
            return False
        finally:
            source.close()

    def _rest(self) -> None:
        """Stay away from the device until it is wanted again."""
        if self._state[0] in AWAY:
            self._miss()
        self._cause = "muted"
        self._enter("muted")
        while self._muted and not self._stopped:
            self._wake.wait()
            self._wake.clear()
        self._halted = False
        if self._muted or self._stopped:  # Asked for again meanwhile; only now, or it would be overlooked.
            self._halted = True
        else:
            self._waits = _waits(self._random)
            self._enter("opening")

    def _follow(self, source: Source, ears: FrontEnd | None) -> bool:
        opening = Opening(source.format, self._end)
        try:
            while not self._halted:
                piece = source.read()
                if isinstance(piece, Chunk):
                    self._hear(piece, opening, ears)
                elif piece is None:
                    return True
                else:
                    self._lose(piece, opening, ears)
            return False
        finally:
            if opening.running:
                self._flush(ears, opening)
            self._end = opening.number(opening.end)

    def _hear(self, chunk: Chunk, opening: Opening, ears: FrontEnd | None) -> None:
        if not opening.running:
            self._begin(chunk, opening, self._clock())
        start, pcm, bearings, remarks = ears.process(chunk) if ears else (chunk.start, chunk.data, (), ())
        if pcm:
            self._log.append(opening.base + start, pcm)  # Before all else: it also sends.
        self._log.heard_at = self._clock()
        opening.end = end = chunk.start + chunk.frames
        if end >= opening.note_at:
            self._note(opening, pcm)
        elif self._silence is not None and self._silence.watching:
            self._judge(self._silence, pcm, opening.form)
        if self._measure is not None:
            self._measure(opening.form, chunk, pcm)
        if bearings or remarks:
            self._tell(opening, bearings, remarks)

    def _note(self, opening: Opening, pcm: bytes) -> None:
        opening.note_at = opening.end + opening.rate
        end, now = opening.number(opening.end), self._clock()
        self._anchor.observe(end, now)
        self._observe(end, now)
        if not opening.steady and opening.end >= STEADY_SECONDS * opening.rate:
            opening.steady, self._waits = True, _waits(self._random)
        if self._silence is not None:
            self._judge(self._silence, pcm, opening.form)

    def _judge(self, silence: Silence, pcm: bytes, form: AudioFormat) -> None:
        """See whether what is listened to is sound."""
        if silence.hear(pcm, self._last_second):
            value = int.from_bytes(silence.sample, "little", signed=True)
            self._enter("silent", f"The device delivers nothing but the value {value}.")
        else:
            self._enter("running", self._describe(form))

    def _last_second(self) -> bytes:
        start, pcm = self._log.read(self._log.end - RATE, RATE)
        return pcm if start + len(pcm) // FRAME_BYTES == self._log.end else b""

    def _begin(self, chunk: Chunk, opening: Opening, now: float) -> None:
        """The device delivers: only now is it healthy, and only now is it known how much was missed."""
        opening.running = True
        self._log.heard_at = now  # Whoever hears that it runs may ask.
        start = opening.number(chunk.start)
        missed = self._anchor.missed(start, now - chunk.frames / opening.rate)
        if missed:
            self._report(Gap(start, missed, self._cause))
            opening.base += missed
        self._cause = "device"
        self._silence = Silence(self._silent_seconds) if self._silent_seconds else None
        self._enter("running", self._describe(opening.form))

    def _miss(self) -> None:
        """Report what went by since the device was there last."""
        if missed := self._anchor.missed(self._end, self._clock()):
            gap = Gap(self._end, missed, self._cause)
            self._report(gap)
            self._end = gap.end

    def _report(self, gap: Gap) -> None:
        self._report_gap(gap)
        self._log.append(gap.end, b"")

    def _lose(self, gap: Gap, opening: Opening, ears: FrontEnd | None) -> None:
        if opening.running:
            self._flush(ears, opening)
        opening.end = gap.end
        start = opening.number(gap.start)
        self._report(Gap(start, opening.number(gap.end) - start, gap.cause))

    def _flush(self, ears: FrontEnd | None, opening: Opening) -> None:
        if ears:
            start, pcm, bearings, remarks = ears.flush()
            if pcm:
                self._log.append(opening.base + start, pcm)
            self._tell(opening, bearings, remarks)

    def _tell(self, opening: Opening, bearings: tuple[Bearing, ...], remarks: tuple[Remark, ...]) -> None:
        if self._spatial is not None and (bearings or remarks):
            self._spatial(opening.placed(bearings), remarks)

    def _pause(self, state: str, detail: str, seconds: float) -> None:
        if not self._halted:
            if self._cause == "muted":  # The mute is over; from now on it is the device that is not there.
                self._miss()
                self._cause = "device"
            self._enter(state, detail)
            self._wake.wait(seconds)
            self._wake.clear()

    def _enter(self, state: str, detail: str = "") -> None:
        if self._state != (state, detail):
            self._state = (state, detail)
            self._report_state(state, detail)


def _waits(random: Callable[[], float]) -> Iterator[float]:
    return delays(random, first_seconds=FIRST_SECONDS, cap_seconds=CAP_SECONDS)
