from edgetx.audio.confidence import confidence
from edgetx.audio.doa import Direction


def told(
    *,
    prominence: float = 0.6,
    lead: float = 0.4,
    ratio: float = 2.0,
    hops: float = 60.0,
    agrees: bool = True,
    linear: bool = False,
) -> float:
    return confidence(Direction(10.0, prominence, lead, ratio, inside=1.0), hops=hops, agrees=agrees, linear=linear)


def test_what_stands_out_is_likelier_and_so_is_what_was_told_before_and_what_was_heard_for_long():
    assert 0.9 < told() < 1
    assert told() > told(agrees=False) > told(agrees=False, hops=4.0)
    assert told() > told(prominence=0.2, lead=0.02)
    assert told() > told(lead=0.1)
    assert told() > told(linear=True)


def test_nothing_to_go_by_is_as_good_as_impossible():
    assert 0 <= told(prominence=-1.0, lead=-1.0, ratio=0.0, hops=0.0, agrees=False) < 0.5
