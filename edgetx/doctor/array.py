"""What the doctor says of a microphone array. Pure."""

from collections.abc import Iterable

from edgetx.board import Board
from edgetx.doctor.report import Finding, Verdict

_OF_GAIN = frozenset({"sound", "weak", "clipping"})
"""Findings that another gain would change; that a playback channel is dead is as it should be."""


def known(stage: str, board: Board, channels: int) -> Finding:
    """Return that the array is this one, whether the source has its channels, and what else is to be known of it."""
    name = f"The array is {board.title}" + (f" ({board.name})" if board.name else "")
    if misfit := board.misfit(channels):
        return Finding(stage, "array", Verdict.FAILED, f"{name}. {misfit}")
    return Finding(stage, "array", Verdict.OK, " ".join([f"{name}.", *board.notes]))


def mixer(stage: str, board: Board, card: str, findings: Iterable[Finding]) -> Finding | None:
    """Return how the board's mixer is best set, if a finding has to do with gain; ``card``: the card's id."""
    amiss = any(finding.name in _OF_GAIN and finding.verdict is not Verdict.OK for finding in findings)
    if not amiss or not board.mixer:
        return None
    said = "; ".join(f"{each.name} {each.value}" + (f" ({each.why})" if each.why else "") for each in board.mixer)
    first = board.mixer[0]
    remedy = (
        f"'amixer -c {card} contents' shows it; amixer -c {card} cset name='{first.name}' {first.value}, and so on."
    )
    return Finding(stage, "mixer", Verdict.WARNING, f"The board's mixer is best set so: {said}.", remedy)
