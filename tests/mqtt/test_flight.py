from edgetx.mqtt.flight import Flight
from edgetx.mqtt.reasons import FAILURE, TOO_LARGE
from edgetx.mqtt.topics import Kind, Publication

SAID = {"name": "No", "words": ""}


def numbered(number, payload=b""):
    return number, Publication("a/b", payload, qos=1, retain=False, durable=True, kind=Kind.FINAL)


def flying(*numbers):
    flight = Flight(60.0)
    for number in numbers:
        flight.sent(number + 100, numbered(number, bytes(number)), 0.0)
    return flight


def test_an_answer_is_told_once_by_the_number():
    flight = flying(1, 2)
    assert not flight.has_answers
    flight.acknowledged(101, 1.0)
    flight.acknowledged(101, 1.0)
    flight.refused(102, FAILURE, 1.0, **SAID)
    flight.refused(102, FAILURE, 1.0, **SAID)
    assert flight.has_answers
    assert len(flight) == 0
    acknowledged, [(number, refusal)] = flight.answers()
    assert (acknowledged, number) == ([1], 2)
    assert refusal.words.startswith("The broker does not take what is published on a/b: No.")
    assert flight.answers() == ([], [])


def test_patience_counts_from_the_last_answer_or_from_what_was_sent_into_silence():
    flight = flying(1)
    flight.sent(7, numbered(7), 50.0)
    assert flight.patience(59.0) == 1.0
    flight.acknowledged(101, 59.0)
    assert flight.patience(59.0) == 60.0
    flight.acknowledged(7, 70.0)
    flight.sent(8, numbered(8), 1000.0)
    assert flight.patience(1000.0) == 60.0


def test_a_goodbye_for_size_is_about_the_largest_one():
    flight = flying(1, 3, 2)
    flight.ended(FAILURE, **SAID)
    assert not flight.has_answers
    flight.ended(TOO_LARGE, **SAID)
    [(number, refusal)] = flight.answers()[1]
    assert (number, refusal.again_seconds) == (3, None)
    Flight().ended(TOO_LARGE, **SAID)


def test_what_is_not_even_sent_is_refused_for_good():
    flight = Flight()
    flight.too_large(numbered(5), **SAID)
    assert flight.answers()[1][0][1].again_seconds is None
