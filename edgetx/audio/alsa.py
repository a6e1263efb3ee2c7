"""An ALSA capture device as a source. DOOR alsaaudio, with `alsa_devices`, which finds and opens it.

The device is opened without blocking and waited for with `poll`, never inside the library, for two reasons: a device
that stalls is given up, and `close` from another thread can end the wait. The library must not be entered by two
threads at once (closing a device under a reader frees its memory), so `close` wakes a reader that is inside, which
closes the device as it comes out, be it late because it is stuck in a driver. One thing is beyond us: pyalsaaudio
holds the interpreter's lock while it opens or closes a device, so a driver that hangs *there* hangs the daemon; then
the watchdog is not fed, and systemd starts it afresh.
"""

import os
import select
from collections.abc import Callable
from threading import Lock
from typing import Any

import alsaaudio

from edgetx.audio.alsa_devices import reason, take
from edgetx.audio.anchor import Anchor
from edgetx.audio.format import RATE, AudioFormat, Chunk, Gap
from edgetx.audio.sound_system import SOUND_SYSTEM, SoundSystem
from edgetx.audio.source import Stalled
from edgetx.config import AlsaSettings
from edgetx.errors import TryAgain

PERIOD_SECONDS = 0.1
STALL_SECONDS = 1.5
"""Of a device that has been delivering."""
START_SECONDS = 5.0
"""Until the first sound after an opening or an overrun: PulseAudio takes two."""

_NEW = tuple.__new__
"""What `Chunk` would call: its own constructor is written in Python, and called ten times a second for ever."""


class AlsaSource:
    """A `Source`; see `AlsaSettings`. ``clock`` is monotonic seconds and serves to measure an overrun.

    ``prefer``: the format that is preferred to 16 kHz mono where the settings leave it open.
    """

    def __init__(
        self,
        settings: AlsaSettings,
        clock: Callable[[], float],
        *,
        prefer: AudioFormat | None = None,
        period_seconds: float = PERIOD_SECONDS,
        stall_seconds: float = STALL_SECONDS,
        start_seconds: float = START_SECONDS,
        system: SoundSystem = SOUND_SYSTEM,
    ) -> None:
        self._settings = settings
        self._prefer = prefer
        self._clock = clock
        self._system = system
        self._period_seconds = period_seconds
        self._stall_seconds = stall_seconds
        self._start_seconds = start_seconds
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
            self._pcm, self._format = take(self._settings, self._system, self._period_seconds, prefer=self._prefer)
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
        """Wait for the next period; see `Source`."""
        with self._inside:
            try:
                # A capture stream begins to run when it is first read.
                if not self._starting and not self._poll.poll(self._stall_seconds * 1000):
                    raise self._stalled()
                if self._closing or self._pcm is None:
                    raise TryAgain(f"The capture device {self._settings.alsa} was closed.")
                # (frames, data), (0, nothing) if none are due, (-EPIPE, nothing) after an overrun.
                length, data = self._pcm.read()
                if length <= 0:
                    return self._read_on(length)
                self._starting = False
                start = self._position
                self._position = end = start + length
                if end >= self._observe_from:
                    self._observe()
                return _NEW(Chunk, (start, length, data))
            except alsaaudio.ALSAAudioError as error:
                raise TryAgain(f"The capture device {self._settings.alsa} is gone: {reason(error)}.") from error
            finally:
                if self._closing:
                    self._release()

    def close(self) -> None:
        """Let the device go: any thread, any number of times, without waiting for a reader that is inside."""
        self._closing = True
        with self._wake_lock:
            if self._wake is not None:
                os.eventfd_write(self._wake, 1)
        if self._inside.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._inside.release()

    def _read_on(self, length: int) -> Chunk | Gap:
        """Go on after something else than a period: an overrun, or a wake-up that was none of the sound's."""
        data = b""
        give_up = self._clock() + (self._start_seconds if self._starting else self._stall_seconds)
        while not length:
            self._wait(give_up)
            length, data = self._pcm.read()
        if length < 0:
            return self._overrun()
        self._starting = False
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

    def _stalled(self) -> Stalled:
        return Stalled(f"The capture device {self._settings.alsa} is open but delivers no sound.")

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
