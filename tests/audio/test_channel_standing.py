"""What is held of a channel, and how it is said."""

import pytest

from edgetx.audio.channel_standing import PATIENCE, Standing, gravest, is_well, said
from edgetx.audio.channels import Channel, Fault


def channel(*faults: Fault, **more: object) -> Channel:
    return Channel(1, -40.0, -20.0, centre=0.0, clipped=0.021, faults=faults, **more)


def looks_until(standing: Standing, finding: Fault | None, seen: Channel, most: int = 99) -> int:
    for count in range(1, most):
        if standing.see(finding, standing.needed(finding, seen)):
            standing.hold(finding)
            return count
    raise AssertionError


@pytest.mark.parametrize(
    ("fault", "below_db", "looks", "gain"),
    [
        (Fault.DEAD, 0, 1, 0),
        (Fault.TWIN, 0, 1, 0),
        (Fault.INVERTED, 0, 2, -1),
        (Fault.DELAYED, 0, 2, 0),
        (Fault.CLIPPING, 0, 2, 0),
        (Fault.WEAK, 15, 3, 0),
        (Fault.WEAK, 40, 2, 0),
    ],
)
def test_a_fault_is_held_after_so_many_looks(fault, below_db, looks, gain):
    standing = Standing()
    assert standing.gain == 1
    assert looks_until(standing, fault, channel(fault, below_db=below_db)) == looks
    assert (standing.fault, standing.gain) == (fault, gain)
    assert not standing.see(fault, 1), "it is held already"


def test_looks_that_contradict_each_other_begin_anew():
    standing = Standing()
    findings = [Fault.TWIN, None, Fault.TWIN, Fault.INVERTED, Fault.TWIN]
    assert not any(standing.see(finding, 2) for finding in findings)
    assert standing.see(Fault.TWIN, 2)


def test_relapses_are_forgiven_later_each_time_and_at_last_no_later():
    standing, needed = Standing(), []
    for _ in range(7):
        looks_until(standing, Fault.INVERTED, channel())
        needed.append(looks_until(standing, None, channel()))
    assert needed == [2, 4, 8, 16, 32, 32, 32]
    assert standing.patience == PATIENCE


def test_one_that_is_inverted_comes_back_later_each_time_it_was_dead():
    standing, needed = Standing(), []
    looks_until(standing, Fault.INVERTED, channel())
    for _ in range(6):
        looks_until(standing, Fault.DEAD, channel())
        needed.append(looks_until(standing, Fault.INVERTED, channel()))
    assert needed == [2, 4, 8, 16, 32, 32]


def test_one_fault_after_another_is_no_relapse():
    standing = Standing()
    looks_until(standing, Fault.INVERTED, channel())
    looks_until(standing, Fault.DEAD, channel())
    assert looks_until(standing, None, channel()) == 1


def test_what_is_left_out_already_is_not_blamed_again():
    standing = Standing()
    looks_until(standing, Fault.WEAK, channel(below_db=40))
    assert not any(standing.see(fault, 1) for fault in (Fault.DEAD, Fault.CLIPPING))
    standing.hold(None)
    looks_until(standing, Fault.DEAD, channel())
    assert looks_until(standing, Fault.WEAK, channel()) == 3


@pytest.mark.parametrize(
    ("held", "seen", "worth"),
    [
        (None, None, False),
        (None, Fault.INVERTED, True),
        (None, Fault.WEAK, False),
        (Fault.INVERTED, Fault.INVERTED, False),
        (Fault.INVERTED, Fault.DELAYED, True),
        (Fault.DELAYED, Fault.TWIN, False),
        (Fault.DELAYED, Fault.INVERTED, True),
        (Fault.DEAD, Fault.DELAYED, True),
    ],
)
def test_what_is_worth_another_look_soon(held, seen, worth):
    standing = Standing(fault=held, suspected=held)
    standing.see(seen, 9)
    assert standing.is_urgent is worth
    assert standing.is_suspect is (worth or seen is Fault.WEAK)


def test_doubt_clears_of_suspicion_but_forgets_no_look_that_was_good():
    standing = Standing(fault=Fault.INVERTED, suspected=Fault.INVERTED)
    standing.see(Fault.DELAYED, 2)
    standing.doubt()
    assert standing.suspected is Fault.INVERTED
    standing.see(None, 2)
    standing.doubt()
    assert standing.see(None, 2)


def test_of_several_faults_the_gravest_counts():
    assert gravest(channel(Fault.INVERTED, Fault.WEAK, Fault.TWIN, Fault.OFF_CENTRE)) is Fault.TWIN
    assert gravest(channel(Fault.OFF_CENTRE)) is None


@pytest.mark.parametrize(
    ("fault", "seen", "proves"),
    [
        (None, {}, True),
        (Fault.DEAD, {}, True),
        (Fault.CLIPPING, {}, True),
        (Fault.WEAK, {}, False),
        (Fault.WEAK, {"is_compared": True}, True),
        (Fault.INVERTED, {"is_compared": True}, False),
        (Fault.INVERTED, {"is_upright": True}, True),
    ],
)
def test_what_proves_that_a_fault_is_over(fault, seen, proves):
    assert is_well(channel(**seen), fault) is proves


def test_each_is_said_in_a_sentence_with_its_remedy():
    def words(fault: Fault | None, **more: object) -> str:
        return said(fault, 4, channel=channel(**more), other=3)

    assert words(None) == "Channel 4 is well again. It is used."
    assert words(Fault.DEAD).startswith("Channel 4 is dead: it delivers one value only. It is left out; check its ")
    assert words(Fault.TWIN).startswith("Channel 4 is the same sound as channel 3. It is left out, and no direction ")
    assert words(Fault.INVERTED).startswith("Channel 4 is inverted against channel 3. It is turned round;")
    assert words(Fault.DELAYED, late_ms=2.54).startswith("Channel 4 comes 2.5 ms later than channel 3. It is left")
    assert words(Fault.DELAYED, late_ms=-2.54).startswith("Channel 4 comes 2.5 ms earlier than channel 3.")
    assert words(Fault.CLIPPING).startswith("Channel 4 clips (2.1% of its samples). It is left out; lower its gain")
    assert words(Fault.WEAK, below_db=17.6).startswith("Channel 4 is 18 dB below the others. It is left out; see its")
