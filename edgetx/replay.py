"""``edgetx replay``: runs a recording through the daemon's own front end and speech gate, and writes what came of it.

The choice of array and of what to listen to is read as the settings are, so it is checked and explained as they are.
"""

import csv
import json
import re
import time
import wave
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgetx.audio.format import FRAME_BYTES, RATE, Chunk
from edgetx.audio.frontend import front_end
from edgetx.audio.heard import Bearing, FrontEnd, Heard, Remark
from edgetx.audio.samples import one_channel
from edgetx.audio.speech_gate import Edge, SpeechGate
from edgetx.audio.wav import WavSource
from edgetx.config import Board, Listen, MicrophoneSettings, WavSettings, load, parse
from edgetx.errors import Refused, SettingsError
from edgetx.picture import Envelope, Story, draw
from edgetx.scalars import one_of
from edgetx.speech.directions import Directions

STEP_FRAMES = RATE // 100
DIRECTION_COLUMNS = ("start_seconds", "end_seconds", "degrees", "confidence")
SPEECH_COLUMNS = ("start_seconds", "end_seconds")
_PLACE = re.compile(r"^:\d+: (?:microphones\[0\]\.(\w+))?")
"""Where the settings' faults are, in what stands for a file."""


@dataclass(slots=True)
class Findings:
    """What came of a recording; frames at 16 kHz."""

    clean: Envelope = field(default_factory=lambda: Envelope(STEP_FRAMES))
    raw: Envelope = field(default_factory=lambda: Envelope(STEP_FRAMES))
    bearings: list[Bearing] = field(default_factory=list)
    speech: list[tuple[int, int]] = field(default_factory=list)
    remarks: list[tuple[int, Remark]] = field(default_factory=list)
    cone: bool = False
    frames: int = 0
    cpu_seconds: float = 0.0
    _began: int | None = None

    def take(self, heard: Heard, edges: Iterable[Edge]) -> None:
        """Take what the front end and the gate made of the next piece."""
        self.clean.feed(heard.pcm)
        self.bearings += heard.bearings
        self.remarks += [(heard.start, remark) for remark in heard.remarks]
        self.frames = heard.start + len(heard.pcm) // FRAME_BYTES
        for edge in edges:
            if edge.speaking:
                self._began = edge.frame
            else:
                self.end(edge.frame)

    def end(self, frame: int) -> None:
        """Note that nobody speaks from ``frame`` on."""
        if self._began is not None:
            self.speech.append((self._began, frame))
            self._began = None

    def summary(self) -> Iterator[str]:
        """Yield what a person wants to know of it, a line each."""
        seconds = self.frames / RATE
        spoken = sum(end - start for start, end in self.speech) / RATE
        pieces = "1 piece" if len(self.speech) == 1 else f"{len(self.speech)} pieces"
        yield f"{seconds:.1f} s of sound, {spoken:.1f} s of it speech in {pieces}."
        yield f"{1000 * self.cpu_seconds / seconds:.1f} ms of CPU time for each second of sound."
        for frame, remark in self.remarks:
            yield f"{frame / RATE:7.1f} s  {remark.text}"
        directions = Directions(cone=self.cone)
        directions.add(self.bearings)
        for start, end in self.speech:
            if direction := directions.of(start, end):
                angle, sure = direction.azimuth_deg, direction.confidence
                yield f"{start / RATE:7.1f} s to {end / RATE:.1f} s  {angle} degrees, confidence {sure:.2f}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for: an array and what to listen to, as the settings say it, or a microphone's."""

    recording: Path
    array: str | None = None
    listen: str | None = None
    config: Path | None = None
    microphone: str | None = None

    def settings(self, environment: Mapping[str, str]) -> MicrophoneSettings:
        """Return the microphone that the recording stands for. Raise SettingsError, or Refused for a wrong name."""
        if self.microphone is None:
            return self._of_options()
        there = {each.name: each for each in load(self.config or "", environment).microphones}
        if self.microphone not in there:
            raise Refused(f"There is no microphone {self.microphone!r} in {self.config}; there is {one_of(there)}.")
        return replace(there[self.microphone], source=WavSettings(self.recording, pace="fast"))

    def _of_options(self) -> MicrophoneSettings:
        chosen = {"array": self.array, "listen": self.listen}
        lines = [
            "microphones:",
            "  - name: replay",
            f"    source: {{wav: {json.dumps(str(self.recording))}, pace: fast}}",
            *(f"    {name}: {text}" for name, text in chosen.items() if text),
        ]
        try:
            settings = parse("\n".join(lines), path="", environment={}, host_name="replay", world_readable=False)
        except SettingsError as error:
            raise SettingsError([_PLACE.sub(_option, fault) for fault in error.faults]) from error
        return settings.microphones[0]


def replay(settings: MicrophoneSettings, folder: Path, *, picture: bool, show: Callable[[str], None]) -> None:
    """Write into ``folder`` the sound that would be sent, the bearings, the speech, and, if wanted, the picture.

    Raise Refused when the recording cannot be read or does not fit the array, or a file cannot be written.
    """
    source, array = settings.source, settings.array
    if not isinstance(source, WavSettings) or array == "auto":
        raise Refused("A recording has no card to be recognised by; name its array with --array.")
    names = {kind: folder / f"{source.wav.stem}.{kind}" for kind in ("mono.wav", "direction.csv", "speech.csv", "png")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        findings = _run(WavSource(source, time.monotonic, time.sleep), settings.listen, array, names["mono.wav"])
        _write_rows(names["direction.csv"], DIRECTION_COLUMNS, _bearing_rows(findings))
        _write_rows(names["speech.csv"], SPEECH_COLUMNS, _speech_rows(findings))
    except OSError as error:
        raise Refused(f"{error.filename or folder} cannot be written: {error.strerror}.") from error
    for line in findings.summary():
        show(line)
    if picture:
        draw(_story(source.wav.name, settings, findings), names["png"])
    shown = [path for kind, path in names.items() if picture or kind != "png"]
    show("Written: " + ", ".join(str(path) for path in shown) + ".")


def _run(source: WavSource, listen: Listen, array: Board | None, mono: Path) -> Findings:
    """Send all of ``source`` through the front end and the gate; write what comes out as ``mono``."""
    source.open()
    try:
        findings, gate = Findings(cone=array is not None and array.linear), SpeechGate()
        ears, channel = front_end(source.format, listen, array), array.microphones[0] if array else 0
        with wave.open(str(mono), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(FRAME_BYTES)
            file.setframerate(RATE)
            for piece in _pieces(source):
                findings.raw.feed(one_channel(piece.data, source.format, channel) if piece else b"")
                begun = time.process_time()
                heard = _heard(piece, ears, findings.frames)
                edges = [*gate.hear(heard.start, heard.pcm), *(() if piece else gate.end())]
                findings.cpu_seconds += time.process_time() - begun
                findings.take(heard, edges)
                file.writeframesraw(heard.pcm)
        return findings
    finally:
        source.close()


def _pieces(source: WavSource) -> Iterator[Chunk | None]:
    """Yield all of ``source``, and None for its end."""
    while piece := source.read():
        yield piece
    yield None


def _heard(piece: Chunk | None, ears: FrontEnd | None, end: int) -> Heard:
    if ears:
        return ears.process(piece) if piece else ears.flush()
    return Heard(piece.start, piece.data) if piece else Heard(end, b"")


def _option(place: "re.Match[str]") -> str:
    return f"--{place[1]}" if place[1] else "the options: "


def _write_rows(path: Path, columns: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _bearing_rows(findings: Findings) -> Iterator[Sequence[str]]:
    for start, end, degrees, confidence in findings.bearings:
        yield f"{start / RATE:.3f}", f"{end / RATE:.3f}", str(round(degrees) % 360), f"{confidence:.2f}"


def _speech_rows(findings: Findings) -> Iterator[Sequence[str]]:
    for start, end in findings.speech:
        yield f"{start / RATE:.3f}", f"{end / RATE:.3f}"


def _story(name: str, settings: MicrophoneSettings, findings: Findings) -> Story:
    return Story(
        title=f"{name}: listen {settings.listen}",
        seconds=findings.frames / RATE,
        raw=findings.raw.ranges,
        clean=findings.clean.ranges,
        speech=[(start / RATE, end / RATE) for start, end in findings.speech],
        bearings=[(start / RATE, end / RATE, degrees, sure) for start, end, degrees, sure in findings.bearings],
        cone=findings.cone,
    )
