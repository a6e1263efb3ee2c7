"""Real ALSA microphones without hardware, for tests, `scripts/demo` and `scripts/bench`.

`FifoMicrophone` delivers, through ALSA's file plugin, exactly the bytes that are written to it, when they are written:
nothing is paced but by its user. `PulseMicrophone` is a private PulseAudio whose null sink is heard through ALSA's
pulse plugin: paced in real time (the first sound comes up to two seconds after a device was opened), and it can vanish
and return. Each has an ``environment`` for the program under test; the ALSA library looks at it at each opening.
"""

import errno
import os
import signal
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SPEECH = Path(__file__).parent / "speech"
"""Five short readings of LibriVox's (public domain), 16 kHz mono, each with its text."""

PERIOD_SECONDS = 0.1


def readings() -> list[Path]:
    """The WAV files of `SPEECH`; the text of each lies beside it."""
    return sorted(SPEECH.glob("*.wav"))


def wait_until(happened: Callable[[], bool], *, seconds: float = 10.0, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.005)


class FifoMicrophone:
    """Device `fifo` (as many channels as asked for) and, on the same sound, `fifo6` (six channels, no other count)."""

    name = "fifo"

    def __init__(self, folder: Path, *, rate: int = 16_000, frame_bytes: int = 2) -> None:
        self._fifo = folder / "microphone.fifo"
        self._rate = rate
        self._frame_bytes = frame_bytes
        self._configuration = folder / "fifo.conf"
        self.environment = {"ALSA_CONFIG_PATH": str(self._configuration)}
        self._end: int | None = None

    @property
    def fifo(self) -> Path:
        """Where its sound comes from, for another process that writes it."""
        return self._fifo

    def open(self) -> None:
        os.mkfifo(self._fifo)
        self._configuration.write_text(self.configuration())
        self._end = os.open(self._fifo, os.O_RDWR)  # Never without a writer: opening the device would wait for one.

    def close(self) -> None:
        if self._end is not None:
            os.close(self._end)
            self._end = None

    def configuration(self) -> str:
        channels = " ".join(f"bindings.{n} {{ slave a channel {n} }}" for n in range(6))
        return f"""
            pcm.fifo {{
                type file slave.pcm {{ type null }} file /dev/null infile "{self._fifo}" format raw
                hint {{ show on description "A microphone fed by a file" }}
            }}
            pcm.fifo6 {{ type multi slaves.a {{ pcm fifo channels 6 }} {channels} }}
        """

    def write(self, data: bytes) -> None:
        """Hand over ``data`` at once; waits while more than a few periods are unread."""
        assert self._end is not None
        left = memoryview(data)
        while left:
            left = left[os.write(self._end, left) :]

    def silence(self, seconds: float) -> None:
        self.write(bytes(round(seconds * self._rate) * self._frame_bytes))

    def play(self, pcm: bytes | Path, *, pace: float = 1.0) -> None:
        """Hand over raw sound, or a WAV file's, period by period at ``pace`` times real time."""
        data = wav_bytes(pcm) if isinstance(pcm, Path) else pcm
        step = round(PERIOD_SECONDS * self._rate) * self._frame_bytes
        due = time.monotonic()
        for start in range(0, len(data), step):
            due += PERIOD_SECONDS / pace
            time.sleep(max(0.0, due - time.monotonic()))
            self.write(data[start : start + step])


class PulseMicrophone:
    """Device `testmic`; hears what is played into the sink of a private PulseAudio, else silence."""

    name = "testmic"

    def __init__(self, folder: Path, *, rate: int = 16_000, channels: int = 1) -> None:
        self._folder = folder
        self._socket = folder / "p.sock"
        self._sink = ("sink_name=mic", f"rate={rate}", f"channels={channels}", "format=s16le")
        self._server: subprocess.Popen[bytes] | None = None
        self._configuration = folder / "pulse.conf"
        home = {name: str(folder) for name in ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH")}
        self.environment = {**home, "ALSA_CONFIG_PATH": str(self._configuration)}

    def open(self) -> None:
        self._folder.chmod(0o700)
        self._configuration.write_text(self.configuration())
        self.return_()

    def close(self) -> None:
        self.vanish()

    def configuration(self) -> str:
        return f"""
            pcm.testmic {{
                type pulse server "unix:{self._socket}" device "mic.monitor"
                hint {{ show on description "A microphone of PulseAudio's" }}
            }}
        """

    def vanish(self) -> None:
        """Unplug it: kill PulseAudio."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None
        self._socket.unlink(missing_ok=True)

    def return_(self) -> None:
        """Plug it in (again): start PulseAudio and wait until it serves."""
        with (self._folder / "pulseaudio.log").open("ab") as log:
            self._server = subprocess.Popen(self._command(), env={**os.environ, **self.environment}, stderr=log)
        wait_until(self._serves, what="the start of PulseAudio")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """A device that is there and delivers nothing: PulseAudio, stopped meanwhile."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)

    def readers(self) -> int:
        """How many hold it open."""
        command = ["pactl", f"--server=unix:{self._socket}", "list", "short", "source-outputs"]
        listing = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, check=True
        )
        return len(listing.stdout.splitlines())

    def play(self, path: Path) -> None:
        """Play a WAV file in real time; return when it has been played."""
        with self.playing(path):
            pass

    @contextmanager
    def playing(self, path: Path) -> Iterator[None]:
        """Play a WAV file meanwhile, to its end unless an exception leaves."""
        player = self._client("paplay", "--device=mic", str(path))
        try:
            yield
            player.wait()
        finally:
            player.kill()
            player.wait()

    def _command(self) -> list[str]:
        protocol = f"module-native-protocol-unix socket={self._socket} auth-anonymous=1"
        options = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=1")
        return ["pulseaudio", *options, "-L", protocol, "-L", f"module-null-sink {' '.join(self._sink)}"]

    def _serves(self) -> bool:
        return self._socket.exists() and self._client("pactl", "info").wait() == 0

    def _client(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [program, f"--server=unix:{self._socket}", *arguments]
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Overrun:
    """A PCM that says once that it overran, as pyalsaaudio does: a negative length, and the device readied again.

    Or, with ``length`` 0, that there is no sound yet.
    """

    def __init__(self, pcm, *, length: int = -errno.EPIPE) -> None:
        self._pcm = pcm
        self._answers = [(length, b"")]

    def __getattr__(self, name):
        return getattr(self._pcm, name)

    def read(self):
        return self._answers.pop() if self._answers else self._pcm.read()


@contextmanager
def fifo_microphone(folder: Path, *, rate: int = 16_000, frame_bytes: int = 2) -> Iterator[FifoMicrophone]:
    """A microphone in ``folder`` (it must exist); ``frame_bytes`` is of what the program under test asks for."""
    microphone = FifoMicrophone(folder, rate=rate, frame_bytes=frame_bytes)
    microphone.open()
    try:
        yield microphone
    finally:
        microphone.close()


@contextmanager
def pulse_microphone(folder: Path, *, rate: int = 16_000, channels: int = 1) -> Iterator[PulseMicrophone]:
    """A microphone in ``folder``, which must exist and belong to nothing else: it becomes PulseAudio's home."""
    microphone = PulseMicrophone(folder, rate=rate, channels=channels)
    try:
        microphone.open()
        yield microphone
    finally:
        microphone.close()


def wav_bytes(path: Path) -> bytes:
    """The samples of a WAV file."""
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())
