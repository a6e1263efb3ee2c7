from hypothesis import given
from hypothesis import strategies as st

from edgetx.speech.ledger import Fate, Ledger


def test_a_final_and_the_silence_before_it_move_the_frontier():
    ledger = Ledger()
    assert ledger.settle(100, 200, Fate.TRANSCRIBED) == 100
    assert ledger.frontier == 0
    assert ledger.owed(0, 300) == [(0, 100), (200, 300)]
    assert ledger.settle(0, 100, Fate.SILENT) == 100
    assert ledger.frontier == 200
    assert ledger.owed(0, 300) == [(200, 300)]


def test_the_first_fate_counts():
    ledger = Ledger()
    ledger.settle(0, 100, Fate.LOST)
    assert ledger.settle(50, 150, Fate.TRANSCRIBED) == 50
    assert ledger.settled == {Fate.LOST: 100, Fate.TRANSCRIBED: 50, Fate.SILENT: 0}


def test_an_empty_or_backward_range_settles_nothing():
    ledger = Ledger()
    assert ledger.settle(10, 10, Fate.LOST) == 0
    assert ledger.settle(10, 5, Fate.LOST) == 0
    assert ledger.frontier == 0
    assert ledger.owed(0, 20) == [(0, 20)]


def test_an_earlier_balance_is_carried_forward_and_every_change_is_told():
    earlier, told = Ledger(), []
    earlier.settle(0, 10, Fate.TRANSCRIBED)
    earlier.settle(20, 30, Fate.SILENT)
    ledger = Ledger(lambda: told.append(1))
    ledger.carry_forward(earlier.balance)
    assert ledger.owed(0, 40) == ledger.balance.owed(0, 40) == [(10, 20), (30, 40)]
    assert told == []
    ledger.settle(0, 30, Fate.LOST)
    ledger.settle(0, 30, Fate.LOST)
    assert told == [1]
    assert ledger.settled == {Fate.TRANSCRIBED: 10, Fate.SILENT: 10, Fate.LOST: 10}
    assert ledger.frontier == 30
    assert earlier.owed(0, 40) == [(10, 20), (30, 40)]


ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30), st.sampled_from(Fate)), max_size=20)


@given(ranges)
def test_captured_is_transcribed_and_silent_and_lost_and_owed(settlings):
    ledger = Ledger()
    fates: dict[int, Fate] = {}
    for start, length, fate in settlings:
        ledger.settle(start, start + length, fate)
        for frame in range(start, start + length):
            fates.setdefault(frame, fate)
    captured = 100
    owed = {frame for first, last in ledger.owed(0, captured) for frame in range(first, last)}
    assert owed == set(range(captured)) - set(fates)
    assert sum(ledger.settled.values()) + len(owed) == captured
    assert ledger.settled == {fate: list(fates.values()).count(fate) for fate in Fate}
    assert ledger.frontier == min(owed)
