from edgetx.errors import TryAgain
from edgetx.mqtt.course import ENOUGH, IN_A_ROW, SOON_SECONDS, TAKEN_OVER_SECONDS, Course, Ending
from edgetx.mqtt.reasons import NO_QOS, NO_RETAIN, TAKEN_OVER, UNSUPPORTED_VERSION
from edgetx.mqtt.terms import NEW, OLD
from edgetx.mqtt.topics import Topics

LOST = TryAgain("The connection was lost.")
UNSUPPORTED = Ending(answered=True, hung_up=False, code=UNSUPPORTED_VERSION)
SLAMMED = Ending(answered=False, hung_up=True)
SILENT = Ending(answered=False, hung_up=False)
SHORT = Ending(answered=True, hung_up=True, seconds=0.5)
LONG = Ending(answered=True, hung_up=True, seconds=SOON_SECONDS)
WILL = Topics("edgetx", "kitchen").last_will


def course():
    return Course("the device id 'kitchen'")


# --- which version ----------------------------------------------------------------------------------------------


def test_version_5_comes_first():
    assert course().version == NEW


def test_a_broker_that_does_not_support_it_is_spoken_to_in_the_old_one_from_then_on():
    tried = course()
    assert tried.ended(UNSUPPORTED, LOST) is LOST
    assert tried.version == OLD
    tried.accepted()
    tried.ended(LONG, LOST)
    assert tried.version == OLD


def test_a_broker_that_comes_back_with_the_new_one_alone_is_spoken_to_in_that():
    tried = course()
    tried.ended(UNSUPPORTED, LOST)
    tried.ended(UNSUPPORTED, LOST)
    assert tried.version == NEW


def test_after_a_slammed_door_the_old_version_has_one_try():
    tried = course()
    tried.ended(SLAMMED, LOST)
    assert tried.version == OLD
    tried.ended(SLAMMED, LOST)
    assert tried.version == NEW


def test_the_old_version_stays_once_it_has_helped_twice():
    tried = course()
    for _ in range(ENOUGH):
        assert tried.version == NEW
        tried.ended(SLAMMED, LOST)
        assert tried.version == OLD
        tried.accepted()
        tried.ended(LONG, LOST)
    assert tried.version == OLD


def test_who_does_not_answer_at_all_says_nothing_about_versions():
    tried = course()
    tried.ended(SILENT, LOST)
    assert tried.version == NEW


# --- who else has our id ----------------------------------------------------------------------------------------


def test_a_takeover_that_the_broker_tells_of_is_told():
    trouble = course().ended(Ending(answered=True, hung_up=False, code=TAKEN_OVER, seconds=5000.0), LOST)
    assert str(trouble).startswith("Another client uses the device id 'kitchen', and the broker has put us out for it;")
    assert trouble.after_seconds == TAKEN_OVER_SECONDS


def test_several_short_lives_in_a_row_look_like_one():
    tried = course()
    troubles = [tried.ended(SHORT, LOST) for _ in range(IN_A_ROW + 1)]
    assert troubles[: IN_A_ROW - 1] == [LOST] * (IN_A_ROW - 1)
    for trouble in troubles[IN_A_ROW - 1 :]:
        assert "probably another client uses the device id 'kitchen'" in str(trouble)
        assert trouble.after_seconds == TAKEN_OVER_SECONDS


def test_a_longer_life_a_closed_door_or_a_reason_clears_the_suspicion():
    told = Ending(answered=True, hung_up=False, code=139, seconds=0.5)
    for other in (LONG, SLAMMED, SILENT, told):
        tried = course()
        for ending in (*[SHORT] * (IN_A_ROW - 1), other, *[SHORT] * (IN_A_ROW - 1)):
            assert tried.ended(ending, LOST) is LOST


# --- the last will ----------------------------------------------------------------------------------------------


def test_a_will_that_is_not_to_the_brokers_liking_is_changed():
    tried = course()
    assert tried.will(WILL) is WILL
    tried.ended(Ending(answered=True, hung_up=False, code=NO_QOS), LOST)
    tried.ended(Ending(answered=True, hung_up=False, code=NO_RETAIN), LOST)
    assert (tried.will(WILL).qos, tried.will(WILL).retain) == (0, False)
