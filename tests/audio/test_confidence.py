from edgetx.audio.confidence import confidence
from edgetx.audio.doa import Direction


def told(*, prominence: float = 3.0, lead: float = 0.4, linear: bool = False) -> float:
    return confidence(Direction(10.0, prominence, lead), linear=linear)


def test_what_stands_out_is_likelier():
    assert 0.9 < told() < 1
    assert told() > told(prominence=1.0) > told(prominence=1.0, lead=0.02)
    assert told() > told(lead=0.1)


def test_a_line_of_microphones_is_believed_less():
    assert told() > told(linear=True)


def test_nothing_to_go_by_is_as_good_as_impossible():
    assert 0 <= told(prominence=0.0, lead=-1.0) < 0.01
