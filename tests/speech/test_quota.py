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
