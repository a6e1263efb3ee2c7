"""How likely it is that a bearing is right, which means: within 10 degrees.

A logistic regression (Cox, 1958) on 9,000 bearings of simulated rooms, other ones than scripts/bench-arrays measures:
reverberation of 0.2 to 0.6 s, talkers at 1 to 3 m, arrays of 2 to 8 microphones, fans, babble and competing talkers at
0 to 30 dB. Of the planar arrays' bearings that it gave 0.8 to 0.9, 83 % were right, of those above 0.9, 99 %. Linear
arrays are given less than the regression said (-2.88): theirs of 0.8 to 0.9 were right in two of three.
"""

import math

from edgetx.audio.doa import Direction

_PROMINENCE, _LEAD, _RATIO, _HOPS = 0.75, 1.05, -0.36, 0.43
_AGREES, _LINEAR, _BIAS = 0.38, -3.5, 3.38
_FEW = (0.02, 0.01, 0.02, 1.0)


def confidence(direction: Direction, *, hops: float, agrees: bool, linear: bool) -> float:
    """Return the chance that ``direction`` is right, 0 to 1.

    ``hops``: how much speech it was told from. ``agrees``: it is where the one before it was. ``linear``: the array.
    """
    measured = (direction.prominence, direction.lead, direction.ratio, hops)
    logs = [math.log(max(value, few)) for value, few in zip(measured, _FEW, strict=True)]
    score = sum(weight * value for weight, value in zip((_PROMINENCE, _LEAD, _RATIO, _HOPS), logs, strict=True))
    return 1 / (1 + math.exp(-(score + _AGREES * agrees + _LINEAR * linear + _BIAS)))
