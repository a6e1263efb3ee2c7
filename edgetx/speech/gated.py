"""A sender that sends speech only: what `spoken` says, with the silence that a provider needs to end an utterance.

Live, the capture thread does this too, as in `sender`: while nobody speaks nothing is sent, and no other thread wakes.
When somebody begins to, what the log has since then (the pre-roll, and what it took to notice) leaves at once.

Behind the end of speech the provider hears silence, as much as has really gone by, until there is enough of it to end
the utterance: so it ends when it would have ended if all sound had been sent, and a short pause stays a short one.
Only where sound itself ends, with a mute perhaps, it is sent all of it at once: nobody could say when time has gone by.
But for that, never has a session heard more than there was time for.
"""

from dataclasses import replace
from typing import cast

from edgetx.audio.spoken import Spoken
from edgetx.speech.sender import Sender

IDLE_SHARE = 0.75
"""Of the time after which a provider ends a session without sound: then it is sent a little silence."""


class GatedSender(Sender):
    """A `Sender` whose ``log.spoken`` is there."""

    @property
    def behind(self) -> int:
        """See `Sender`."""
        return (self.log.end if self._spoken.speaking else self._spoken.ended) - self.sent.end

    @property
    def busy_at(self) -> float:
        """See `Sender`."""
        sent_at = super().busy_at
        return max(sent_at, self.log.heard_at) if self._spoken.speaking else sent_at

    async def run(self) -> None:
        """See `Sender`."""
        limits = self.limits
        if limits.idle_seconds is not None:
            seconds = min(limits.keepalive_seconds or float("inf"), IDLE_SHARE * limits.idle_seconds)
            self.limits = replace(limits, keepalive_seconds=seconds)
        await super().run()

    def take(self, start: int, pcm: bytes) -> bool:
        """See `Sender`."""
        spoken = self._spoken
        return spoken.speaking and spoken.began <= start and super().take(start, pcm)

    def look(self) -> None:
        """See `Sender`."""
        spoken = self._spoken
        speaking = spoken.speaking
        with self.lock:
            if self.log.ended and self._live:
                self._stop_live()
            elif not speaking and self._position < spoken.began:
                self._stop_live()  # It began and ended at once, before a hole: what led to it is not to be sent.
            elif not speaking or self._position < spoken.began:
                self._end_speech(spoken.began if speaking else spoken.decided)
                if speaking and self._live:
                    self._position = spoken.began
        if speaking:
            super().look()

    @property
    def _spoken(self) -> Spoken:
        return cast("Spoken", self.log.spoken)  # It is there, or a `Sender` would do.

    def _known_end(self) -> int:
        return self.log.end if self.log.ended else self._spoken.limit(self.log.end)

    @property
    def _grows(self) -> bool:
        return self._spoken.speaking

    @property
    def _silence_due(self) -> int:
        spoken = self._spoken
        return 0 if spoken.speaking or self._position < spoken.ended else self._silence_due_before(spoken.decided)

    def _end_speech(self, until: int) -> None:
        """Send what is left of the speech that has ended, and the silence behind it that went by before ``until``."""
        while self._live and (left := self._spoken.ended - self._position) > 0:
            stretch = self.log.read(self._position, min(left, self._chunk))
            if self._direct and stretch.pcm and stretch.start == self._position:
                self._send_now(stretch)
            else:
                self._stop_live()
        while self._live and (due := min(self._silence_due_before(until), self._chunk)) > 0:
            if self._direct:
                self._hush(due)
                self._let_go()
            else:
                self._stop_live()

    def _silence_due_before(self, until: int) -> int:
        """Return how many frames of silence the session is to hear, if there was no speech before ``until``."""
        if not self.sent.frames:
            return 0
        enough = self.limits.pause_frames - self._spoken.tail
        return (enough if self.log.resting else min(until - self.sent.end, enough)) - self.sent.paused

    def _pause(self, jump: int) -> None:
        hushed = self.sent.paused
        quiet = max(self._skipper.quiet, hushed + self._spoken.tail if hushed else 0)
        self._hush(min(jump - hushed, self.limits.pause_frames - quiet))

    async def _keep_alive(self) -> None:
        if self.limits.idle_seconds is None:
            await super()._keep_alive()
        else:
            with self.lock:
                self._hush(self._chunk)
            await self.flush()
