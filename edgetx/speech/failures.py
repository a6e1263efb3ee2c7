"""Tells of sessions that do not come about: an outage of a day must not fill the queue to the broker."""

from dataclasses import dataclass, field

from edgetx.errors import Refused, TryAgain
from edgetx.speech.account import Account

REASONS_TOLD = 16
"""Some reasons hold a number that is another each time."""


@dataclass(slots=True)
class Failures:
    """Of the live sessions, or of the late ones; of one that did come about, its own end tells."""

    account: Account
    late: bool
    _opened: bool = False
    _told: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Note that a session is to come about."""
        self._opened = False

    def opened(self) -> None:
        """Note that it did."""
        self._opened = True
        self._told.clear()

    def lost(self, trouble: TryAgain | Refused, _delay_seconds: float) -> None:
        """Tell why it did not, once."""
        reason = str(trouble)
        if self._opened or reason in self._told or len(self._told) >= REASONS_TOLD:
            return
        self._told.add(reason)
        late = {"late": True} if self.late else {}
        told = {"reason": reason, "refused": isinstance(trouble, Refused), "provider": self.account.provider}
        self.account.happened("session_failed", **told, **late)
