"""ALSA capture devices. DOOR alsaaudio.

The device is opened without blocking and waited for with `poll`, never inside the library, for two reasons: a device
that stalls is given up after ``stall_seconds``, and `close` from another thread can end the wait. The library must not
be entered by two threads at once (closing a device under a reader frees its memory), so `close` wakes the reader,
waits for it to come out and only then closes; from a reader that is stuck in a driver it goes away after
`CLOSE_SECONDS`, and that reader closes the device whenever it comes out. One thing is beyond us: pyalsaaudio
holds the interpreter's lock while it opens or closes a device, so a driver that hangs *there* hangs the daemon; then
the watchdog is not fed, and systemd starts it afresh.

ALSA grants the *nearest* settings without a word and offers no way to ask before opening, so a device is opened as
wished, and what was granted is compared. Only if it differs is the device asked what it offers (a converting plugin
claims four thousand million channel counts, and asking one costs as many questions).
"""

import errno
import os
import select
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import alsaaudio

from edgetx.audio.anchor import Anchor
from edgetx.audio.devices import RATES, Device, Offer, card_devices, choose, own_pcms, wished
from edgetx.audio.format import RATE, AudioFormat, Chunk, Gap, SampleFormat
from edgetx.config import AlsaSettings
from edgetx.errors import EdgetxError, Refused, TryAgain

PERIOD_SECONDS = 0.1
PERIODS = 8
STALL_SECONDS = 5.0
CLOSE_SECONDS = 0.5

_HIGHEST_HZ = 1_000_000
_PCM_LIST = Path("/proc/asound/pcm")
_NEW = tuple.__new__
"""What `Chunk` would call: its own constructor is written in Python, and called ten times a second for ever."""


class AlsaSource:
    """A `Source`; see `AlsaSettings`. ``clock`` is monotonic seconds and serves to measure an overrun."""

    def __init__(
        self,
        settings: AlsaSettings,
        clock: Callable[[], float],
        *,
        period_seconds: float = PERIOD_SECONDS,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._period_seconds = period_seconds
        self._stall_ms = stall_seconds * 1000
        self._inside = Lock()
        self._wake_lock = Lock()
        self._wake: int | None = None
        self._closing = False
        self._pcm: Any = None
        self._format: AudioFormat | None = None
        self._poll = select.poll()
        self._descriptors: list[int] = []
        self._starting = False
        self._position = 0
        self._anchor = Anchor(RATE)
        self._observe_from = 0

    @property
    def format(self) -> AudioFormat:
        """See `Source`."""
        if self._format is None:
            raise RuntimeError("The source was not opened.")
        return self._format

    def open(self) -> None:
        """Take the device. Raise TryAgain when it is absent or busy, Refused when it does not do what is set."""
        with self._inside:
            self._closing = False
            self._pcm, self._format = _take(self._settings, self._period_seconds)
            self._position, self._anchor, self._starting = 0, Anchor(self._format.rate), True
            self._observe_from = 0
            self._poll = select.poll()
            self._descriptors = [descriptor for descriptor, _ in self._pcm.polldescriptors()]
            for descriptor, mask in self._pcm.polldescriptors():
                self._poll.register(descriptor, mask)
            with self._wake_lock:
                self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
                self._poll.register(self._wake, select.POLLIN)

    def read(self) -> Chunk | Gap:
        """Wait for the next period. Raise TryAgain when the device is gone, stalls, or is closed meanwhile."""
        with self._inside:
            try:
                if self._starting:  # A capture stream begins to run when it is first read.
                    self._starting = False
                elif not self._poll.poll(self._stall_ms):
                    raise self._stalled()
                if self._closing or self._pcm is None:
                    raise TryAgain(f"The capture device {self._settings.alsa} was closed.")
                # (frames, data), (0, nothing) if none are due, (-EPIPE, nothing) after an overrun.
                length, data = self._pcm.read()
                if length <= 0:
                    return self._read_on(length)
                start = self._position
                self._position = end = start + length
                if end >= self._observe_from:
                    self._observe()
                return _NEW(Chunk, (start, length, data))
            except alsaaudio.ALSAAudioError as error:
                raise TryAgain(f"The capture device {self._settings.alsa} is gone: {_reason(error)}.") from error
            finally:
                if self._closing:
                    self._release()

    def close(self) -> None:
        """Let the device go: any thread, any number of times, at most `CLOSE_SECONDS`."""
        self._closing = True
        with self._wake_lock:
            if self._wake is not None:
                os.eventfd_write(self._wake, 1)
        if self._inside.acquire(timeout=CLOSE_SECONDS):
            try:
                self._release()
            finally:
                self._inside.release()

    def _read_on(self, length: int) -> Chunk | Gap:
        """Go on after something else than a period: an overrun, or a wake-up that was none of the sound's."""
        data = b""
        give_up = self._clock() + self._stall_ms / 1000
        while not length:
            self._wait(give_up)
            length, data = self._pcm.read()
        if length < 0:
            return self._overrun()
        self._position += length
        if self._position >= self._observe_from:
            self._observe()
        return Chunk(self._position - length, length, data)

    def _wait(self, give_up: float) -> None:
        """Wait until the device is readable. Raise TryAgain at ``give_up``, or when it was closed."""
        while True:
            left = give_up - self._clock()
            ready = self._poll.poll(left * 1000) if left > 0 else []
            if not ready:
                raise self._stalled()
            if self._closing:
                raise TryAgain(f"The capture device {self._settings.alsa} was closed.")
            if self._is_readable(ready):
                return

    def _stalled(self) -> TryAgain:
        return TryAgain(f"The capture device {self._settings.alsa} is open but delivers no sound.")

    def _is_readable(self, ready: list[tuple[int, int]]) -> bool:
        """Let the plugins say: what wakes them is not always sound."""
        masks = dict(ready)
        return bool(self._pcm.polldescriptors_revents([(each, masks.get(each, 0)) for each in self._descriptors]))

    def _observe(self) -> None:
        """Once a second is enough to measure an overrun by."""
        self._observe_from = self._position + self.format.rate
        self._anchor.observe(self._position, self._clock())

    def _overrun(self) -> Gap:
        """The library has readied the device again; it runs from the next read on."""
        self._starting = True
        gap = Gap(self._position, self._anchor.missed(self._position, self._clock()), "overrun")
        self._position = gap.end
        return gap

    def _release(self) -> None:
        if self._pcm is not None:
            self._pcm.close()
            self._pcm = None
        with self._wake_lock:
            if self._wake is not None:
                os.close(self._wake)
                self._wake = None


def capture_devices() -> list[Device]:
    """Return the cards' capture devices, then the user-space ones that open. Asking opens each for a moment."""
    named = [(name, text, _try_offer(name)) for name, text in _named_devices()]
    return [Device(name, text, offer) for name, text, (exists, offer) in named if exists]


def capture_names() -> list[str]:
    """Return the names of what seem to be capture devices, without opening any."""
    return [name for name, _ in _named_devices()]


def _named_devices() -> list[tuple[str, str]]:
    cards = dict(zip(alsaaudio.card_indexes(), alsaaudio.cards(), strict=False))
    pcm_list = _PCM_LIST.read_text() if _PCM_LIST.exists() else ""
    user_space = [(name, "") for name in own_pcms(alsaaudio.pcms(alsaaudio.PCM_CAPTURE))]
    return card_devices(pcm_list, cards) + user_space


def _try_offer(name: str) -> tuple[bool, Offer | None]:
    """Return whether there is such a device, and what it offers unless it is in use."""
    try:
        return True, _ask(name)
    except alsaaudio.ALSAAudioError as error:
        return _is(error, errno.EBUSY), None


def _take(settings: AlsaSettings, period_seconds: float) -> tuple[Any, AudioFormat]:
    """Return the open device and its format: the wish if it is granted, else the best of what is offered."""
    name, wish = settings.alsa, wished(settings)
    try:
        pcm = _open(name, wish, period_seconds)
        if _granted(pcm) == str(wish):
            return pcm, wish
        pcm.close()
        offer = _ask(name)
        best = choose(offer, settings)
        pcm = _open(name, best, period_seconds)
    except alsaaudio.ALSAAudioError as error:
        raise _ours(error, name) from error
    granted = _granted(pcm)
    if granted != str(best):
        pcm.close()
        raise Refused(f"The device {name} offers {offer}, but not {best} together: it made {granted} of it.")
    return pcm, best


def _open(name: str, form: AudioFormat, period_seconds: float) -> Any:
    return alsaaudio.PCM(
        alsaaudio.PCM_CAPTURE,
        alsaaudio.PCM_NONBLOCK,
        device=name,
        rate=form.rate,
        channels=form.channels,
        format=getattr(alsaaudio, f"PCM_FORMAT_{form.sample_format}"),
        periodsize=round(period_seconds * form.rate),
        periods=PERIODS,
    )


def _granted(pcm: Any) -> str:
    """Return the format that ``pcm`` runs in, in the notation of `AudioFormat`: it may be one that we do not read."""
    info = pcm.info()
    return f"{info['rate']}:{info['format_name']}:{info['channels']}"


def _ask(name: str) -> Offer:
    pcm = _open(name, wished(AlsaSettings(name)), PERIOD_SECONDS)
    try:
        return _offer(pcm)
    finally:
        pcm.close()


def _offer(pcm: Any) -> Offer:
    lowest, highest = pcm.getratebounds()
    rates = pcm.getrates()  # One number, a tuple for a range, a list of the well-known ones.
    channels = pcm.getchannels() if highest <= _HIGHEST_HZ else _fixed_channels(pcm)
    known = {rates} if isinstance(rates, int) else set(RATES if isinstance(rates, tuple) else rates)
    return Offer(
        rates=tuple(sorted(rate for rate in known if lowest <= rate <= highest)),
        channels=tuple(channels),
        formats=tuple(form for form in SampleFormat if form in pcm.getformats()),
    )


def _fixed_channels(pcm: Any) -> list[int]:
    """Return what a converter of rates made of the wish for one channel, unless it granted that."""
    channels = pcm.info()["channels"]
    return [] if channels == 1 else [channels]


def _ours(error: Exception, name: str) -> EdgetxError:
    if _is(error, errno.EBUSY):
        return TryAgain(f"The capture device {name} is in use by another program.")
    if _is(error, errno.EACCES, errno.EPERM):
        return Refused(f"The capture device {name} may not be opened: add the user to the group 'audio'.")
    if _is(error, errno.ENOENT, errno.ENODEV, errno.ENXIO):
        there = ", ".join(capture_names())
        return TryAgain(f"There is no capture device {name}; there {f'are: {there}' if there else 'is none'}.")
    return TryAgain(f"The capture device {name} cannot be opened: {_reason(error)}.")


def _is(error: Exception, *codes: int) -> bool:
    """Tell errors apart: pyalsaaudio hands on nothing but the C library's text for the number."""
    return _reason(error) in [os.strerror(code) for code in codes]


def _reason(error: Exception) -> str:
    return str(error).rpartition(" [")[0]
