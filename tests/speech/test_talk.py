import pytest

from edgetx.speech.events import Closed, Notice, Progress, Verdict
from edgetx.speech.session import SocketEvent
from edgetx.speech.talk import Talk


def test_what_is_to_be_sent_and_what_has_happened_is_returned_once_and_in_order():
    talk = Talk()
    assert (talk.to_send(), talk.events()) == ([], [])
    talk._out += [b"1", "2"]
    talk._events += [Progress(1), Progress(2)]
    assert (talk.to_send(), talk.events()) == ([b"1", "2"], [Progress(1), Progress(2)])
    assert (talk.to_send(), talk.events()) == ([], [])


def test_what_was_drained_is_the_callers_and_does_not_grow():
    talk = Talk()
    sent, happened = talk.to_send(), talk.events()
    talk._out.append(b"later")
    talk._events.append(Progress(1))
    assert (sent, happened) == ([], [])


def test_a_kind_of_notice_is_given_once_and_not_again_after_it_was_drained():
    talk = Talk()
    talk._once("a", {"error": "first"})
    talk._once("a", {"error": "second"})
    talk._once("b", {"error": "third"})
    assert talk.events() == [Notice("provider", {"error": "first"}), Notice("provider", {"error": "third"})]
    talk._once("a", {"error": "fourth"})
    assert talk.events() == []


def test_kinds_are_bounded_together_with_what_is_remembered_of_them():
    talk = Talk()
    for number in range(1000):
        talk._once(f"kind {number}", {"error": str(number)})
        talk._trouble(f"trouble {number}", "x")
    assert len(talk.events()) == len(talk._noticed) == 32


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("}{", "}{"),
        ("x" * 5000, "x" * 200),
        (b"\xff" * 5000, "\ufffd" * 200),
        ("half a pair: \ud800", "half a pair: ?"),
        (SocketEvent("x", (1,)), "SocketEvent(name='x', args=(1,))"),
        (("again",), "('again',)"),
    ],
)
def test_trouble_shows_the_beginning_of_any_message(message, shown):
    talk = Talk()
    talk._trouble("odd", message)
    talk._trouble("odd", message)
    assert talk.events() == [Notice("provider", {"trouble": "odd", "excerpt": shown})]


@pytest.mark.parametrize("message", ["a k3y-s3cret", b"a k3y-s3cret", ["a k3y-s3cret"], "x" * 195 + "k3y-s3cret"])
def test_trouble_shows_no_secret_not_even_one_at_the_edge(message):
    talk = Talk("k3y-s3cret")
    talk._trouble("odd", message)
    (notice,) = talk.events()
    assert "***" in notice.data["excerpt"]
    assert "k3y" not in f"{notice}{talk!r}"


def test_there_is_one_end_and_the_first_counts():
    talk = Talk()
    talk._close(Closed("first", verdict=Verdict.WAIT))
    talk._close(Closed("second"))
    assert talk.events() == [Closed("first", verdict=Verdict.WAIT)]
    talk._close(Closed("third"))
    assert talk.events() == []
