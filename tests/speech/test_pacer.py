from hypothesis import given
from hypothesis import strategies as st

from edgetx.speech.pacer import BURST_SECONDS, Pacer


def test_a_live_stream_never_waits():
    pacer = Pacer(rate=1.0, now=0.0)
    assert all(pacer.delay(0.1, now=number * 0.1) < 1e-9 for number in range(1, 1000))


def test_kept_audio_waits_once_the_burst_is_spent():
    pacer = Pacer(rate=2.0, now=0.0)
    assert pacer.delay(BURST_SECONDS, now=0.0) == 0.0
    assert pacer.delay(1.0, now=0.0) == 0.5


def test_a_long_quiet_time_saves_up_no_more_than_a_burst():
    pacer = Pacer(rate=2.0, now=0.0)
    assert pacer.delay(BURST_SECONDS, now=3600.0) == 0.0
    assert pacer.delay(2.0, now=3600.0) == 1.0


@given(st.floats(1.0, 8.0), st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(0, 2.0)), max_size=40))
def test_whoever_waits_as_told_never_exceeds_rate_and_burst(rate, sends):
    pacer = Pacer(rate=rate, now=0.0)
    now, sent = 0.0, 0.0
    for seconds, pause in sends:
        now += pause
        now += pacer.delay(seconds, now)
        sent += seconds
        assert sent <= BURST_SECONDS + rate * now + 1e-6
