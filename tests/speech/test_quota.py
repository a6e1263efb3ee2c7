from edgetx.speech.quota import Quota


def begin(quota: Quota, *times: float) -> None:
    for now in times:
        assert quota.delay(now) == 0
        quota.begin(now)


def test_as_many_as_are_allowed_begin_at_once_and_the_next_when_the_first_is_a_minute_old():
    quota = Quota(2)
    begin(quota, 100.0, 110.0)
    assert quota.delay(120.0) == 40
    assert quota.delay(159.5) == 0.5
    begin(quota, 160.0)
    assert quota.delay(161.0) == 9


def test_one_that_did_not_come_about_does_not_count():
    quota = Quota(2)
    begin(quota, 100.0, 110.0)
    quota.give_back(110.0)
    begin(quota, 111.0)
    assert quota.delay(111.0) == 49


def test_to_give_back_what_is_counted_no_longer_does_nothing():
    quota = Quota(1)
    begin(quota, 0.0, 60.0)
    quota.give_back(0.0)
    assert quota.delay(60.0) == 60


def test_who_leaves_one_to_others_waits_for_two():
    quota = Quota(2)
    assert quota.delay(0.0, spare=1) == 0
    quota.begin(0.0)
    assert quota.delay(1.0) == 0
    assert quota.delay(1.0, spare=1) == 59
    assert quota.delay(61.0, spare=1) == 0


def test_of_one_a_minute_none_can_be_spared():
    quota = Quota(1)
    assert quota.delay(0.0, spare=1) == 0
    quota.begin(0.0)
    assert quota.delay(1.0, spare=1) == 59
