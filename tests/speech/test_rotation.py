import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.speech.rotation import QUIET_SECONDS, lifetime, wait_to_leave

THREE_HOURS = 10_800.0


@pytest.mark.parametrize(
    ("longest", "expires_at", "wall", "seconds"),
    [
        (None, None, 1000.0, None),
        (600.0, None, 1000.0, 600.0),
        (None, 1500.0, 1000.0, 500.0),
        (600.0, 1500.0, 1000.0, 500.0),
        (300.0, 1500.0, 1000.0, 300.0),
        (None, 1500.0, None, None),
        (600.0, 1500.0, None, 600.0),
    ],
)
def test_the_sooner_of_the_rule_and_of_what_the_provider_says_counts(longest, expires_at, wall, seconds):
    assert lifetime(longest, expires_at=expires_at, wall=wall) == seconds


@pytest.mark.parametrize("expires_at", [0.0, 999.0, 1059.0, -1e12])
def test_an_expiry_in_the_past_or_at_once_is_not_believed(expires_at):
    assert lifetime(None, expires_at=expires_at, wall=1000.0) is None
    assert lifetime(600.0, expires_at=expires_at, wall=1000.0) == 600.0


def wait(now, *, seconds=THREE_HOURS, spoke_at=0.0, speaking=False):
    return wait_to_leave(now, opened=0.0, seconds=seconds, spoke_at=spoke_at, speaking=speaking)


def test_nothing_happens_until_five_minutes_before_the_end_of_a_long_session():
    assert wait(0) == THREE_HOURS - 300
    assert wait(THREE_HOURS - 300) == 0


def test_a_short_session_is_left_in_its_last_tenth():
    assert wait(0, seconds=60) == 54
    assert wait(54, seconds=60) == 0


def test_it_is_left_when_it_has_been_quiet_for_a_moment():
    begun = THREE_HOURS - 200
    assert wait(begun, spoke_at=begun - 0.25) == QUIET_SECONDS - 0.25
    assert wait(begun, spoke_at=begun - QUIET_SECONDS) == 0


def test_while_somebody_speaks_it_is_looked_at_again_and_again():
    assert wait(THREE_HOURS - 200, speaking=True) == QUIET_SECONDS


def test_in_time_for_the_last_words_it_is_left_even_while_somebody_speaks():
    assert wait(THREE_HOURS - 10.5, speaking=True) == 0.5
    assert wait(THREE_HOURS - 10, speaking=True) == 0
    assert wait(58.5, seconds=60, speaking=True) == 0


@given(st.floats(0, 2e4), st.floats(1, 2e4), st.floats(-1e3, 2e4), st.booleans())
def test_it_is_always_left_in_time_and_never_early(now, seconds, spoke_at, speaking):
    delay = wait(now, seconds=seconds, spoke_at=spoke_at, speaking=speaking)
    assert delay >= 0
    assert now + delay < seconds or not delay
    if not delay:
        assert now >= seconds * 0.9 - 1e-6
