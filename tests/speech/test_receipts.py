from edgetx.speech.receipts import REMEMBERED, Past, Receipts


def test_the_furthest_proof_counts():
    receipts = Receipts()
    assert receipts.proven == 0
    receipts.arrived(1600)
    receipts.arrived(800)
    assert receipts.proven == 1600


def test_a_receipt_is_a_proof_and_told_once_when_it_is_old_enough():
    receipts = Receipts()
    for now, until in ((10.0, 1600), (11.0, 3200), (12.0, 4800)):
        receipts.got(now, until, listened=False)
    assert receipts.proven == 4800
    assert receipts.received.before(9.9) is None
    assert receipts.received.before(11.5) == 3200
    assert receipts.received.before(11.5) is None
    assert receipts.received.before(12.0) == 4800
    assert receipts.listened.before(12.0) is None


def test_what_was_listened_to_is_not_what_was_received():
    receipts = Receipts()
    receipts.got(1.0, 3200, listened=True)
    assert receipts.proven == 3200
    assert (receipts.received.before(2.0), receipts.listened.before(2.0)) == (None, 3200)


def test_what_is_less_than_before_is_no_news():
    past = Past()
    past.note(1.0, 3200)
    past.note(2.0, 0)
    past.note(3.0, 3200)
    assert past.before(1.0) == 3200
    assert past.before(3.0) is None


def test_what_nobody_asks_for_does_not_pile_up():
    past = Past()
    for number in range(2 * REMEMBERED):
        past.note(float(number), number + 1)
    assert past.before(REMEMBERED - 1.0) is None
    assert past.before(REMEMBERED) == REMEMBERED + 1
