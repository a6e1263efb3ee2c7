"""``edgetx devices`` and ``edgetx levels``: what there is to capture, and how loud it is.

Both do without settings: they help where none are written yet. Settings that are named must be there and right; the
usual ones are heeded if this user may read them.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import get_terminal_size

from edgetx import boards
from edgetx.audio import listing
from edgetx.audio.alsa import AlsaSource
from edgetx.audio.alsa_devices import Busy, capture_devices, every_channel
from edgetx.audio.arrangement import Arrangement
from edgetx.audio.compass import Talker
from edgetx.audio.format import AudioFormat
from edgetx.audio.heard import FrontEnd
from edgetx.audio.sound_system import SOUND_SYSTEM, SoundSystem
from edgetx.config import AlsaSettings, ArraySettings, Board, MicrophoneSettings, load
from edgetx.errors import Refused, SettingsError
from edgetx.listening import channels_of
from edgetx.metering import Display, PlainDisplay, TerminalDisplay, meter
from edgetx.scalars import one_of
from edgetx.screen import Screen

STDERR = 2
NO_NAME = ""
"""Of a device that is measured without being a microphone of the settings."""

HELD = """\
If that is the edgetx service, let it tell its levels: set 'level_seconds: 0.5'
for the microphone, then
  sudo systemctl reload edgetx && sudo edgetx listen
Or stop it meanwhile: sudo systemctl stop edgetx"""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Where settings may be: the file that was ``named``, or else the ``usual`` one if this user may read it."""

    named: Path | None
    usual: Path
    environment: Mapping[str, str]

    def microphones(self) -> tuple[MicrophoneSettings, ...]:
        """Return those of them that are ALSA devices. Raise SettingsError when a file is there and has faults."""
        if self.named is None and not os.access(self.usual, os.R_OK):
            return ()
        microphones = load(self.named or self.usual, self.environment).microphones
        return tuple(microphone for microphone in microphones if isinstance(microphone.source, AlsaSettings))


def devices(
    settings: SettingsFile,
    *,
    as_json: bool,
    show: Callable[[str], None],
    warn: Callable[[str], None],
    system: SoundSystem = SOUND_SYSTEM,
) -> None:
    """Show the capture devices, and which of them the settings choose. Raise SettingsError as said above."""
    microphones: tuple[MicrophoneSettings, ...] = ()
    try:
        microphones = settings.microphones()
    except SettingsError as error:
        if settings.named is not None:
            raise
        warn(f"Which device {settings.usual} chooses is not shown, because it has faults:\n{error}")
    with librarys_words_dropped():
        found, cards = capture_devices(system), system.cards()
    try:
        known = boards.all()
    except SettingsError as error:
        known = []
        warn(f"Which device is a microphone array is not shown, because a board's file has faults:\n{error}")
    names = [(each.name, _alsa(each).alsa) for each in microphones]
    chosen = listing.choices(names, found, cards, lambda card: [board.name for board in boards.among(known, card)])
    if as_json:
        show(json.dumps(listing.as_json(found, chosen), ensure_ascii=False, indent=2))
    else:
        show(listing.table(found, chosen))


def levels(settings: SettingsFile, *, microphone: str | None, device: str | None, array: str | None = None) -> None:
    """Show the levels of a device, or of a microphone's, until interrupted or nobody reads; of an array, its talker.

    ``array``: the name of the array that ``device`` is, or ``auto``. Raise TryAgain or Refused when the device cannot
    be had, SettingsError as said above, or for an array that is not known.
    """
    measured = _to_measure(settings, microphone=microphone, device=device, array=array)
    wanted = _alsa(measured)
    arrangement = Arrangement(measured.array, "auto", tell=_tell, clock=time.monotonic)
    try:
        source = arrangement.device(wanted) if measured.array else AlsaSource(every_channel(wanted), time.monotonic)
        display = _display(settings.environment, listened(measured))
        meter(source, display, wanted.alsa, partial(_ears, arrangement) if measured.array else None)
    except Busy as error:
        raise Busy(f"{error}\n{HELD}") from error
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # As with head: whoever reads has enough. Nothing is left to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def listened(microphone: MicrophoneSettings) -> Collection[int]:
    """Return the channels that a microphone takes, were they all there; of no microphone of the settings, none."""
    if microphone.name == NO_NAME:
        return ()
    return channels_of(microphone.listen, microphone.array if isinstance(microphone.array, Board) else None)


def _alsa(microphone: MicrophoneSettings) -> AlsaSettings:
    return microphone.source if isinstance(microphone.source, AlsaSettings) else AlsaSettings()


def _to_measure(
    settings: SettingsFile, *, microphone: str | None, device: str | None, array: str | None
) -> MicrophoneSettings:
    """Return that device as a microphone, or that microphone, or the first one."""
    if device is not None:
        board: ArraySettings | None = "auto" if array == "auto" else boards.named(array) if array else None
        return MicrophoneSettings(NO_NAME, AlsaSettings(device), array=board)
    there = {each.name: each for each in settings.microphones()}
    if microphone is None:
        return next(iter(there.values()), MicrophoneSettings(NO_NAME))
    if microphone not in there:
        known = f"there is {one_of(there)}" if there else "the settings have none, or may not be read"
        raise Refused(f"There is no microphone {microphone!r} with an ALSA device; {known}.")
    return there[microphone]


def _ears(arrangement: Arrangement, form: AudioFormat) -> tuple[FrontEnd, Talker] | None:
    ears = arrangement.front_end(form)
    return (ears, Talker(cone=arrangement.board.linear)) if ears and arrangement.board else None


def _tell(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


def _display(environment: Mapping[str, str], listened: Collection[int]) -> Display:
    if not sys.stdout.isatty() or environment.get("TERM") == "dumb":
        return PlainDisplay(_write)
    screen = Screen(coloured=not environment.get("NO_COLOR"))
    return TerminalDisplay(_write, get_terminal_size, screen, listened)


@contextmanager
def librarys_words_dropped() -> Iterator[None]:
    """The ALSA library writes many lines to the standard error about each user-space device that does not open."""
    sys.stderr.flush()
    kept = os.dup(STDERR)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, STDERR)
    try:
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(silence)
        os.close(kept)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
