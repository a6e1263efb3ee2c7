"""What the doctor says of two seconds of sound. Pure: `channels` measures."""

from collections.abc import Container, Sequence

from edgetx.audio.channels import Channel, Fault
from edgetx.doctor.report import Finding, Verdict, several

FAINT_DBFS = -75.0
LOUD_DBFS = -6.0

_SAID = {
    Fault.DEAD: "delivers one value only",
    Fault.WEAK: "is {below_db:.0f} dB below the others",
    Fault.TWIN: "is the same sound as channel {other}",
    Fault.INVERTED: "is inverted against channel {other}",
    Fault.DELAYED: "lags {late_ms:+.1f} ms behind channel {other}",
    Fault.CLIPPING: "clips ({clipped:.1%} of the samples)",
    Fault.OFF_CENTRE: "is off centre by {centre:+.1%} of full scale",
}
_REMEDIES = {
    Fault.DEAD: "A mute switch, a mixer at zero (alsamixer), or a channel without a microphone.",
    Fault.WEAK: "See its gain in alsamixer, and that nothing covers it.",
    Fault.TWIN: "A mono source behind a converting device: 'hw:…' or a token shows what there is.",
    Fault.INVERTED: "'listen: mix' would cancel it out: listen to one channel.",
    Fault.DELAYED: "More than sound takes from microphone to microphone: open it again; an array leaves it out.",
    Fault.CLIPPING: "Lower the gain (alsamixer), or go farther away.",
    Fault.OFF_CENTRE: "Usual with cheap sticks; little harm.",
}
_GRAVE = frozenset({Fault.DEAD, Fault.WEAK, Fault.CLIPPING})
"""What makes a channel that is listened to useless."""


def judge(stage: str, channels: Sequence[Channel], listened: Container[int], form: str) -> list[Finding]:
    """Return a finding on the level, and one on each fault of the channels; ``listened``: what the settings take.

    A fault fails only where somebody listens to nothing better; boards have channels that are meant to be empty.
    """
    heard = [channel for channel in channels if channel.number in listened]
    findings = [_level(stage, heard, form, len(channels))]
    lost = bool(heard) and all(_GRAVE & set(channel.faults) for channel in heard)
    for fault in Fault:
        having = [channel for channel in channels if fault in channel.faults]
        if having:
            failed = lost and fault in _GRAVE and any(channel in heard for channel in having)
            verdict = Verdict.FAILED if failed else Verdict.WARNING
            findings.append(Finding(stage, fault.value, verdict, _said(fault, having), _remedy(fault)))
    if len(findings) == 1 and len(channels) > 1:
        text = f"The {len(channels)} channels are alive, and none is another's copy or inverse."
        findings.append(Finding(stage, "channels", Verdict.OK, text))
    return findings


def _level(stage: str, heard: Sequence[Channel], form: str, there: int) -> Finding:
    if not heard:
        text = f"Sound comes ({form}), but it has {there} channels, none of them the one that is listened to."
        return Finding(stage, "sound", Verdict.FAILED, text, "Set 'listen' to a channel that is there, from 0.")
    loudest = max(heard, key=lambda channel: channel.rms_dbfs)
    text = f"Sound comes ({form}): {loudest.rms_dbfs:.0f} dBFS, peak {loudest.peak_dbfs:.0f}"
    if loudest.rms_dbfs < FAINT_DBFS:
        return Finding(stage, "sound", Verdict.WARNING, f"{text}: next to nothing.", "Speak; or raise it in alsamixer.")
    if loudest.rms_dbfs > LOUD_DBFS:
        return Finding(stage, "sound", Verdict.WARNING, f"{text}: too loud.", "Lower the gain in alsamixer.")
    return Finding(stage, "sound", Verdict.OK, f"{text}.")


def _said(fault: Fault, having: Sequence[Channel]) -> str:
    """Say which channels have it; those of which the same is to be said, together."""
    said: dict[str, list[int]] = {}
    for channel in having:
        words = _SAID[fault].format(
            other=channel.other,
            clipped=channel.clipped,
            centre=channel.centre,
            below_db=channel.below_db,
            late_ms=channel.late_ms,
        )
        said.setdefault(words, []).append(channel.number)
    return " ".join(
        f"Channel {numbers[0]} {words}." if len(numbers) == 1 else f"Each of the channels {several(numbers)} {words}."
        for words, numbers in said.items()
    )


def _remedy(fault: Fault) -> str:
    return _REMEDIES[fault]
