"""An array's microphones over minutes: faults come and go, and what is said and done about them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio.channel_watch import ChannelWatch
from tests.audio.array_rooms import APERTURES, LINE, PAIR, RATE, SIX, SQUARE, late, narrow, room

NUMBERS = (1, 2, 3, 4)


class Story:
    """Feeds a watch and writes down what it says, with the second at which it does."""

    def __init__(self, watch: ChannelWatch, rate: int = RATE) -> None:
        self.watch = watch
        self.rate = rate
        self.heard = 0
        self.said: list[tuple[float, int, str]] = []

    def hear(self, sound: np.ndarray, *, cut: int = 1600) -> None:
        for begin in range(0, len(sound), cut):
            part = sound[begin : begin + cut]
            remarks = self.watch.hear(part)
            self.heard += len(part)
            self.said += [(round(self.heard / self.rate, 1), each.channel, each.fault) for each in remarks]

    @property
    def faults(self) -> list[tuple[int, str]]:
        return [(channel, fault) for _, channel, fault in self.said]


def story(positions=SQUARE, numbers=NUMBERS) -> Story:
    return Story(ChannelWatch(numbers[: len(positions)], RATE, aperture_m=APERTURES[positions]))


def lasting(sound: np.ndarray, seconds: float) -> np.ndarray:
    return narrow(np.tile(sound, (int(seconds // 2) + 1, 1))[: round(seconds * RATE)])


@pytest.mark.parametrize(("positions", "seed"), [(p, s) for p in (PAIR, SQUARE, LINE, SIX) for s in range(4)])
def test_of_an_array_that_is_well_nothing_is_said(positions, seed):
    told = story(positions, tuple(range(6)))
    for part in range(4):
        told.hear(lasting(room(positions, 10 * seed + part, talks=bool(part % 2)), 12))
    assert told.said == []
    assert told.watch.gains == (1.0,) * len(positions)
    assert told.watch.is_directed


def test_a_channel_that_dies_is_left_out_within_half_a_second_and_taken_back_when_it_lives():
    told, sound = story(), lasting(room(SQUARE, 1), 7.1)
    told.hear(sound)
    dead = sound.copy()
    dead[:, 1] = 5
    told.hear(dead)
    assert told.said == [(pytest.approx(7.5, abs=0.2), 2, "dead")]
    assert told.watch.gains == (1, 0, 1, 1)
    assert told.watch.healthy == (True, False, True, True)
    assert told.watch.is_directed
    told.hear(sound)
    assert told.said[1:] == [(pytest.approx(16.2, abs=0.3), 2, "")]
    assert told.watch.gains == (1, 1, 1, 1)


def test_a_loose_plug_is_believed_later_each_time():
    told, sound = story(), lasting(room(SQUARE, 1), 4)
    for _ in range(20):
        dead = sound.copy()
        dead[:, 3] = 0
        told.hear(dead[:RATE])
        told.hear(sound)
    assert told.faults == [(4, "dead"), (4, ""), (4, "dead")], "four seconds of life are no longer enough"
    told.hear(lasting(room(SQUARE, 1), 60))
    assert told.faults[3:] == [(4, "")]


def test_an_inverted_channel_is_turned_round_and_back_again():
    told, sound = story(), lasting(room(SQUARE, 2), 40)
    inverted = sound.copy()
    inverted[:, 2] *= -1
    told.hear(inverted[: 12 * RATE])
    assert told.said == [(pytest.approx(4.4, abs=0.3), 3, "inverted")]
    assert told.watch.gains == (1, 1, -1, 1)
    assert told.watch.healthy == (True,) * 4
    told.hear(np.zeros_like(sound))
    told.hear(lasting(np.random.default_rng(1).normal(0, 20, (2 * RATE, 4)), 40))
    assert told.watch.gains == (1, 1, -1, 1), "neither silence nor noise of their own proves anything"
    told.hear(sound)
    assert told.faults == [(3, "inverted"), (3, "")]


@pytest.mark.parametrize(("factor", "seconds"), [(0.01, 5), (0.1, 25)])
def test_a_weak_channel_is_left_out_in_time(factor, seconds):
    told, sound = story(), room(SQUARE, 3)
    sound[:, 0] *= factor
    told.hear(lasting(sound, seconds))
    assert told.faults == [(1, "weak")]
    told.hear(lasting(room(SQUARE, 3, level=0.1, own=3) * [0, 1, 1, 1], 20))
    told.hear(np.zeros((20 * RATE, 4), np.int16))
    assert told.faults == [(1, "weak")], "in silence a weak one may well be still"
    told.hear(lasting(room(SQUARE, 4), 50))
    assert told.faults == [(1, "weak"), (1, "")]


def test_what_seems_dead_in_a_quiet_room_is_weak_when_somebody_speaks():
    told, quiet, loud = story(), room(SQUARE, 3, talks=False, level=3, own=3), room(SQUARE, 3, level=2000)
    quiet[:, 0] *= 0.01
    loud[:, 0] *= 0.01
    for _ in range(3):
        told.hear(lasting(quiet, 6))
        told.hear(lasting(loud, 20))
    assert told.faults == [(1, "dead"), (1, "weak")]


def test_a_late_channel_is_left_out():
    told, sound = story(), room(SQUARE, 3)
    sound[:, 1] = late(sound[:, 1], 64)
    told.hear(lasting(sound, 8))
    assert told.faults == [(2, "delayed")]
    assert told.watch.gains == (1, 0, 1, 1)


def test_of_one_sound_in_all_channels_no_direction_is_told():
    told = story()
    told.hear(lasting(np.repeat(room(SQUARE, 5)[:, :1], 4, axis=1), 3))
    assert told.faults == [(2, "twin"), (3, "twin"), (4, "twin")]
    assert told.watch.healthy == (True, False, False, False)
    assert not told.watch.is_directed


def test_of_two_equal_channels_beside_others_no_direction_is_told_either():
    told, sound = story(), room(SQUARE, 5)
    sound[:, 3] = sound[:, 1]
    told.hear(lasting(sound, 8))
    assert told.faults == [(4, "twin")]
    assert not told.watch.is_directed


def test_one_that_clips_is_left_out_but_not_all_that_do():
    told, sound = story(), room(SQUARE, 6, level=3000)
    sound[:, 2] *= 10
    told.hear(lasting(sound, 20))
    assert told.faults == [(3, "clipping")]
    told = story()
    told.hear(lasting(10 * room(SQUARE, 6, level=3000), 20))
    assert told.said == []


def test_a_talker_or_the_wind_near_one_microphone_makes_no_other_weak():
    told, chance = story(), np.random.default_rng(7)
    near = room(SQUARE, 7)
    near[:, 0] *= 4
    told.hear(lasting(near, 40))
    windy = room(SQUARE, 8)
    windy[:, 1] += np.convolve(chance.normal(0, 300, len(windy)), np.ones(40), mode="same")
    told.hear(lasting(windy, 40))
    assert told.said == []


def test_of_two_the_one_far_from_a_source_that_stands_by_the_other_is_weak_no_longer_than_that_lasts():
    told, near = story(PAIR), room(PAIR, 7)
    near[:, 0] *= 10
    told.hear(lasting(near, 40))
    assert told.faults == [(2, "weak")]
    told.hear(lasting(room(PAIR, 8), 40))
    assert told.faults == [(2, "weak"), (2, "")]


def test_a_jump_of_a_level_is_looked_at_soon():
    told = story()
    told.hear(lasting(room(SQUARE, 9), 24))
    weak = room(SQUARE, 9)
    weak[:, 3] *= 0.005
    told.hear(lasting(weak, 20))
    assert told.said == [(pytest.approx(32, abs=2), 4, "weak")]


def test_when_all_are_silent_none_is_blamed_and_the_last_is_never_left_out():
    told = story(PAIR)
    told.hear(np.zeros((10 * RATE, 2), np.int16))
    faint = np.random.default_rng(1).integers(-1, 2, (10 * RATE, 2)).astype(np.int16)
    faint[:, 0] = 0
    told.hear(faint)
    assert told.said == []
    sound = lasting(room(PAIR, 1), 10)
    sound[:, 0] = 0
    told.hear(sound)
    assert told.faults == [(1, "dead")]
    assert not told.watch.is_directed
    other = lasting(room(PAIR, 1), 10)
    other[:RATE, 1] = 0
    told.hear(other[:RATE])
    assert told.watch.healthy == (False, True), "the last one is kept, dead or not"


def test_channels_that_come_back_from_silence_one_after_the_other_are_not_dead():
    told, sound = story(), lasting(room(SQUARE, 1), 4)
    told.hear(sound)
    silent = np.zeros((RATE, 4), np.int16)
    for earlier in range(4):
        silent[-100:] = sound[:100]
        silent[-100:, earlier] = 0  # A piece ends in between.
        told.hear(silent)
        told.hear(sound)
    assert told.said == []


def test_after_a_hole_what_is_held_stays_and_the_start_is_not_judged():
    told, sound = story(), lasting(room(SQUARE, 2), 2.2)
    inverted = sound.copy()
    inverted[:, 2] *= -1
    for _ in range(4):
        told.hear(inverted)
        told.watch.restart()
    assert told.said == []
    told.hear(lasting(inverted, 6))
    assert told.faults == [(3, "inverted")]
    told.watch.restart()
    assert told.watch.gains == (1, 1, -1, 1)


def test_a_sentence_names_the_channels_at_the_device():
    watch = ChannelWatch((6, 7), RATE, aperture_m=0.06)
    sound = room(PAIR, 1)
    sound[:, 1] *= -1
    (remark,) = watch.hear(lasting(sound, 8).astype(np.float32))
    assert remark.text.startswith("Channel 7 is inverted against channel 6. It is turned round;")


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=8))
def test_nothing_depends_on_how_the_sound_is_cut(cuts):
    sound = lasting(room(SQUARE, 2), 6)
    sound[:, 1] *= -1
    sound[5 * RATE :, 3] = 0
    whole = story()
    whole.hear(sound, cut=whole.watch.room)
    pieces, begin = story(), 0
    for cut in [*cuts, len(sound)]:
        part = sound[begin : begin + cut]
        begin += cut
        pieces.hear(part, cut=max(1, len(part)))
    assert pieces.faults == whole.faults == [(2, "inverted"), (4, "dead")]
    assert pieces.watch.gains == whole.watch.gains
    assert pieces.watch.room == whole.watch.room
