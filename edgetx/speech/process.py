"""A wire to a recogniser in a child process: binary and text go to its standard input, lines of JSON come back.

To the child each message is one byte, ``a`` (audio) or ``t`` (text), its length in four bytes, little-endian, and the
bytes. A full pipe holds the sender back, so a slow recogniser leaves its audio in the audio log.

The child runs in a session of its own: the Ctrl-C that stops the daemon must not kill it before its last words.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from edgetx.errors import Refused, TryAgain
from edgetx.speech.session import Message, ProcessRequest, SocketEvent, Wire

LINE_BYTES = 1024 * 1024
CLOSE_SECONDS = 1.5


class ProcessWire:
    """The pipes to a child and back."""

    def __init__(
        self, process: asyncio.subprocess.Process, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader
    ) -> None:
        self._process = process
        self._stdin = stdin
        self._stdout = stdout
        self._loop = asyncio.get_running_loop()
        self.confirmed_at: float | None = None  # A pipe answers no ping; the recogniser says what it has heard.
        self.close_code: int | None = None
        self.close_reason = ""

    async def send(self, message: Message) -> None:
        """Write one message; waits while the pipe is full. Raise TryAgain when the child is gone."""
        try:
            self._stdin.write(_framed(message))
            await self._stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise TryAgain("The recogniser's process is gone.") from error

    @property
    def ready(self) -> bool:
        """See `Wire`."""
        return not (self._stdin.is_closing() or self._stdin.transport.get_write_buffer_size())

    def send_now(self, message: Message) -> bool:
        """See `Wire`."""
        self._loop.call_soon_threadsafe(self._stdin.write, _framed(message))
        return self.ready

    async def receive(self) -> Message | None:
        """Wait for a line; None when the child has ended."""
        try:
            line = await self._stdout.readline()
        except ValueError:
            self.close_reason = f"The recogniser wrote a line of more than {LINE_BYTES} bytes."
            return None
        if line:
            return line.decode(errors="replace")
        self.close_code = await self._process.wait()
        self.close_reason = f"The recogniser's process ended with status {self.close_code}."
        return None

    async def close(self) -> None:
        """Close the child's input, at which it ends; kill it if it does not."""
        self._stdin.close()
        gone = asyncio.ensure_future(self._process.wait())
        try:
            # Not asyncio.timeout: in a task that was cancelled Python 3.11.2 does not raise its TimeoutError.
            await asyncio.wait((gone,), timeout=CLOSE_SECONDS)
        finally:
            if not gone.done():
                with suppress(ProcessLookupError):
                    self._process.kill()
        await gone
        with suppress(ConnectionError):  # What could not be written any more; unasked for, the loop would complain.
            await self._stdin.wait_closed()


@asynccontextmanager
async def connect(request: ProcessRequest) -> AsyncIterator[Wire]:
    """Start the child; on exit, end it. Raise Refused when there is no such program."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *request.argv, stdin=pipe, stdout=pipe, limit=LINE_BYTES, start_new_session=True
        )
    except OSError as error:
        raise Refused(f"The recogniser {request.argv[0]} cannot be started: {error.strerror}.") from error
    if process.stdin is None or process.stdout is None:
        raise ValueError("The recogniser's process was started without pipes.")
    wire = ProcessWire(process, process.stdin, process.stdout)
    try:
        yield wire
    finally:
        await wire.close()


def _framed(message: Message) -> bytes:
    match message:
        case bytes():
            kind, data = b"a", message
        case str():
            kind, data = b"t", message.encode()
        case SocketEvent():
            raise TypeError("A pipe carries no Socket.IO event.")
    return struct.pack("<cI", kind, len(data)) + data
