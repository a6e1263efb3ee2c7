"""``edgetx devices`` and ``edgetx levels``: what there is to capture, and how loud it is.

Both do without settings: they help where none are written yet. Settings that are named must be there and right; the
usual ones are heeded if this user may read them.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import get_terminal_size

from edgetx.audio import listing
from edgetx.audio.alsa import AlsaSource
from edgetx.audio.alsa_devices import Busy, capture_devices, every_channel
from edgetx.audio.sound_system import SOUND_SYSTEM, SoundSystem
from edgetx.config import MAX_CHANNELS, AlsaSettings, Listen, MicrophoneSettings, load
from edgetx.errors import Refused, SettingsError
from edgetx.metering import Display, PlainDisplay, TerminalDisplay, meter
from edgetx.scalars import one_of
from edgetx.screen import Screen

STDERR = 2

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
    chosen = listing.choices([(each.name, _alsa(each).alsa) for each in microphones], found, cards)
    if as_json:
        show(json.dumps(listing.as_json(found, chosen), ensure_ascii=False, indent=2))
    else:
        show(listing.table(found, chosen))


def levels(settings: SettingsFile, *, microphone: str | None, device: str | None) -> None:
    """Show the levels of a device, or of a microphone's, until interrupted or nobody reads.

    Raise TryAgain or Refused when the device cannot be had, SettingsError as said above.
    """
    wanted, listen = _to_measure(settings, microphone=microphone, device=device)
    try:
        source = AlsaSource(every_channel(wanted), time.monotonic)
        meter(source, _display(settings.environment, listen), wanted.alsa)
    except Busy as error:
        raise Busy(f"{error}\n{HELD}") from error
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # As with head: whoever reads has enough. Nothing is left to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def listened(listen: Listen | None) -> range:
    """Return the channels that a microphone takes, were they all there; of no microphone, none."""
    if listen is None:
        return range(0)
    if listen == "mix":
        return range(MAX_CHANNELS)
    first = 0 if listen == "auto" else listen
    return range(first, first + 1)


def _alsa(microphone: MicrophoneSettings) -> AlsaSettings:
    return microphone.source if isinstance(microphone.source, AlsaSettings) else AlsaSettings()


def _to_measure(
    settings: SettingsFile, *, microphone: str | None, device: str | None
) -> tuple[AlsaSettings, Listen | None]:
    """Return what to open, and what is listened to of it: that device, or that microphone's, or the first one's."""
    if device is not None:
        return AlsaSettings(device), None
    there = {each.name: each for each in settings.microphones()}
    if microphone is None:
        first = next(iter(there.values()), None)
        return (_alsa(first), first.listen) if first else (AlsaSettings(), None)
    if microphone not in there:
        known = f"there is {one_of(there)}" if there else "the settings have none, or may not be read"
        raise Refused(f"There is no microphone {microphone!r} with an ALSA device; {known}.")
    return _alsa(there[microphone]), there[microphone].listen


def _display(environment: Mapping[str, str], listen: Listen | None) -> Display:
    if not sys.stdout.isatty() or environment.get("TERM") == "dumb":
        return PlainDisplay(_write)
    screen = Screen(coloured=not environment.get("NO_COLOR"))
    return TerminalDisplay(_write, get_terminal_size, screen, listened(listen))


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
