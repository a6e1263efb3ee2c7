"""Cuts a stream of sound into AssemblyAI's audio messages: 50 to 1000 ms each, in the format that was asked for.

The lengths are exact, for a message a millisecond too short ends the session. The last is filled up with silence.
"""

from edgetx.audio.format import FRAME_BYTES, RATE
from edgetx.speech.encoding import Encoder
from edgetx.speech.session import ChunkMs

CHUNK = ChunkMs(min=50, best=100, max=1000)
_BYTES_A_MS = RATE * FRAME_BYTES // 1000  # Of what comes in.


class Chunker:
    """``sample_rate`` 16000 or 8000, ``encoding`` ``pcm_s16le`` or ``pcm_mulaw``, ``chunk``: what goes out."""

    def __init__(self, sample_rate: int, encoding: str, *, chunk: ChunkMs = CHUNK) -> None:
        self._chunk = chunk
        self._encoder = Encoder(sample_rate, encoding)
        self._half = b""  # Of a sample.
        self._rest = bytearray()
        self._given_bytes = 0
        is_plain = sample_rate == RATE and encoding == "pcm_s16le"
        self._passing_bytes = chunk.best * _BYTES_A_MS if is_plain else -1

    @property
    def given_ms(self) -> float:
        """How much sound came in so far."""
        return self._given_bytes / _BYTES_A_MS

    def feed(self, pcm: bytes) -> list[bytes]:
        """Take 16 kHz mono int16 of any length; return messages: none until there is enough, then all."""
        self._given_bytes += len(pcm)
        if len(pcm) == self._passing_bytes and not self._rest and not self._half:
            return [pcm]  # A live stream: nothing else ten times a second.
        if self._half or len(pcm) % FRAME_BYTES:
            pcm = self._half + pcm
            self._half = pcm[len(pcm) - len(pcm) % FRAME_BYTES :]
            pcm = pcm[: len(pcm) - len(self._half)]
        encoded, best = self._encoder.encode(pcm), self._chunk.best * self._encoder.bytes_per_ms
        self._rest += encoded
        messages = []
        while len(self._rest) >= best:
            messages.append(self._cut(self._chunk.max * self._encoder.bytes_per_ms))
        return messages

    def flush(self) -> list[bytes]:
        """Return the rest, filled up with silence to what one message must hold; nothing if there is none."""
        if self._half:
            self._rest += self._encoder.encode(self._half + b"\0")
        self._rest += self._encoder.flush()
        if not self._rest:
            return []
        missing = self._chunk.min * self._encoder.bytes_per_ms - len(self._rest)
        self._rest += self._encoder.silence * (missing // len(self._encoder.silence))
        return [self._cut(len(self._rest))]

    def _cut(self, size: int) -> bytes:
        message = bytes(self._rest[:size])
        del self._rest[:size]
        return message
