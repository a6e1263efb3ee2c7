import pytest

from edgetx.audio.states import AWAY, FLOWING, FOLLOWING, MEANING, TOLD, is_news
from edgetx.mqtt.schemas import schema
from tests.test_readme import README, rows_under


def test_every_state_has_a_meaning_a_row_in_the_readme_and_is_in_the_schema():
    assert MEANING.keys() == FOLLOWING.keys() == rows_under("capture")
    assert set(schema("state")["properties"]["capture"]["enum"]) == MEANING.keys()
    told = schema("event")["$defs"]["capture"]["properties"]
    assert set(told["state"]["enum"]) == TOLD
    assert set(told["before"]["enum"]) == TOLD | {"opening"}
    assert "`capture`" in README


def test_every_state_can_be_reached_and_leads_to_the_end():
    reached = {"opening"}
    while more := {after for state in reached for after in FOLLOWING[state]} - reached:
        reached |= more
    assert reached == MEANING.keys()
    assert all("stopped" in after for state, after in FOLLOWING.items() if state not in {"ended", "stopped"})
    assert not AWAY & FLOWING


@pytest.mark.parametrize("state", sorted(TOLD))
def test_a_change_is_news_once(state):
    assert not is_news(state, state)
    assert all(is_news(before, state) for before in TOLD - {state})


def test_of_the_beginning_only_trouble_is_news():
    assert {state for state in MEANING if is_news("opening", state)} == AWAY | {"silent"}


@pytest.mark.parametrize("state", ["opening", "ended", "stopped"])
def test_what_is_on_its_way_or_over_is_no_news(state):
    assert not is_news("running", state)
