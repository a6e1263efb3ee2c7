import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.speech.events import Closed
from edgetx.speech.providers.assemblyai_talk import AssemblyAITalk
from edgetx.speech.session import SocketEvent
from tests.rigs.anything import ANYTHING


class Known(AssemblyAITalk):
    """Understands ``{"type": "Known"}``."""

    def __init__(self):
        super().__init__("k3y")
        self.understood = []

    def _understood(self, data):
        self.understood.append(data)
        return data.get("type") == "Known"


class Renamed(Known):
    _kind = "message_type"


def received(talk, *messages):
    for message in messages:
        talk.receive(message)
    return [event.data for event in talk.events()]


def test_an_object_is_handed_on_with_stars_for_the_secret():
    talk = Known()
    assert received(talk, '{"type":"Known","text":"say k3y"}') == []
    assert talk.understood == [{"type": "Known", "text": "say ***"}]


NOT_OBJECTS = ["", "}{", "[" * 100_000, "[1]", "7", "null", "k3y", '{"a":' + "9" * 5000 + "}"]


@pytest.mark.parametrize("message", NOT_OBJECTS)
def test_a_text_that_is_no_object_is_trouble_once_and_all_goes_on(message):
    talk = Known()
    (told,) = received(talk, message, "}{", '{"type":"Known"}')
    assert told == {"trouble": "not a JSON object", "excerpt": message.replace("k3y", "***")[:200]}
    assert talk.understood == [{"type": "Known"}]


@pytest.mark.parametrize("message", [b"\xff\x00", b'{"type":"Known"}', b"k3y", SocketEvent("k3y", (1,))])
def test_what_is_no_text_is_trouble_once(message):
    talk = Known()
    (told,) = received(talk, message, message)
    assert told["trouble"] == "binary where text is due"
    assert "k3y" not in told["excerpt"]
    assert talk.understood == []


@pytest.mark.parametrize(
    ("talk", "message", "kind"),
    [
        (Known(), {"type": "Weather"}, "Weather"),
        (Known(), {"type": "W" * 100}, "W" * 40),
        (Known(), {"type": ["Known"]}, "None"),
        (Known(), {}, "None"),
        (Renamed(), {"type": "Weather", "message_type": "Wind"}, "Wind"),
    ],
)
def test_an_object_that_is_not_understood_is_trouble_once_for_each_kind(talk, message, kind):
    written = json.dumps(message)
    assert received(talk, written, written) == [{"trouble": f"{kind} is not understood", "excerpt": written[:200]}]


def test_after_the_end_nothing_counts():
    talk = Known()
    talk._close(Closed("Bye."))
    talk.events()
    assert received(talk, '{"type":"Known"}', "}{", b"") == []
    assert talk.understood == []


@pytest.mark.parametrize(
    ("error", "reason", "told"),
    [
        ("too fast", "See Error message for details", "too fast"),
        ("too fast", "", "too fast"),
        ("Input Error: too fast", "too fast", "Input Error: too fast"),
        ("too fast", "Error: too fast", "Error: too fast"),
        ("too fast", "reset by peer", "too fast (reset by peer)"),
        ("x" * 999, "", "x" * 200),
        (7, "", "The provider reported an error without a word."),
        (None, "k3y", "The provider reported an error without a word. (***)"),
    ],
)
def test_the_text_of_an_error_is_told_with_the_close(error, reason, told):
    talk = Known()
    assert talk._failed(error) in told
    assert talk._why(reason) == told


WITHOUT_A_WORD = "The provider ended the session without a word."


@pytest.mark.parametrize(
    ("reason", "told"), [("reset", "reset"), ("", WITHOUT_A_WORD), ("See error message", WITHOUT_A_WORD)]
)
def test_without_an_error_the_close_speaks_for_itself(reason, told):
    assert Known()._why(reason) == told


@given(st.lists(st.text() | st.binary() | ANYTHING.map(json.dumps), max_size=8))
def test_whatever_comes_is_told_or_understood(stream):
    talk = Known()
    told = received(talk, *stream)
    assert len(told) <= len(stream)
    json.dumps(told, allow_nan=False).encode()
