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


@pytest.mark.parametrize(
    ("code", "again_seconds", "said"),
    [
        (135, 900, "No (acl); allow it in the broker's access control (ACL). It is kept, and tried again."),
        (144, 900, "No (acl); check mqtt.base_topic. It is kept, and tried again."),
        (151, 10, "No (acl). It is kept, and tried again."),
        (128, 10, "No (acl). It is kept, and tried again."),
        (149, None, "No (acl); it is given up."),
        (153, None, "No (acl); it is given up."),
    ],
)
def test_only_what_a_broker_can_never_take_is_given_up(code, again_seconds, said):
    refusal = reasons.refused("a/b", code, name="No", words="acl")
    assert refusal.words == f"The broker does not take what is published on a/b: {said}"
    assert refusal.again_seconds == again_seconds


def test_an_end_without_a_word_is_told():
    assert "not answered for 7 s" in str(reasons.lost(HERE, silent_seconds=7, foreign=False, accepted=True))
    assert "does not speak MQTT" in str(reasons.lost(HERE, silent_seconds=None, foreign=True, accepted=True))
    assert "was lost" in str(reasons.lost(HERE, silent_seconds=None, foreign=False, accepted=True))
    assert "at once" in str(reasons.lost(HERE, silent_seconds=None, foreign=False, accepted=False))
    assert "acknowledged nothing for 60 s" in str(reasons.mute(HERE, 60.0))


def test_a_packet_that_is_too_large_is_told_with_both_sizes():
    trouble = reasons.too_large(HERE, 65_537, largest_bytes=65_536)
    assert "sends a packet of 65537 bytes, and no more than 65536 are taken" in str(trouble)
    assert trouble.after_seconds == 0
