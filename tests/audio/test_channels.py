"""Faults that are made on purpose are found, each on its channel and no other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio.channels import APERTURE_M, Fault, judge
from tests.audio.array_rooms import APERTURES, LINE, PAIR, RATE, SIX, SQUARE, late, narrow
from tests.audio.array_rooms import room as real_room

MADE = [None, *Fault]


def room(channels: int, *, seed: int = 1, seconds: float = 1.0, coherent: float = 0.7) -> np.ndarray:
    """What microphones near each other hear, about -34 dBFS: something in common, and a noise of each one's own."""
    chance = np.random.default_rng(seed)
    common = chance.normal(0, 650, round(seconds * RATE))
    own = chance.normal(0, 650, (len(common), channels))
    return coherent * common[:, None] + np.sqrt(1 - coherent**2) * own


def faults(sound: np.ndarray) -> list[tuple[Fault, ...]]:
    return [channel.faults for channel in judge(narrow(sound))]


def spoil(sound: np.ndarray, n: int, fault: Fault | None) -> None:
    match fault:
        case Fault.DEAD:
            sound[:, n] = 7
        case Fault.WEAK:
            sound[:, n] *= 0.005
        case Fault.DELAYED:
            sound[:, n] = late(sound[:, n], 40)
        case Fault.TWIN:
            sound[:, n] = sound[:, 0]
        case Fault.INVERTED:
            sound[:, n] = -sound[:, 0] + np.random.default_rng(n).normal(0, 20, len(sound))
        case Fault.CLIPPING:
            sound[:, n] *= 40
        case Fault.OFF_CENTRE:
            sound[:, n] += 2000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(MADE), min_size=1, max_size=5), st.integers(0, 1000))
def test_what_was_made_is_found_and_nothing_else(made, seed):
    """Channels 0 to 6 are well, so that what the others are compared with is sound."""
    sound = room(7 + len(made), seed=seed)
    opposed = [7 + n for n, fault in enumerate(made) if fault is Fault.INVERTED]
    for n, fault in enumerate(made, start=7):
        spoil(sound, n, fault)
    found = faults(sound)
    if len(opposed) < 2:  # Two that oppose the same channel agree with each other: then they are the many.
        assert found == [() for _ in range(7)] + [(fault,) if fault else () for fault in made]


def test_wider_samples_are_judged_by_their_upper_bits():
    sound = room(3)
    sound[:, 1] *= 40
    (first, second, third) = judge(narrow(sound).astype(np.int32) << 16)
    assert (first.faults, second.faults, third.faults) == ((), (Fault.CLIPPING,), ())
    assert first.rms_dbfs == pytest.approx(-34.1, abs=0.5)
    assert second.peak_dbfs == pytest.approx(0, abs=0.01)
    assert second.clipped > 0.1


def test_the_figures_of_one_channel():
    tone = 16_384 * np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE) + 1638.4
    (channel,) = judge(narrow(tone[:, None]))
    assert (channel.number, channel.faults, channel.other) == (0, (Fault.OFF_CENTRE,), None)
    assert channel.rms_dbfs == pytest.approx(-9.0, abs=0.05)
    assert channel.peak_dbfs == pytest.approx(-5.2, abs=0.05)
    assert channel.centre == pytest.approx(0.05, abs=0.001)


def test_of_two_that_oppose_each_other_the_later_is_called_inverted():
    sound = room(2)
    spoil(sound, 1, Fault.INVERTED)
    first, second = judge(narrow(sound))
    assert (first.faults, first.other) == ((), None)
    assert (second.faults, second.other) == ((Fault.INVERTED,), 0)


def test_of_many_that_oppose_one_the_one_is_inverted_though_it_is_the_first():
    sound = room(4, coherent=0.9)
    sound[:, 0] *= -1
    assert faults(sound) == [(Fault.INVERTED,), (), (), ()]


def test_a_mono_source_behind_a_plugin_fills_all_channels_with_twins_of_the_first():
    sound = np.repeat(room(1), 4, axis=1)
    found = judge(narrow(sound))
    assert [channel.faults for channel in found] == [(), *[(Fault.TWIN,)] * 3]
    assert [channel.other for channel in found] == [None, 0, 0, 0]


def test_microphones_that_hear_nearly_alike_are_no_twins():
    assert faults(room(4, coherent=0.9999)) == [()] * 4


def test_a_device_that_delivers_nothing_but_zeros():
    found = judge(np.zeros((RATE, 6), np.int16))
    assert {channel.faults for channel in found} == {(Fault.DEAD,)}
    assert {channel.rms_dbfs for channel in found} == {-120.0}
    assert {channel.faults for channel in judge(np.full((1, 2), 32767, np.int16))} == {(Fault.DEAD,)}


ROOMS = [(PAIR, 1), (SQUARE, 2), (SQUARE, 3), (LINE, 4), (SIX, 5)]
"""Positions of microphones, and the seed."""


@pytest.mark.parametrize(
    ("positions", "seed"), [(positions, seed) for positions in (PAIR, SQUARE, LINE, SIX) for seed in range(3)]
)
@pytest.mark.parametrize("level", [3, 300, 5000])
def test_in_a_room_nothing_is_wrong(positions, seed, level):
    sound = real_room(positions, seed, talks=bool(seed % 2), level=level, own=max(1.0, level / 50))
    assert {channel.faults for channel in judge(narrow(sound), aperture_m=APERTURES[positions])} == {()}


@pytest.mark.parametrize(("positions", "seed"), ROOMS)
@pytest.mark.parametrize("fault", [Fault.WEAK, Fault.INVERTED, Fault.DELAYED, Fault.DEAD])
def test_in_a_room_each_fault_is_found(positions, seed, fault):
    sound = real_room(positions, seed, talks=bool(seed % 2))
    n = len(positions) - 1
    if fault is Fault.INVERTED:
        sound[:, n] *= -1
    elif fault is Fault.WEAK:
        sound[:, n] *= 0.1
    else:
        spoil(sound, n, fault)
    found = judge(narrow(sound), aperture_m=APERTURES[positions])
    assert [channel.faults for channel in found] == [()] * n + [(fault,)]


def test_how_weak_and_how_late_it_is():
    sound = real_room(SQUARE, 8)
    sound[:, 1] *= 0.1
    sound[:, 2] = late(sound[:, 2], 80)
    _, weak, tardy, _ = judge(narrow(sound))
    assert (weak.faults, weak.below_db) == ((Fault.WEAK,), pytest.approx(20, abs=2))
    assert (tardy.faults, tardy.late_ms) == ((Fault.DELAYED,), pytest.approx(5, abs=0.3))
    assert tardy.other in {0, 3}


def test_of_two_the_one_that_lags_is_late():
    sound = real_room(PAIR, 9)
    sound[:, 0] = late(sound[:, 0], 40)
    assert faults(sound) == [(Fault.DELAYED,), ()]


def test_a_microphone_in_the_wind_makes_no_other_weak():
    sound = real_room(SQUARE, 10)
    sound[:, 2] += np.convolve(np.random.default_rng(1).normal(0, 900, len(sound)), np.ones(30), mode="same")
    assert all(Fault.WEAK not in channel for channel in faults(sound))
    assert all(Fault.WEAK not in channel for channel in faults(sound[:, 1:3]))


def test_what_is_silent_where_nothing_is_in_common_is_weak():
    sound = np.random.default_rng(1).normal(0, 300, (RATE, 3)) * [1, 1, 0.01]
    found = judge(narrow(sound))
    assert [channel.faults for channel in found] == [(), (), (Fault.WEAK,)]
    assert not any(channel.is_compared or channel.is_upright for channel in found)


def test_a_single_channel_is_compared_with_nothing():
    (found,) = judge(narrow(real_room(SQUARE, 1)[:, :1]))
    assert (found.faults, found.is_compared) == ((), False)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(4)), st.integers(0, 50))
def test_the_order_of_the_channels_is_no_matter(order, seed):
    sound = real_room(SQUARE, seed)
    sound[:, 1] *= -1
    sound[:, 2] = late(sound[:, 2], 40)
    found = judge(narrow(sound[:, order]), aperture_m=APERTURE_M)
    wanted = [(), (Fault.INVERTED,), (Fault.DELAYED,), ()]
    assert [channel.faults for channel in found] == [wanted[n] for n in order]
