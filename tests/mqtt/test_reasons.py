import pytest

from edgetx.mqtt import reasons
from edgetx.mqtt.address import parse_address

HERE = parse_address("mqtt://b.lan")


@pytest.mark.parametrize(
    ("code", "name", "said"),
    [
        (134, "Bad user name or password", "Bad user name or password; check mqtt.username and mqtt.password."),
        (135, "Not authorized", "Not authorized; check mqtt.username and mqtt.password."),
        (138, "Banned", "Banned; ask who runs it."),
        (133, "Client identifier not valid", "Client identifier not valid; check 'device'."),
    ],
)
def test_what_a_person_must_mend_is_tried_a_few_times(code, name, said):
    trouble = reasons.refusal(HERE, code, name=name, words="")
    assert str(trouble) == f"The broker at b.lan:1883 refuses us: {said}"
    assert trouble.tries == reasons.TRIES


def test_what_passes_is_tried_for_ever():
    trouble = reasons.refusal(HERE, 136, name="Server unavailable", words="")
    assert str(trouble).endswith(": Server unavailable.")
    assert (trouble.tries, trouble.after_seconds) == (None, 0)


@pytest.mark.parametrize("code", [137, 150, 151, 159])
def test_a_broker_that_has_too_much_to_do_is_left_alone_for_a_while(code):
    assert reasons.refusal(HERE, code, name="Busy", words="").after_seconds == reasons.SLOW_SECONDS
    assert reasons.goodbye(HERE, code, name="Busy", words="").after_seconds == reasons.SLOW_SECONDS


def test_a_goodbye_is_told_with_the_brokers_own_words():
    trouble = reasons.goodbye(HERE, 139, name="Server shutting down", words="back at\nnoon.")
    assert str(trouble) == "The broker at b.lan:1883 ended the connection: Server shutting down (back at noon)."
    assert trouble.after_seconds == 0


def test_the_brokers_words_are_cut_short():
    assert len(str(reasons.goodbye(HERE, 139, name="Gone", words="x" * 60_000))) < 300


def test_a_message_that_is_not_taken_is_told():
    trouble = reasons.not_now(HERE, name="Quota exceeded", words="")
    assert str(trouble) == "The broker at b.lan:1883 does not take a message now: Quota exceeded."
    assert trouble.after_seconds == reasons.SLOW_SECONDS
    said = reasons.never("a/b", name="Not authorized", words="acl")
    assert said == "The broker does not take what is published on a/b: Not authorized (acl)."
