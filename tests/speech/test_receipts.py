from edgetx.speech.receipts import REMEMBERED, Receipts


def test_the_furthest_proof_counts():
    receipts = Receipts()
    assert receipts.proven == 0
    receipts.arrived(1600)
    receipts.arrived(800)
    assert receipts.proven == 1600


def test_a_receipt_is_a_proof_and_told_once_when_it_is_old_enough():
    receipts = Receipts()
    receipts.received(10.0, 1600)
    receipts.received(11.0, 3200)
    receipts.received(12.0, 4800)
    assert receipts.proven == 4800
    assert receipts.received_before(9.9) is None
    assert receipts.received_before(11.5) == 3200
    assert receipts.received_before(11.5) is None
    assert receipts.received_before(12.0) == 4800


def test_a_receipt_for_less_than_before_takes_nothing_back():
    receipts = Receipts()
    receipts.received(1.0, 3200)
    receipts.received(2.0, 0)
    assert receipts.received_before(3.0) == 3200


def test_receipts_that_nobody_asks_for_do_not_pile_up():
    receipts = Receipts()
    for number in range(2 * REMEMBERED):
        receipts.received(float(number), number)
    assert receipts.received_before(REMEMBERED - 1.0) is None
    assert receipts.received_before(REMEMBERED) == REMEMBERED
