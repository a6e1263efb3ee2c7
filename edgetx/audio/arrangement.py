"""Which array a microphone's device is: found anew at each opening, for another card may be there by then.

Without ``array`` in the settings nothing is looked for, and what is imported here costs nothing worth speaking of.
"""

from collections.abc import Callable, Collection

from edgetx import boards
from edgetx.audio.alsa import AlsaSource
from edgetx.audio.alsa_devices import card_of
from edgetx.audio.cards import Card
from edgetx.audio.format import RATE, AudioFormat, SampleFormat
from edgetx.audio.frontend import front_end
from edgetx.audio.heard import FrontEnd
from edgetx.audio.sound_system import SOUND_SYSTEM, SoundSystem
from edgetx.board import Board
from edgetx.config import AlsaSettings
from edgetx.errors import Refused, SettingsError
from edgetx.listening import ArraySettings, Listen, channels_of


class Arrangement:
    """The source, if it is a device, and the front end of one microphone. Both are made in its capture thread.

    ``tell`` takes a sentence for the log, when it is another than before. ``clock`` is monotonic seconds.
    """

    def __init__(
        self,
        array: ArraySettings | None,
        listen: Listen,
        *,
        tell: Callable[[str], None],
        clock: Callable[[], float],
        system: SoundSystem = SOUND_SYSTEM,
    ) -> None:
        self._array, self._listen = array, listen
        self._tell, self._clock, self._system = tell, clock, system
        self._card: Card | None = None
        self._told = ""
        self._known: Board | None = None if array == "auto" else array
        self.board: Board | None = self._known
        """The array of the source that was made last; None: there is none, or it was not recognised."""
        self._amiss = self._unresolved = ""
        self._ears: FrontEnd | None = None

    def device(self, settings: AlsaSettings) -> AlsaSource:
        """Return the device, which opens as the array delivers where the settings leave it open.

        With ``array: auto`` the card is looked up: raise TryAgain when it is not there, Refused when a board's file has
        faults.
        """
        if self._array == "auto":
            self._recognise(card_of(settings.alsa, self._system))
        self.board = self._known
        return AlsaSource(settings, self._clock, prefer=_format(self.board), system=self._system)

    def front_end(self, form: AudioFormat) -> FrontEnd | None:
        """Return the front end for the source, now that it is open. Raise Refused when it does not fit the settings.

        What was only recognised, and delivers other channels (another firmware has the same USB id), is no array yet:
        better its first channel than nothing.
        """
        self._amiss = self._unfit(form) if self._array == "auto" else ""
        if self._amiss:
            self.board = None
            self._say(self._amiss)
        self._ears = front_end(form, self._listen, self.board, self._ears)
        return self._ears

    def listened(self) -> Collection[int]:
        """Return the channels that are listened to."""
        return channels_of(self._listen, self.board)

    def described(self, form: AudioFormat) -> str:
        """Return what is to be known of the source that runs: its format, and why it is not heard as an array."""
        return f"{form}; {self._amiss}" if self._amiss else str(form)

    def _unfit(self, form: AudioFormat) -> str:
        why = self._known.misfit(form.channels) if self._known else self._unresolved
        return f"{why} Until then it is listened to as without an array." if why else ""

    def _recognise(self, card: Card | None) -> None:
        if self._card is not None and card == self._card:  # The files need not be read again.
            return
        try:
            self._known = boards.resolve("auto", card)
            self._unresolved = "" if self._known else boards.unresolved(card)
        except SettingsError as error:
            raise Refused("; ".join(error.faults)) from error
        self._card = card
        if self._known is not None:
            self._say(f"the array is {self._known.title} ({self._known.name})")

    def _say(self, sentence: str) -> None:
        if sentence != self._told:
            self._told = sentence
            self._tell(sentence)


def _format(board: Board | None) -> AudioFormat | None:
    if board is None:
        return None
    channels = board.channels or max(board.microphones) + 1
    return AudioFormat(board.rate or RATE, channels, SampleFormat(board.format or SampleFormat.S16_LE))
