"""The embedded recogniser's process: audio on standard input, JSON lines on standard output.

It is started by `edgetx.speech.process` and speaks the protocol of `edgetx.speech.providers.local`. It ends when its
input does; signals that are meant for the daemon it ignores, or the last words would be lost.

Utterances are cut by pocketsphinx's own endpointer (WebRTC's voice detector in 30 ms frames, smoothed over 0.3 s).
"""

import json
import os
import signal
import struct
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from edgetx.audio.format import RATE

PARTIAL_SECONDS = 0.3
HEARD_SECONDS = 1.0
LOOK_BACK_SECONDS = 0.36
"""How far before the present the endpointer may still let an utterance begin: its window and two frames."""
LONGEST_SECONDS = 30.0
"""An utterance without a pause is cut here, so that finals keep coming."""
KEYPHRASE_THRESHOLD = "1e-20"
NICE = 5
"""Below capture and streaming, which share the processor."""
STEP_MS = 10
"""pocketsphinx counts in frames of 10 ms."""

Said = Iterator[dict[str, Any]]


class CannotBeginError(Exception):
    """The settings cannot be used; the text is a sentence for a person."""


class Recogniser:
    """Turns audio into messages; ``decoder`` and ``endpointer`` are pocketsphinx's. Times are seconds of audio."""

    def __init__(self, decoder: Any, endpointer: Any) -> None:
        self._decoder = decoder
        self._endpointer = endpointer
        self._pending = b""
        self._fed = 0.0
        self._told = 0.0
        self._start: float | None = None
        self._end = 0.0
        self._text = ""
        self._number = 0

    def feed(self, pcm: bytes) -> Said:
        """Take 16 kHz mono int16 of any length; yield what there is to say."""
        self._pending += pcm
        size = self._endpointer.frame_bytes
        while len(self._pending) >= size:
            frame, self._pending = self._pending[:size], self._pending[size:]
            was_in_speech = self._endpointer.in_speech
            speech = self._endpointer.process(frame)
            self._fed += self._endpointer.frame_length
            if speech:
                if not was_in_speech:
                    self._end = self._endpointer.speech_start
                yield from self._hear(speech)
            elif self._fed - self._told >= HEARD_SECONDS:
                yield self._heard(self._fed - LOOK_BACK_SECONDS)

    def finish(self) -> Said:
        """Take note that no more audio comes; yield the last words."""
        # The endpointer raises on an empty rest; a sample of silence is as good as none.
        if self._endpointer.in_speech and (rest := self._endpointer.end_stream(self._pending or b"\0\0")):
            yield from self._hear(rest)
        if self._start is not None:
            yield from self._final()
        yield {"type": "done"}

    def _hear(self, speech: bytes) -> Said:
        if self._start is None:
            self._start = self._end
            self._decoder.start_utt()
        self._decoder.process_raw(speech, False, False)
        self._end += len(speech) / 2 / RATE
        if not self._endpointer.in_speech or self._end - self._start > LONGEST_SECONDS:
            yield from self._final()
        elif self._fed - self._told >= PARTIAL_SECONDS:
            yield from self._partial()

    def _partial(self) -> Said:
        self._told = self._fed
        text = self._hypothesis()
        if text and text != self._text:
            self._text = text
            yield self._utterance("partial", text)

    def _final(self) -> Said:
        self._decoder.end_utt()
        if text := self._hypothesis():
            yield self._utterance("final", text)
            self._number += 1
        self._start, self._text = None, ""
        yield self._heard(self._end)

    def _hypothesis(self) -> str:
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr.strip() if hypothesis and hypothesis.hypstr else ""

    def _heard(self, until: float) -> dict[str, Any]:
        self._told = self._fed
        return {"type": "heard", "until_ms": round(1000 * max(0.0, until))}

    def _utterance(self, kind: str, text: str) -> dict[str, Any]:
        start_ms = round(1000 * (self._start or 0.0))
        return {
            "type": kind,
            "key": f"{self._number:04}",
            "text": text,
            "start_ms": start_ms,
            "end_ms": round(1000 * self._end),
            "words": [_word(segment, start_ms) for segment in self._decoder.seg() or () if _is_word(segment.word)],
        }


def _is_word(text: str) -> bool:
    return text[0] not in "<[+"


def _word(segment: Any, start_ms: int) -> dict[str, Any]:
    return {
        "text": segment.word.partition("(")[0].strip(),
        "start_ms": start_ms + segment.start_frame * STEP_MS,
        "end_ms": start_ms + (segment.end_frame + 1) * STEP_MS,
    }


def decoder(wanted: dict[str, Any]) -> Any:
    """Return pocketsphinx's decoder for a JSGF ``grammar``, ``keyphrases``, or free English."""
    import pocketsphinx  # noqa: PLC0415  (the child alone pays for it)

    options: dict[str, Any] = {"samprate": RATE, "loglevel": "FATAL"}
    if wanted["grammar"]:
        options["jsgf"] = wanted["grammar"]
        if not os.access(wanted["grammar"], os.R_OK):
            raise CannotBeginError(f"The grammar {wanted['grammar']} cannot be read: is the path right?")
    try:
        made = pocketsphinx.Decoder(**options)
    except RuntimeError as error:
        raise CannotBeginError(
            f"The grammar {wanted['grammar']} is not a JSGF grammar of words that the English model knows."
        ) from error
    if wanted["keyphrases"]:
        _listen_for(made, wanted["keyphrases"])
    return made


def _listen_for(made: Any, keyphrases: list[str]) -> None:
    unknown = [word for phrase in keyphrases for word in phrase.lower().split() if made.lookup_word(word) is None]
    if unknown:
        raise CannotBeginError(f"The English model does not know the keyphrase words {', '.join(unknown)}.")
    with tempfile.NamedTemporaryFile("w", suffix=".kws") as file:
        file.writelines(f"{phrase.lower()} /{KEYPHRASE_THRESHOLD}/\n" for phrase in keyphrases)
        file.flush()
        made.add_kws("keyphrases", file.name)
    made.activate_search("keyphrases")


def messages(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, data) until the stream ends."""
    while len(head := stream.read(5)) == 5:  # noqa: PLR2004  (one byte of kind, four of length)
        kind, length = struct.unpack("<cI", head)
        yield kind, stream.read(length)


def converse(wanted: dict[str, Any], stream: BinaryIO) -> Said:
    """Yield what there is to say until the stream or the session ends."""
    import pocketsphinx  # noqa: PLC0415  (the child alone pays for it)

    try:
        recogniser = Recogniser(decoder(wanted), pocketsphinx.Endpointer(sample_rate=RATE))
    except CannotBeginError as error:
        yield {"type": "error", "message": str(error)}
        return
    yield {"type": "ready", "model": "en-us"}
    for kind, data in messages(stream):
        if kind == b"t":
            yield from recogniser.finish()
            return
        yield from recogniser.feed(data)


def main() -> None:
    """Run the child: ``python -m edgetx.speech.recogniser '{"grammar": null, "keyphrases": []}'``."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICE)
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)  # pocketsphinx's own C code writes complaints to standard output.
        for said in converse(json.loads(sys.argv[1]), sys.stdin.buffer):
            out.write(json.dumps(said) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
