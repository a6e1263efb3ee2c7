import pytest

from edgetx.speech.alive import KeepAlive


def dues(every_seconds: float | None, frames: list[int]) -> list[bool]:
    alive = KeepAlive(every_seconds, 0, turn_seconds=10.0)
    return [alive.is_due(each) for each in frames]


def test_without_sound_it_is_due_before_so_long_has_gone_by():
    assert dues(60.0, [0] * 10) == [False] * 4 + [True] + [False] * 4 + [True]


def test_sound_begins_the_wait_anew():
    assert dues(60.0, [0, 0, 0, 5, 5, 5, 5, 5, 5]) == [False] * 8 + [True]
    assert not any(dues(60.0, list(range(1, 50))))


def test_a_session_that_needs_nothing_gets_nothing():
    assert not any(dues(None, [0] * 100))


@pytest.mark.parametrize(("every_seconds", "turn_seconds"), [(None, 10.0), (60.0, 10.0), (15.0, 7.5)])
def test_it_is_asked_often_enough(every_seconds: float | None, turn_seconds: float):
    assert KeepAlive(every_seconds, 0, turn_seconds=10.0).turn_seconds == turn_seconds
