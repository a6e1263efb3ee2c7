"""Somebody speaks numbers into a microphone, at the pace of real time or of simulated time, whatever is broken."""

import os
import select
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from fcntl import F_SETPIPE_SZ, fcntl

from tests.rigs.microphones import FifoMicrophone
from tests.rigs.told_seconds import RATE, second, speech

PERIODS_A_SECOND = 10
"""A period must be there whole when it is read: ALSA's file plugin takes what is in the pipe, and makes up the rest."""
LOOK_SECONDS = 0.1
PIPE_BYTES = 16_384
"""Little: what lies in it when the daemon dies is old when it returns."""


@dataclass
class Speaker:
    """Writes into ``microphone`` from `start` to `stop`. A microphone waits for nobody: unheard sound is gone.

    ``pause_seconds``: between utterances. ``speed``: seconds of sound a second. ``said``: the numbers that were begun,
    and when (`time.time`). ``written``: seconds of sound so far, wherever they went.
    """

    microphone: FifoMicrophone
    seed: int
    speed: float = 1.0
    pause_seconds: int = 1
    said: dict[int, float] = field(default_factory=dict)
    written: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _heard: threading.Event = field(default_factory=threading.Event)
    _mute: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to speak, to a daemon that listens."""
        fcntl(self.end, F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self.end, False)
        self._heard.set()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End in the middle of whatever it is."""
        self._over.set()
        if self._thread:
            self._thread.join()

    def wait(self, seconds: float) -> None:
        """Let time go by while it speaks."""
        self._over.wait(seconds)

    def be_quiet(self) -> None:
        """Say nothing more, from the next pause on; the microphone goes on."""
        self._mute.set()

    def nobody_listens(self) -> None:
        """What is said from now on is gone: the daemon is dead."""
        self._heard.clear()

    def nothing_waits(self) -> None:
        """Throw away what lies in the microphone: a real one keeps nothing for who opens it."""
        with suppress(BlockingIOError):
            while os.read(self.end, PIPE_BYTES):
                pass

    def somebody_listens(self) -> None:
        """A daemon has opened the microphone: what is said from now on is for it."""
        self._heard.set()

    @property
    def end(self) -> int:
        """The writing end of the microphone."""
        assert self.microphone._end is not None
        return self.microphone._end

    def _speak(self) -> None:
        lines = speech(self.seed, self.pause_seconds)
        due = time.monotonic()
        while not self._over.is_set():
            number = None if self._mute.is_set() else next(lines)
            pcm = bytes(2 * RATE) if number is None else second(number)
            if number is not None:
                self.said[number] = time.time() + due - time.monotonic()
            for at in range(0, len(pcm), len(pcm) // PERIODS_A_SECOND):
                due += 1 / PERIODS_A_SECOND / self.speed
                self._over.wait(max(0.0, due - time.monotonic()))
                self._hand_over(pcm[at : at + len(pcm) // PERIODS_A_SECOND])
            self.written += 1

    def _hand_over(self, period: bytes) -> None:
        while self._heard.is_set() and not self._over.is_set():
            if select.select((), (self.end,), (), LOOK_SECONDS)[1] and self._heard.is_set():
                os.write(self.end, period)  # All or nothing: it is less than a page.
                return
