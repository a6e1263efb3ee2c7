"""What is remembered of microphones, with a clock that is only said."""

from edgetx.clock import Moment
from edgetx.memory import LONG, LONG_SECONDS, Memory
from edgetx.restart import Mark, Remembered
from edgetx.speech.ledger import Fate, Ledger

MOMENT = Moment(1.5, synced=True, monotonic=-2.0, boottime=3.0, boot_id="b")


def holes(count: int) -> Remembered:
    ledger = Ledger()
    for number in range(1, count + 1):
        ledger.settle(10 * number, 10 * number + 5, Fate.LOST)
    return Remembered(Mark(10**6, MOMENT), ledger.balance)


def following(**known: Remembered) -> Memory:
    memory = Memory()
    for name, remembered in known.items():
        memory.follow(name, lambda remembered=remembered: remembered)
    return memory


def test_what_has_changed_is_taken_once():
    memory = following(desk=holes(1), hall=holes(2))
    memory.change("hall")
    assert memory.has_changed
    assert memory.take(now=0.0, all_of_it=False) == {"hall": holes(2)}
    assert not memory.has_changed
    memory.change_all()
    assert memory.take(now=0.0, all_of_it=False).keys() == {"desk", "hall"}
    assert memory.recall("desk") == holes(1)


def test_a_long_row_is_taken_now_and_then_and_with_what_cannot_wait():
    memory = following(desk=holes(LONG + 1), hall=holes(LONG))
    taken = []
    for now in (0.0, 1.0, LONG_SECONDS - 1, LONG_SECONDS):
        memory.change_all()
        taken.append(sorted(memory.take(now=now, all_of_it=False)))
    assert taken == [["desk", "hall"], ["hall"], ["hall"], ["desk", "hall"]]
    memory.change("desk")
    assert memory.take(now=LONG_SECONDS + 1, all_of_it=False) == {}
    assert memory.has_changed
    assert memory.take(now=LONG_SECONDS + 1, all_of_it=True).keys() == {"desk"}


def test_what_is_kept_is_what_was_written_last():
    memory = following(desk=holes(3))
    assert memory.kept == {}
    memory.written({"desk": holes(1)})
    memory.written({"hall": holes(2)})
    assert memory.kept == {"desk": holes(1), "hall": holes(2)}
