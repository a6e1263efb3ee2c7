"""Tries a microphone: is its device there, who has it, and two seconds of its sound.

A device that the daemon holds is left alone: then the daemon's own word counts. So is one that somebody muted, by that
word or by the mark on disk, which holds while no daemon or broker can say so.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgetx import boards
from edgetx.audio import channels
from edgetx.audio.alsa import AlsaSource
from edgetx.audio.alsa_devices import Busy, card_of, every_channel, users_of
from edgetx.audio.cards import Card, resolve
from edgetx.audio.format import AudioFormat, Chunk
from edgetx.audio.occupancy import User
from edgetx.audio.samples import decode
from edgetx.audio.sound_system import SoundSystem
from edgetx.audio.source import Stalled
from edgetx.board import Board
from edgetx.config import AlsaSettings, MicrophoneSettings, WavSettings
from edgetx.device_commands import librarys_words_dropped
from edgetx.doctor import array, sound
from edgetx.doctor.report import Finding, Tell, Verdict, sentence, several
from edgetx.doctor.service import Unit
from edgetx.errors import Refused, SettingsError, TryAgain

SOUND_SECONDS = 2.0
ABSENT = "Is it plugged in? 'edgetx devices' lists what there is."
TAKEN = "Stop what holds it (PipeWire and PulseAudio do on a desktop image), or choose another device."
STUCK = "Cable, hub or power supply; unplug it and plug it in again."
MUTED = "Unmute it if that is not meant."
READ = "sudo edgetx doctor"
_STATES = {"running": Verdict.OK, "muted": Verdict.OK, "ended": Verdict.OK, "opening": Verdict.OK}
"""Of a microphone, those that are as they should be."""
_HOLDS = frozenset({"running", "silent", "stalled", "opening"})


@dataclass(frozen=True, slots=True)
class Visit:
    """One microphone. ``told``: its state as the daemon that runs has it retained on the broker; empty: not known.

    ``marked``: it is muted by what is on disk; None: that may not be read.
    """

    microphone: MicrophoneSettings
    tell: Tell
    system: SoundSystem
    unit: Unit
    told: Mapping[str, Any]
    marked: bool | None
    listened: Callable[[MicrophoneSettings], Collection[int]]
    seconds: float = SOUND_SECONDS

    def run(self) -> None:
        """Look at it, and listen if it is free. Waits for the device.

        One that another program has is opened too: ALSA's configuration may share it.
        """
        source = self.microphone.source
        if isinstance(source, WavSettings):
            self._recording(source)
            return
        try:
            if not self._left_alone(users_of(source.alsa, self.system)):
                self._listen(source)
        except (TryAgain, Refused) as trouble:
            name = "sound" if isinstance(trouble, Stalled) else "device"
            self._say(name, Verdict.FAILED, sentence(trouble), _remedy(trouble))

    @property
    def stage(self) -> str:
        """What its findings belong to."""
        return f"microphone {self.microphone.name}"

    def _recording(self, source: WavSettings) -> None:
        if source.wav.is_file():
            self._say("recording", Verdict.OK, f"{source.wav} is there.")
        else:
            self._say(
                "recording", Verdict.FAILED, f"There is no recording {source.wav}.", "Mend 'wav' in the settings."
            )

    def _left_alone(self, users: tuple[User, ...]) -> bool:
        """Say who has the device, if it must not be opened; return whether that is so."""
        state = str(self.told.get("capture", ""))
        is_daemons = any(self._is_daemon(user) for user in users)
        if (self.marked or state == "muted" or self.told.get("muted") is True) and not is_daemons:
            self._say("sound", Verdict.SKIPPED, "Somebody muted it, so it is left closed.", MUTED)
        elif state in _HOLDS or (self.unit.runs and is_daemons):
            self._daemons_word(state)
        elif is_daemons:
            self._say("sound", Verdict.SKIPPED, f"A daemon has the device: {several(users)}. It is not disturbed.")
        elif self.marked is None and not state:
            self._say(
                "sound", Verdict.SKIPPED, "You may not read whether somebody muted it, so it is left closed.", READ
            )
        else:
            return False
        return True

    def _is_daemon(self, user: User) -> bool:
        return (user.process and user.process == self.unit.process) or user.program == "edgetx"

    def _daemons_word(self, state: str) -> None:
        detail = f" {sentence(self.told['detail'])}" if self.told.get("detail") else ""
        if state:
            verdict = _STATES.get(state, Verdict.FAILED if state == "stalled" else Verdict.WARNING)
            self._say("sound", verdict, f"The running daemon has the device and says: capture {state}.{detail}")
        elif self.unit.status:
            ill = self.unit.status.startswith("Stalled")
            text = f"The running daemon has the device and says: {sentence(self.unit.status)}"
            self._say("sound", Verdict.FAILED if ill else Verdict.OK, text)
        else:
            self._say("sound", Verdict.SKIPPED, "The running daemon has the device; it is not disturbed.")

    def _listen(self, settings: AlsaSettings) -> None:
        """Say what the device gives. Raise TryAgain or Refused when it cannot be had."""
        with librarys_words_dropped():
            name = resolve(settings.alsa, self.system.cards())
            card = card_of(settings.alsa, self.system) if self.microphone.array else None
            found = self._resolved(card) if self.microphone.array else None
            wanted = every_channel(settings, self.system)
            if wanted.channels is None and isinstance(found, Board):  # A plugin has as many as it is asked for.
                wanted = replace(wanted, channels=found.channels)
            form, data = captured(wanted, self.system, self.seconds)
        known = "" if name == settings.alsa else f" ({name})"
        self._say("device", Verdict.OK, f"{settings.alsa}{known} is there, and nobody else has it.")
        board = self._told(found, form)
        listen = self.microphone.listen
        ears = None if isinstance(listen, int) else board
        heard = self.listened(replace(self.microphone, array=ears))
        findings = sound.judge(self.stage, judged(data, form, ears), heard, str(form))
        advice = array.mixer(self.stage, board, card.id, findings) if board and card else None
        for finding in [*findings, *([advice] if advice else [])]:
            self.tell(finding)

    def _resolved(self, card: Card | None) -> Board | Finding:
        """Return which array the settings speak of, or why that cannot be told."""
        try:
            board = boards.resolve(self.microphone.array, card)
        except SettingsError as error:
            return Finding(self.stage, "array", Verdict.FAILED, "; ".join(error.faults))
        return board or Finding(self.stage, "array", Verdict.WARNING, boards.unresolved(card))

    def _told(self, found: Board | Finding | None, form: AudioFormat) -> Board | None:
        """Say which array it is; return it if the device delivers as such."""
        if found is None:
            return None
        finding = array.known(self.stage, found, form.channels) if isinstance(found, Board) else found
        self.tell(finding)
        return found if isinstance(found, Board) and finding.verdict is Verdict.OK else None

    def _say(self, name: str, verdict: Verdict, text: str, remedy: str = "") -> None:
        self.tell(Finding(self.stage, name, verdict, text, remedy))


def judged(data: bytes, form: AudioFormat, board: Board | None) -> list[channels.Channel]:
    """Return a finding on each channel; of an array on its microphones only, for the others may be anything.

    Of one whose channels move round on all of them: it is not looked which is which now.
    """
    numbers: Sequence[int] = range(form.channels)
    aperture_m = board.aperture_m if board else channels.APERTURE_M
    if board and not board.rotates and max(board.microphones) < form.channels:
        numbers = board.microphones
    return [
        replace(each, number=numbers[each.number], other=None if each.other is None else numbers[each.other])
        for each in channels.judge(decode(data, form)[:, list(numbers)], form.rate, aperture_m=aperture_m)
    ]


def _remedy(trouble: TryAgain | Refused) -> str:
    if isinstance(trouble, Busy):
        return TAKEN
    if isinstance(trouble, Stalled):
        return STUCK
    return ABSENT if isinstance(trouble, TryAgain) else ""


def captured(settings: AlsaSettings, system: SoundSystem, seconds: float) -> tuple[AudioFormat, bytes]:
    """Return so much sound of a device, after it has settled. Raise TryAgain or Refused when it cannot be had."""
    source = AlsaSource(settings, time.monotonic, system=system)
    source.open()
    try:
        form = source.format
        settling = round(channels.SETTLING_SECONDS * form.rate) * form.frame_bytes
        wanted = settling + round(seconds * form.rate) * form.frame_bytes
        data = bytearray()
        while len(data) < wanted:
            part = source.read()
            data += part.data if isinstance(part, Chunk) else b""
    finally:
        source.close()
    return form, bytes(data[settling:wanted])
