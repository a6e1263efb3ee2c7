"""When sound that a live session has no words for is settled as silent, by no result of the session's. Pure.

Behind a result (a final, or the recogniser's word that it has dealt with the sound) all is settled at once; that is the
conversation's. Where no result comes, that the sound has arrived proves nothing: a recogniser may stall for minutes
while pings are answered, and then the connection breaks. So of what has provably arrived, and long enough ago that
words of it would have begun to come,

* what is `quiet` by our own rule is silent;
* so is what lies between the last words and the end of speech, where that is heard for (`spoken`), if it is short;
* so is, after `GIVE_UP_SECONDS`, whatever it is: noise without words must not be kept and sent again for ever. What is
  risked with it: words that were said to a recogniser that stalled for so long, while its server answered.

All else stays owed, and is sent again after a break.
"""

from collections.abc import Iterator

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog
from edgetx.speech.account import Account
from edgetx.speech.quiet import BLOCK_FRAMES, Quiet, Range
from edgetx.speech.receipts import Past
from edgetx.speech.sent import Sent

GIVE_UP_SECONDS = 600.0
MARGIN_FRAMES = RATE // 2
"""Between the end of the last word, as a provider has it, and the last sound that the detector takes for speech."""
_READ_FRAMES = RATE


class Settling:
    """One session's. Of what ``sent`` holds it looks at each frame at most once, and not at what is settled."""

    def __init__(self, *, account: Account, sent: Sent, log: AudioLog) -> None:
        self._account = account
        self._sent = sent
        self._log = log
        self._quiet = Quiet()
        self._looked = 0
        self._arrived = Past()

    def settle(self, now: float, until: int) -> None:
        """Settle what is to be at ``now`` (monotonic), when what was sent before ``until`` has waited long enough."""
        self._arrived.note(now, until)
        for start, end in self._quiet_before(until):
            self._account.quiet(self._sent, start, min(end, until))
        self._settle_tail(until)
        if old := self._arrived.before(now - GIVE_UP_SECONDS):
            self._account.heard(self._sent, until=old)

    def _settle_tail(self, until: int) -> None:
        """Settle what is behind the last words of speech that has ended, and hardly more than its hang-over."""
        spoken = self._log.spoken
        if spoken is None or spoken.speaking or spoken.ended > until:
            return
        first = spoken.ended - spoken.tail - MARGIN_FRAMES
        owed = self._account.unanswered(self._sent, first, spoken.ended)
        if owed and owed[0][0] > first:
            for start, end in owed:
                self._account.left_out(start, end)

    def _quiet_before(self, until: int) -> Iterator[Range]:
        for first, last in self._account.unanswered(self._sent, self._looked, until):
            self._looked = first
            while last - self._looked >= BLOCK_FRAMES:
                stretch = self._log.read(self._looked, min(_READ_FRAMES, last - self._looked))
                if stretch.frames < BLOCK_FRAMES:  # It is not kept any more.
                    break
                yield from self._quiet.take(stretch)
                self._looked = self._quiet.end
