"""An array's microphones out of the channels that its card delivers: in the board's order, the ill ones known. Pure.

What the board's map does not say the sound itself does: how it begins (`beginning`), and which microphones are well
(`channel_watch`). An inverted one is turned round here. One that is to be left out stays in its place: whoever mixes
them leaves it out, without a click.
"""

from typing import NamedTuple

import numpy as np

from edgetx.audio.beginning import Beginning, Begun, LaterLook
from edgetx.audio.channel_standing import Standing
from edgetx.audio.channel_watch import ChannelWatch
from edgetx.audio.format import AudioFormat
from edgetx.audio.heard import Remark
from edgetx.audio.resample import Signal
from edgetx.audio.samples import Samples
from edgetx.board import Board

COMPARED_FRAMES = 100
"""Of fewer, nobody can say whether they are copies."""


class Piece(NamedTuple):
    """``signals[frames, microphones]`` in int16's steps, at the card's rate.

    ``healthy``: which to use. ``signs``: -1 for those that are turned round. ``directed``: whether they tell a
    direction. ``remarks``: what has become known at its end.
    """

    signals: Signal
    healthy: tuple[bool, ...]
    directed: bool
    signs: tuple[int, ...] = ()
    remarks: tuple[Remark, ...] = ()


class Microphones:
    """Is fed all channels and gives microphones, some seconds later at the beginning, at once after that.

    ``standings``: what is held of each microphone, from an earlier opening on; it is kept there.
    """

    def __init__(self, form: AudioFormat, array: Board, standings: list[Standing] | None = None) -> None:
        self._form, self.array = form, array
        self._order = array.microphones
        self.standings = standings or _unknown(array)
        self._watch = self._watching(self._order)
        self._beginning: Beginning | None = Beginning(form, array)
        self._later: LaterLook | None = None
        self._copies = False

    def hear(self, samples: Samples) -> list[Piece]:
        """Take ``samples[frames, channels]``; return what is ready, perhaps nothing."""
        if self._beginning is not None:
            begun = self._beginning.hear(_signals(samples))
            return self._begin(begun) if begun else []
        if self._later is not None and (turn := self._later.hear(_signals(samples))) is not None:
            self._later = None
            self._turn(turn, anew=True)
        return self._pieces(_signals(samples[:, self._order]))

    def flush(self) -> list[Piece]:
        """Return what is held: a hole or the end follows, and after a hole the card begins anew."""
        rest = self._begin(self._beginning.end()) if self._beginning is not None else []
        self._beginning, self._later = Beginning(self._form, self.array), None
        return rest

    def _begin(self, begun: Begun) -> list[Piece]:
        self._beginning = None
        self._watch.restart()
        if begun.turn is None:
            self._later = LaterLook(self._form, self.array)
        self._turn(begun.turn or 0, anew=begun.turn is None)
        signals = begun.sound[:, self._order]
        dirty, clean = signals[: begun.dirty], signals[begun.dirty :]
        silence = [Piece(np.zeros_like(dirty), self._watch.healthy, directed=False)] if len(dirty) else []
        return [*silence, *self._pieces(clean)]

    def _turn(self, turn: int, *, anew: bool) -> None:
        """Take the channels in this order; ``anew``: what is held was, or will be, of others than it was found of."""
        order = tuple((channel + turn) % self._form.channels for channel in self.array.microphones)
        if order != self._order:
            if anew:
                self.standings[:] = _unknown(self.array)
            self._order, self._watch = order, self._watching(order)

    def _watching(self, order: tuple[int, ...]) -> ChannelWatch:
        array = self.array
        return ChannelWatch(order, self._form.rate, aperture_m=array.aperture_m, standings=self.standings)

    def _pieces(self, signals: Signal) -> list[Piece]:
        """Cut where something may change."""
        pieces = []
        while len(signals):
            part, signals = signals[: self._watch.room], signals[self._watch.room :]
            pieces.append(self._piece(part))
        return pieces

    def _piece(self, signals: Signal) -> Piece:
        """What is found in these signals counts from the next ones on."""
        healthy, directed, gains = self._watch.healthy, self._watch.is_directed, self._watch.gains
        signs = tuple(-1 if gain < 0 else 1 for gain in gains)
        remarks = tuple(self._watch.hear(signals))
        if _stand_still(signals):
            signals = np.zeros_like(signals)
        elif -1 in signs:
            signals = signals * np.array(signs, np.float32)
        if len(signals) >= COMPARED_FRAMES:
            self._copies = _has_copies(signals)
        return Piece(signals, healthy, directed and self._later is None and not self._copies, signs, remarks)


def _unknown(array: Board) -> list[Standing]:
    """Return what is held of microphones before anything was heard."""
    return [Standing() for _ in array.microphones]


def _stand_still(signals: Signal) -> bool:
    """Return whether each delivers one value only: centres, whose mix might waver by a step, and then is no silence."""
    if len(signals) < COMPARED_FRAMES or not (signals[:COMPARED_FRAMES] == signals[0]).all():
        return False
    return bool((signals == signals[0]).all())


def _has_copies(signals: Signal) -> bool:
    """Return whether two microphones have the very same sound: then it is one, which something has multiplied."""
    pair = np.triu_indices(signals.shape[1], 1)
    head = signals[:COMPARED_FRAMES]
    if not (head[:, pair[0]] == head[:, pair[1]]).all(axis=0).any():  # As a rule.
        return False
    return len({signal.tobytes() for signal in signals.T}) < len(signals.T)


def _signals(samples: Samples) -> Signal:
    """Return a copy in int16's steps."""
    signals: Signal = samples.astype(np.float32)
    if samples.dtype == np.int32:
        signals *= np.float32(2.0**-16)
    return signals
