from math import inf

from edgetx.speech.departures import TIMES, Departures


def test_it_is_known_what_had_left_when():
    departures = Departures()
    assert departures.before(inf) is None
    assert departures.last_at == -inf
    departures.note(1.0, 100)
    departures.note(2.0, 200)
    assert [departures.before(at) for at in (0.9, 1.0, 1.9, 2.0, 3.0)] == [None, 100, 100, 200, 200]
    assert departures.last_at == 2.0


def test_no_more_is_remembered_than_is_asked_for():
    departures = Departures()
    for number in range(TIMES + 5):
        departures.note(float(number), number)
    assert departures.before(4.0) is None
    assert departures.before(5.0) == 5
