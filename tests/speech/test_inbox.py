import pytest

from edgetx.speech.inbox import Inbox


def test_messages_come_out_in_the_order_in_which_they_went_in():
    inbox = Inbox(messages=3, size=100)
    inbox.put("a")
    inbox.put(b"b")
    assert [inbox.take(), inbox.take()] == ["a", b"b"]
    with pytest.raises(IndexError):
        inbox.take()


def test_it_is_full_by_number_or_by_size_and_takes_more_all_the_same():
    inbox = Inbox(messages=2, size=10)
    inbox.put("a")
    assert not inbox.full
    inbox.put("b")
    assert inbox.full
    inbox.take()
    inbox.put("c" * 9)
    inbox.take()
    assert not inbox.full
    inbox.put("d")
    assert inbox.full
    assert len(inbox) == 2


def test_cleared_it_has_room_again():
    inbox = Inbox(messages=9, size=10)
    inbox.put("a" * 10)
    inbox.clear()
    assert (len(inbox), inbox.full) == (0, False)
