"""The front end of a microphone array: its microphones, resampled together, through one beam to one channel. Pure.

The beam works at 16 kHz and needs every microphone, so here the resampler comes first. What lags behind (sound that is
held back at the beginning, the resampler, the beam) changes no number: output frame n stands where input frame n does.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from edgetx.audio.array import Geometry
from edgetx.audio.channel_standing import Standing
from edgetx.audio.ears import Auto, DelayAndSum, Ears, Look, Sector
from edgetx.audio.format import FRAME_BYTES, RATE, AudioFormat, Chunk
from edgetx.audio.heard import Bearing, FrontEnd, Heard, at_16k
from edgetx.audio.mean import Mean
from edgetx.audio.microphones import Microphones, Piece
from edgetx.audio.resample import Resampler, Signal, fit, int16, resampler
from edgetx.audio.samples import decode
from edgetx.board import Board
from edgetx.listening import Direction, Listen

TOLD_FRAMES = RATE * 2 // 5
"""Bearings wait so long for others, for each telling wakes somebody; their sound lags as much behind in the beam."""


class Listener(Protocol):
    """Makes one signal of signals[frames, microphones] at 16 kHz, in int16's steps; see `ears.Ears`."""

    def process(self, signals: Signal, /) -> tuple[Signal, list[Bearing]]:
        """Return what is ready, and where talkers were: frames count from 0, or from the last `flush`."""

    def flush(self) -> tuple[Signal, list[Bearing]]:
        """Return the rest."""

    def use(self, healthy: tuple[bool, ...], /) -> None:
        """Leave the other microphones out."""

    def turn(self, signs: Sequence[int], /) -> None:
        """Have heard each microphone multiplied by its entry in ``signs``, 1 or -1."""


class Arrayed:
    """A `FrontEnd`. ``resample`` takes all microphones; None: the source is at 16 kHz."""

    def __init__(
        self, form: AudioFormat, microphones: Microphones, *, listener: Listener, resample: Resampler | None
    ) -> None:
        self._form, self._microphones = form, microphones
        self._listener, self._resample = listener, resample
        self._directed = False
        self._signs: tuple[int, ...] = ()
        self._bearings: list[Bearing] = []
        self._end: int | None = None
        self._origin = self._fed = self._out = 0

    def process(self, chunk: Chunk) -> Heard:
        """See `FrontEnd`."""
        if self._end is None:
            self._origin = self._out = at_16k(chunk.start, self._form.rate)
            self._fed = 0
        self._end = chunk.end
        pieces = self._microphones.hear(decode(chunk.data, self._form))
        return self._heard([self._listen(piece) for piece in pieces], pieces)

    def flush(self) -> Heard:
        """See `FrontEnd`."""
        if self._end is None:
            return Heard(self._out, b"")
        pieces = self._microphones.flush()
        came = [self._listen(piece) for piece in pieces]
        if self._resample is not None:
            due = at_16k(self._end, self._form.rate) - self._origin - self._fed
            came.append(self._take(fit(self._resample.flush(), due)))
        came.append(self._keep(*self._listener.flush()))
        self._end = None
        return self._heard(came, pieces)

    def standings_of(self, array: Board) -> list[Standing] | None:
        """Return what is held of each microphone of ``array``, if this is the one."""
        return self._microphones.standings if self._microphones.array == array else None

    def _listen(self, piece: Piece) -> Signal:
        if piece.signs != self._signs:
            if piece.signs and self._signs:
                self._listener.turn([now * before for now, before in zip(piece.signs, self._signs, strict=True)])
            self._signs = piece.signs or self._signs
        self._listener.use(piece.healthy)
        self._directed = piece.directed
        return self._take(self._resample.process(piece.signals) if self._resample else piece.signals)

    def _take(self, signals: Signal) -> Signal:
        self._fed += len(signals)
        return self._keep(*self._listener.process(signals))

    def _keep(self, signal: Signal, bearings: list[Bearing]) -> Signal:
        if self._directed:
            origin = self._origin
            self._bearings += (each._replace(start=origin + each.start, end=origin + each.end) for each in bearings)
        return signal

    def _heard(self, came: list[Signal], pieces: list[Piece]) -> Heard:
        """Put together what came, and number it."""
        start = self._out
        pcm = int16(np.concatenate(came)) if came else b""
        self._out += len(pcm) // FRAME_BYTES
        return Heard(start, pcm, self._due(), tuple(remark for piece in pieces for remark in piece.remarks))

    def _due(self) -> tuple[Bearing, ...]:
        """Return the bearings that are to be told now: all, when the oldest has waited for long, or it ends."""
        waiting = self._bearings
        if self._end is not None and waiting and self._origin + self._fed < waiting[0].end + TOLD_FRAMES:
            return ()
        self._bearings = []
        return tuple(waiting)


def front_end(form: AudioFormat, listen: Listen, array: Board, before: FrontEnd | None = None) -> Arrayed:
    """Return the front end for ``array``; a source of format ``form`` has its channels. ``listen``: not one channel.

    ``before``: that of an earlier opening; what it holds of the same array's microphones stays.
    """
    standings = before.standings_of(array) if isinstance(before, Arrayed) else None
    microphones = len(array.microphones)
    return Arrayed(
        form,
        Microphones(form, array, standings),
        listener=Mean(microphones) if listen == "mix" else Ears(Geometry(array.positions_m), _look(listen)),
        resample=None if form.rate == RATE else resampler(form.rate, channels=microphones),
    )


def _look(listen: Listen) -> Look:
    if isinstance(listen, Direction):
        return Sector(listen.azimuth_deg, listen.width_deg)
    return DelayAndSum() if listen == "delay-and-sum" else Auto()
