"""What the ends of earlier connections teach about the next: which MQTT version, and whether somebody has our id. Pure.

*Version.* 5 first. A broker that answers "unsupported protocol version" is spoken to in the other one from then on. One
that hangs up without an answer may not know version 5 (the standard has it answer, some do not), or may just be
starting behind a proxy: the next attempt, that one alone, uses 3.1.1; when that has helped twice, it stays.

*Takeover.* A broker keeps one connection for each client id, and drops the older. Some say so in version 5; others just
hang up (Mosquitto 2.0 does, in either version). So connections that were accepted, and hung up on at once, several in a
row, are taken for it. Whoever finds that out waits long, or the two would throw each other out for ever.
"""

from dataclasses import dataclass, replace

from edgetx.errors import TryAgain
from edgetx.mqtt.reasons import NO_QOS, NO_RETAIN, TAKEN_OVER, UNSUPPORTED_VERSION
from edgetx.mqtt.terms import NEW, OLD, Terms, Version
from edgetx.mqtt.topics import Publication

SOON_SECONDS = 2.0
"""Two that fight for an id let each other live for about one second, the first delay of `retry`."""
IN_A_ROW = 5
TAKEN_OVER_SECONDS = 60.0
ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended. ``answered``: with whatever reason ``code``. ``seconds``: since it was accepted.

    ``mute``: we ended it, for the broker acknowledged nothing.
    """

    answered: bool
    hung_up: bool
    code: int = 0
    seconds: float | None = None
    mute: bool = False


class Course:
    """One client's experience with its broker; ``who`` is the id that must be its own, in words."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._wanted: Version = NEW
        self._guess = False
        self._helped = 0
        self._short = 0
        self._for_will = Terms()

    @property
    def version(self) -> Version:
        """What to speak on the next connection."""
        return _other(self._wanted) if self._guess else self._wanted

    def will(self, publication: Publication) -> Publication:
        """Return the last will as the broker takes it: it refuses a connection whose will is not to its liking."""
        return self._for_will.fit(publication)

    def accepted(self) -> None:
        """Say that the broker has accepted us with `version`."""
        self._helped += self._guess
        if self._helped >= ENOUGH:
            self._wanted, self._guess, self._helped = self.version, False, 0

    def ended(self, ending: Ending, trouble: TryAgain) -> TryAgain:
        """Learn from an end in ``trouble``; return what it really was."""
        if ending.code == UNSUPPORTED_VERSION:
            self._wanted, self._guess = _other(self.version), False
        else:
            self._guess = not self._guess and ending.hung_up and not ending.answered
        if ending.code == NO_QOS:
            self._for_will = replace(self._for_will, maximum_qos=0)
        if ending.code == NO_RETAIN:
            self._for_will = replace(self._for_will, retain=False)
        return self._takeover(ending) or trouble

    def _takeover(self, ending: Ending) -> TryAgain | None:
        short = ending.hung_up and ending.seconds is not None and ending.seconds < SOON_SECONDS
        self._short = self._short + 1 if short else 0
        if ending.code == TAKEN_OVER:
            text = f"Another client uses {self._who}, and the broker has put us out for it"
        elif self._short >= IN_A_ROW:
            text = (
                f"The broker lets us in and hangs up at once, time and again: probably another client uses {self._who}"
            )
        else:
            return None
        return TryAgain(f"{text}; give each daemon a 'device' of its own.", after_seconds=TAKEN_OVER_SECONDS)


def _other(version: Version) -> Version:
    return OLD if version == NEW else NEW
