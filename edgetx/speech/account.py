"""One microphone's account: places what a session understood on the timeline, settles frames, delivers what to publish.

The rule of settling: a final covers its own frames; what the same session was sent before it and gave no words for is
silent. Without a result of the session's, only quiet is silent, and what has waited for very long (`settling`); so what
a broken session had not answered stays owed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgetx.audio.format import RATE, Gap
from edgetx.audio.spoken import Spoken
from edgetx.speech.directions import Directions
from edgetx.speech.events import MicrophoneEvent, PlacedWord, SpeechEvent, Transcript, Utterance
from edgetx.speech.ledger import Fate, Ledger
from edgetx.speech.sent import Sent
from edgetx.speech.timeline import Timeline

PIECES = 256
"""So many settled ranges may lie apart: where there are more, quiet between them stays owed until all is."""


@dataclass(frozen=True, slots=True)
class Account:
    """Shared by the transcriber and its sessions, one after another; used on one thread only."""

    timeline: Timeline
    deliver: Callable[[SpeechEvent], None]
    new_id: Callable[[], str]
    clock_synced: Callable[[], bool]
    provider: str
    ledger: Ledger = field(default_factory=Ledger)
    directions: Directions = field(default_factory=Directions)

    def happened(self, name: str, /, **data: Any) -> None:
        """Deliver an event of this microphone; values of ``data`` are JSON's or datetimes."""
        self.deliver(MicrophoneEvent(self.new_id(), name, self.timeline.now(), data))

    def lose(self, gap: Gap) -> None:
        """Settle a hole in the sound (16 kHz frames) as lost, and deliver a `gap` event, once."""
        if not self.ledger.settle(gap.start, gap.end, Fate.LOST):
            return
        start, end = self.timeline.utc((gap.start, gap.end))
        seconds = round(gap.frames / RATE, 3)
        self.happened("gap", cause=gap.cause, frames=[gap.start, gap.end], start=start, end=end, seconds=seconds)

    def lose_owed(self, start: int, end: int, *, cause: str) -> None:
        """Give up what is not settled of the frames [start, end)."""
        for first, last in self.ledger.owed(start, end):
            self.lose(Gap(first, last - first, cause))

    def spoke(self, start: int, end: int | None) -> None:
        """Deliver that speech was found to begin at a frame (``end`` is None), or to have been [start, end)."""
        if end is None:
            (at,) = self.timeline.utc((start,))
            self.happened("speech_started", frame=start, start=at)
        else:
            first, last = self.timeline.utc((start, end))
            seconds = round((end - start) / RATE, 3)
            self.happened("speech_stopped", frames=[start, end], start=first, end=last, seconds=seconds)

    def leave_out_silence(self, spoken: Spoken) -> None:
        """Settle as silent what is known to be no speech."""
        for start, end in spoken.silent():
            self.left_out(start, end)

    def left_out(self, start: int, end: int) -> None:
        """Settle as silent the frames [start, end), which are known to be, and were not sent."""
        self.ledger.settle(start, end, Fate.SILENT)

    def quiet(self, sent: Sent, start: int, end: int) -> None:
        """Settle as silent what a session was sent of the frames [start, end), which are quiet by themselves."""
        if len(self.ledger.balance.ahead) < PIECES:
            self._settle(sent, (start, end), fate=Fate.SILENT)

    def unanswered(self, sent: Sent, start: int, end: int) -> list[tuple[int, int]]:
        """Return what a session was sent of the frames [start, end) and is not settled, in order."""
        return [owed for first, last in sent.ranges(start, end) for owed in self.ledger.owed(first, last)]

    def heard(self, sent: Sent, *, until: int) -> None:
        """Settle as silent what a session was sent before the frame ``until`` and has no words for."""
        self._settle(sent, (0, until), fate=Fate.SILENT)

    def understood(self, utterance: Utterance, sent: Sent, *, session: str, late: bool = False) -> None:
        """Deliver an utterance in its place; a final settles its frames and the silence before it.

        Of its frames, only what the session was sent: what a jump left out is another's. One without times covers all
        that its session was sent and is not settled yet; its times are estimates. ``late``: the sound waited for long.
        """
        end = sent.end if utterance.end_ms is None else sent.end_frame(utterance.end_ms)
        first = self._unsettled(sent, end) if utterance.start_ms is None else sent.start_frame(utterance.start_ms)
        frames = min(first, end), end
        if utterance.final:
            self.heard(sent, until=frames[0])
            self._settle(sent, frames, fate=Fate.TRANSCRIBED)
        transcript = self._transcript(utterance, sent, frames=frames, session=session, late=late)
        self.deliver(transcript)
        direction = transcript.direction
        if direction and utterance.final and not late and self.directions.moved(direction):
            self.happened("speaker_moved", direction=direction.fields(), transcript=transcript.id)

    def _settle(self, sent: Sent, frames: tuple[int, int], *, fate: Fate) -> None:
        for first, last in sent.ranges(*frames):
            self.ledger.settle(first, last, fate)

    def _unsettled(self, sent: Sent, end: int) -> int:
        """Return the first frame that was sent and is not settled, or ``end``."""
        return next((first for first, _ in self.unanswered(sent, 0, end)), end)

    def _transcript(
        self, utterance: Utterance, sent: Sent, *, frames: tuple[int, int], session: str, late: bool
    ) -> Transcript:
        edges = [*frames]
        for word in utterance.words:
            edges += (sent.start_frame(word.start_ms), sent.end_frame(word.end_ms))
        start, end, *times = self.timeline.utc(edges)
        placed = zip(utterance.words, times[::2], times[1::2], strict=True)
        return Transcript(
            id=f"{session}-{utterance.key}",
            text=utterance.text,
            final=utterance.final,
            start=start,
            end=end,
            frames=frames,
            provider=self.provider,
            session=session,
            clock_synced=self.clock_synced(),
            late=late,
            estimated=utterance.start_ms is None or utterance.end_ms is None,
            words=tuple(PlacedWord(w.text, first, last, w.confidence, w.speaker) for w, first, last in placed),
            speaker=utterance.speaker,
            language=utterance.language,
            confidence=utterance.confidence,
            direction=self.directions.of(*frames),
        )
