"""What is held of one microphone's channel, and what is said of it: a verdict changes only when looks agree. Pure.

A fault that comes and goes (a loose plug) is believed at once and forgiven later each time, so nobody is told of it
every few seconds.
"""

from dataclasses import dataclass

from edgetx.audio.channels import Channel, Fault

NEEDED = {Fault.DEAD: 1, Fault.TWIN: 1, Fault.DELAYED: 2, Fault.WEAK: 3, Fault.CLIPPING: 2, Fault.INVERTED: 2}
"""Looks that must agree before a fault is held. Copies never come about by chance; a talker may for a while be near to
another microphone than the weak one."""
GRAVITY = tuple(NEEDED)
"""What is said of a channel that has several faults; what is not in it (off centre) does no harm."""
VERY_WEAK_DB = 30.0
"""Nobody is that near: two looks are enough."""
VERY_WEAK_LOOKS = 2
SLOW = frozenset({Fault.WEAK, Fault.CLIPPING})
"""What a talker may seem to bring about: to look again at once would show the same."""
FORGIVEN = 2
"""Looks that must find it well again."""
PATIENCE = 16
"""The most times as many, after relapses."""

_SAID = {
    Fault.DEAD: "is dead: it delivers one value only. It is left out; check its cable, its mute switch and the mixer.",
    Fault.TWIN: "is the same sound as channel {other}. It is left out, and no direction can be told; "
    "name the device itself ('hw:…') instead of one that converts.",
    Fault.INVERTED: "is inverted against channel {other}. It is turned round; nothing needs to be done.",
    Fault.DELAYED: "comes {late_ms:.1f} ms {late_word} than channel {other}. "
    "It is left out; open the device anew, and if that does not help, see its driver.",
    Fault.CLIPPING: "clips ({clipped:.1%} of its samples). It is left out; lower its gain in the mixer.",
    Fault.WEAK: "is {below_db:.0f} dB below the others. It is left out; see its gain in the mixer, "
    "and that nothing covers it.",
}


@dataclass(slots=True)
class Standing:
    """One channel's. ``fault``: what is held; ``suspected``: what was seen last, so many looks in a row (``looks``)."""

    fault: Fault | None = None
    suspected: Fault | None = None
    looks: int = 0
    patience: int = 0

    @property
    def gain(self) -> float:
        """What the channel is to be multiplied by: 1, -1 (it is inverted) or 0 (it is left out)."""
        return {None: 1.0, Fault.INVERTED: -1.0}.get(self.fault, 0.0)

    @property
    def is_suspect(self) -> bool:
        """Whether a fault is seen that is not held yet, but may be."""
        return self.suspected is not None and self._is_news(self.suspected)

    @property
    def is_urgent(self) -> bool:
        """Whether that is worth another look at once."""
        return self.is_suspect and self.suspected not in SLOW

    def _is_news(self, finding: Fault | None) -> bool:
        """Return whether something would follow from holding it.

        One that is left out is not blamed for another fault; but what was dead may be something else: in silence a very
        weak one delivers one value only.
        """
        leads_on = finding in {None, Fault.INVERTED} or self.gain != 0 or self.fault is Fault.DEAD
        return leads_on and finding is not self.fault

    def see(self, finding: Fault | None, needed: int) -> bool:
        """Take what a look found; return whether that is now to be held, for ``needed`` looks in a row agree."""
        self.looks = self.looks + 1 if finding is self.suspected else 1
        self.suspected = finding
        return self._is_news(finding) and self.looks >= needed

    def doubt(self) -> None:
        """A look found no fault, and did not prove that all is well either: what was suspected is not so."""
        if self.suspected is not None:
            self.suspected = self.fault

    def hold(self, fault: Fault | None) -> None:
        """Hold it from here on."""
        if self.fault is None or self._is_return(fault):
            self.patience = min(PATIENCE, max(1, 2 * self.patience))
        self.fault = self.suspected = fault

    def needed(self, finding: Fault | None, channel: Channel) -> int:
        """Return how many looks in a row must find it."""
        if finding is None:
            return self.patience if self.fault is Fault.DEAD else FORGIVEN * self.patience
        if finding is Fault.WEAK and channel.below_db >= VERY_WEAK_DB:
            return VERY_WEAK_LOOKS
        return NEEDED[finding] * (self.patience if self._is_return(finding) else 1)

    def _is_return(self, finding: Fault | None) -> bool:
        """Return whether one that is left out would be used again, turned round."""
        return finding is Fault.INVERTED and self.gain == 0


def gravest(channel: Channel) -> Fault | None:
    """Return what is to be held against it."""
    return next((fault for fault in GRAVITY if fault in channel.faults), None)


def is_well(channel: Channel, fault: Fault | None) -> bool:
    """Return whether a look that found no fault proves that ``fault`` is over: silence proves nothing."""
    if fault is Fault.INVERTED:
        return channel.is_upright
    return channel.is_compared or fault in {None, Fault.DEAD, Fault.CLIPPING}


def said(fault: Fault | None, number: int, *, channel: Channel, other: int | None) -> str:
    """Return the sentence for people; ``number`` and ``other`` are the channels' at the device."""
    if fault is None:
        return f"Channel {number} is well again. It is used."
    words = _SAID[fault].format(
        other=other,
        late_ms=abs(channel.late_ms),
        late_word="later" if channel.late_ms > 0 else "earlier",
        clipped=channel.clipped,
        below_db=channel.below_db,
    )
    return f"Channel {number} {words}"
