"""The daemon's own ears in the bench: its front end, fed as a device feeds it, and its direction of an utterance."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from bench_arrays_speech import RATE

from edgetx.audio.format import AudioFormat, Chunk, SampleFormat
from edgetx.audio.frontend import front_end
from edgetx.audio.heard import Bearing, Heard, Remark
from edgetx.board import Board
from edgetx.listening import Direction, Listen
from edgetx.speech.directions import Directions
from edgetx.speech.events import Direction as Told

PERIOD = RATE // 10
SECTOR_DEG = 60.0
BESIDE_DEG = 15.0
"""A sector that people set is not centred on the talker: it is off by up to so much."""


@dataclass(frozen=True, slots=True)
class Listened:
    """What came out, frame k being the scene's frame k."""

    sound: npt.NDArray[np.float32]
    bearings: tuple[Bearing, ...]
    remarks: tuple[Remark, ...]
    directions: Directions

    def direction(self, start: int, end: int) -> Told | None:
        """Return where the daemon says the talker of frames [start, end) was."""
        return self.directions.of(start, end)


def _sector(truth_deg: float, rng: np.random.Generator, board: Board) -> Listen:
    azimuth_deg = truth_deg + rng.uniform(-BESIDE_DEG, BESIDE_DEG)
    return Direction(min(180.0, max(0.0, azimuth_deg)) if board.linear else azimuth_deg % 360.0, SECTOR_DEG)


WAYS: dict[str, Callable[[float, np.random.Generator, Board], Listen]] = {
    "das": lambda _truth, _rng, _board: "delay-and-sum",
    "auto": lambda _truth, _rng, _board: "auto",
    "sector": _sector,
}


def form_of(board: Board) -> AudioFormat:
    """Return the format in which the bench plays ``board``: its own, but at 16 kHz."""
    channels = board.channels or max(board.microphones) + 1
    return AudioFormat(RATE, channels, SampleFormat(board.format or "S16_LE"))


def captured(mixed: npt.NDArray[np.int16], board: Board) -> npt.NDArray[np.int16]:
    """Return all ``channels[frames, channels]`` of ``board`` which hears ``mixed``; the rest is silence."""
    channels = np.zeros((len(mixed), form_of(board).channels), np.int16)
    channels[:, list(board.microphones)] = mixed
    return channels


def chunks(channels: npt.NDArray[np.int16], form: AudioFormat) -> list[Chunk]:
    """Return ``channels`` as a device delivers them."""
    return [
        Chunk(n, len(piece), _written(piece, form))
        for n in range(0, len(channels), PERIOD)
        for piece in [channels[n : n + PERIOD]]
    ]


def listened(mixed: npt.NDArray[np.int16], board: Board, listen: Listen) -> Listened:
    """Return what the daemon makes of what the microphones of ``board`` hear, ``mixed[frames, microphones]``."""
    form = form_of(board)
    ears = front_end(form, listen, board)
    assert ears
    heard = [ears.process(chunk) for chunk in chunks(captured(mixed, board), form)] + [ears.flush()]
    bearings = tuple(bearing for each in heard for bearing in each.bearings)
    directions = Directions(cone=board.linear)
    directions.add(bearings)
    remarks = tuple(remark for each in heard for remark in each.remarks)
    return Listened(_joined(heard, len(mixed)), bearings, remarks, directions)


def _joined(heard: list[Heard], frames: int) -> npt.NDArray[np.float32]:
    sound = np.zeros(frames, np.float32)
    for each in heard:
        pcm = np.frombuffer(each.pcm, "<i2")
        sound[each.start : each.start + len(pcm)] = pcm
    return sound


def _written(samples: npt.NDArray[np.int16], form: AudioFormat) -> bytes:
    if form.sample_format is SampleFormat.S16_LE:
        return samples.astype("<i2").tobytes()
    wide = (samples.astype("<i4") << 16).tobytes()
    if form.sample_format is SampleFormat.S32_LE:
        return wide
    return np.frombuffer(wide, np.uint8).reshape(-1, 4)[:, 1:].tobytes()
