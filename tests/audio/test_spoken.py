"""What is handed out as silent is none of the speech, none of the holes, and in the end all of the rest."""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from edgetx.audio.format import RATE
from edgetx.audio.spoken import HANG_OVER_FRAMES, Spoken
from tests.rigs.detector import Loud

CHUNK = RATE // 10


def loud(frames: int) -> bytes:
    return np.full(frames, 5000, "<i2").tobytes()


def quiet(frames: int) -> bytes:
    return bytes(2 * frames)


class Scripted:
    """Says what the test wants."""

    def __init__(self) -> None:
        self.decided = 0
        self.edges: list[tuple[int, bool]] = []
        self.last: list[tuple[int, bool]] = []

    def hear(self, _start: int, _pcm: bytes) -> list[tuple[int, bool]]:
        edges, self.edges = self.edges, []
        return edges

    def end(self) -> list[tuple[int, bool]]:
        edges, self.last = self.last, []
        return edges

    def say(self, *edges: tuple[int, bool], decided: int) -> None:
        self.edges, self.decided = [*edges], decided


def heard() -> tuple[Spoken, Scripted, list[tuple[int, int | None]]]:
    told: list[tuple[int, int | None]] = []
    detector = Scripted()
    return Spoken(detector, lambda start, end: told.append((start, end))), detector, told


def test_what_is_decided_while_nobody_speaks_is_silent_and_what_is_not_is_not_said():
    spoken, detector, _ = heard()
    detector.say(decided=600)
    spoken.hear(0, quiet(1000))
    assert spoken.silent() == [(0, 600)]
    assert spoken.limit(1000) == 600
    detector.say(decided=900)
    spoken.hear(1000, quiet(1000))
    assert spoken.silent() == [(0, 900)]
    assert spoken.limit(500) == 500


def test_speech_is_told_when_it_begins_and_when_it_ends_and_is_not_silent():
    spoken, detector, told = heard()
    detector.say((700, True), decided=1000)
    spoken.hear(0, quiet(1000))
    assert spoken.speaking
    assert (spoken.began, spoken.limit(1000), spoken.silent()) == (700, 1000, [(0, 700)])
    detector.say((20_000, False), decided=20_000)
    spoken.hear(1000, quiet(20_000))
    assert not spoken.speaking
    assert (spoken.ended, spoken.tail, spoken.limit(21_000), spoken.silent()) == (20_000, HANG_OVER_FRAMES, 20_000, [])
    detector.say(decided=20_500)
    spoken.hear(21_000, quiet(100))
    assert spoken.silent() == [(20_000, 20_500)]
    assert told == [(700, None), (700, 20_000)]


def test_of_what_came_before_it_listened_nothing_is_said():
    spoken, detector, _ = heard()
    spoken.rest()
    assert spoken.silent() == []
    detector.say(decided=5500)
    spoken.hear(5000, quiet(1000))
    assert spoken.silent() == [(5000, 5500)]


def test_a_hole_is_not_silent_and_ends_speech():
    spoken, detector, told = heard()
    detector.say(decided=800)
    spoken.hear(0, quiet(1000))
    detector.say(decided=5000)
    spoken.hear(5000, quiet(1000))
    assert spoken.silent() == [(0, 1000)]
    detector.say((5800, True), decided=6000)
    spoken.hear(6000, quiet(1000))
    detector.say(decided=9000)
    spoken.hear(9000, quiet(1000))
    assert told == [(5800, None), (5800, 7000)]
    assert spoken.tail == 0
    assert spoken.silent() == [(5000, 5800)]
    detector.say(decided=9500)
    spoken.hear(10_000, quiet(1000))
    assert spoken.silent() == [(9000, 9500)]


def test_speech_that_goes_on_behind_a_rest_begins_there_anew():
    spoken, detector, told = heard()
    detector.say((200, True), decided=1000)
    spoken.hear(0, loud(1000))
    spoken.rest()
    assert not spoken.speaking
    detector.say((1000, True), decided=2000)
    spoken.hear(1000, loud(1000))
    assert spoken.speaking
    assert told == [(200, None), (200, 1000), (1000, None)]


def test_edges_that_are_none_and_edges_where_all_was_decided_change_nothing_that_was_said():
    spoken, detector, told = heard()
    detector.say((500, False), decided=800)
    spoken.hear(0, quiet(1000))
    assert spoken.silent() == [(0, 800)]
    detector.say((300, True), (400, True), decided=1200)
    spoken.hear(1000, quiet(1000))
    assert told == [(800, None)]
    detector.say((700, False), decided=700)
    spoken.hear(2000, quiet(1000))
    assert told[1:] == [(800, 800)]
    assert spoken.tail == 0


def test_when_it_rests_where_no_speech_was_found_there_is_none():
    spoken, detector, _ = heard()
    detector.say(decided=200)
    spoken.hear(0, quiet(1000))
    spoken.rest()
    assert spoken.silent() == [(0, 1000)]


def test_what_is_only_found_where_the_sound_ends_is_speech_before_the_hole():
    spoken, detector, told = heard()
    detector.say(decided=200)
    spoken.hear(0, quiet(1000))
    detector.last = [(600, True), (1000, False)]
    detector.say(decided=5000)
    spoken.hear(5000, quiet(1000))
    assert told == [(600, None), (600, 1000)]
    assert (spoken.speaking, spoken.began, spoken.ended, spoken.tail) == (False, 600, 1000, 0)
    assert spoken.silent() == [(0, 600)]
    detector.last = [(5900, True), (6000, False)]
    spoken.rest()
    assert told[2:] == [(5900, None), (5900, 6000)]
    assert spoken.silent() == [(5000, 5900)]


def sound(chance: random.Random) -> Iterator[tuple[int, bytes]]:
    """Pieces of sound, some behind holes."""
    at = chance.randrange(5 * RATE)
    for _ in range(chance.randrange(4, 12)):
        frames = chance.randrange(RATE // 20, 2 * RATE)
        pcm = loud(frames) if chance.random() < 0.4 else quiet(frames)
        cut = chance.choice([CHUNK, 160, 777, frames])
        for first in range(0, frames, cut):
            yield at + first, pcm[2 * first : 2 * (first + cut)]
        at += frames + (chance.randrange(2 * RATE) if chance.random() < 0.2 else 0)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_all_is_speech_or_silent_or_was_not_heard_and_nothing_is_two_of_it(seed: int):
    chance = random.Random(seed)
    told: list[tuple[int, int | None]] = []
    spoken = Spoken(Loud(lag=chance.choice([0, 8000])), lambda start, end: told.append((start, end)))
    pieces = list(sound(chance))
    fate = np.zeros(pieces[-1][0] + len(pieces[-1][1]) // 2, int)
    heard_ = np.zeros(len(fate), bool)
    for start, pcm in pieces:
        spoken.hear(start, pcm)
        heard_[start : start + len(pcm) // 2] = True
        if chance.random() < 0.3:
            for first, last in spoken.silent():
                fate[first:last] = 1
        if spoken.speaking:
            assert not fate[spoken.began :].any()
        assert not fate[spoken.decided :].any()
        if chance.random() < 0.03:
            spoken.rest()
    spoken.rest()
    for first, last in spoken.silent():
        fate[first:last] = 1
    for first, end in told:
        if end is not None:
            assert not fate[first:end].any()
            fate[first:end] = 2
    assert ((fate > 0) == heard_).all()
