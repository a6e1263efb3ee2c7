import pytest

from edgetx.speech.inbox import Inbox


def put(inbox: Inbox, message: str | bytes) -> None:
    """Put a message that came in two parts."""
    data = message.encode() if isinstance(message, str) else message
    inbox.begin(text=isinstance(message, str))
    inbox.extend(data[:1])
    inbox.extend(data[1:])
    inbox.complete()


def test_messages_come_out_in_the_order_in_which_they_went_in():
    inbox = Inbox(messages=3, size=100)
    put(inbox, "a")
    put(inbox, b"b")
    assert [inbox.take(), inbox.take()] == ["a", b"b"]
    with pytest.raises(IndexError):
        inbox.take()


def test_it_is_full_by_number_or_by_size_and_takes_more_all_the_same():
    inbox = Inbox(messages=2, size=10)
    put(inbox, "a")
    assert not inbox.full
    put(inbox, "b")
    assert inbox.full
    inbox.take()
    put(inbox, "c" * 9)
    inbox.take()
    assert not inbox.full
    put(inbox, "d")
    assert inbox.full
    assert len(inbox) == 2


def test_cleared_it_has_room_again():
    inbox = Inbox(messages=9, size=10)
    put(inbox, "a" * 10)
    inbox.clear()
    assert (len(inbox), inbox.full) == (0, False)


def broken(inbox: Inbox) -> None:
    inbox.begin(text=True)
    inbox.extend(b"\xff")
    inbox.complete()


def test_a_text_that_is_not_utf_8_is_said():
    inbox = Inbox(messages=9, size=10)
    with pytest.raises(UnicodeDecodeError):
        broken(inbox)
