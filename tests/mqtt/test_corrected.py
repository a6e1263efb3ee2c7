import json
from datetime import UTC, datetime, timedelta

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from edgetx.clock import Moment
from edgetx.mqtt.corrected import corrected, stamped
from edgetx.mqtt.schemas import schema
from edgetx.mqtt.topics import Topics
from edgetx.speech.events import MicrophoneEvent, PlacedWord, Transcript

TOPICS = Topics("edgetx", "kitchen")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def transcript(start, *, words=True, synced=False):
    word = PlacedWord("hello", start, start + SECOND, confidence=0.1)
    return Transcript(
        *("s-1", "hello", True, start, start + SECOND, (0, 16_000), "p", "s"),
        clock_synced=synced,
        words=(word,) if words else (),
    )


def clock(ahead, *, synced=True, boot="boot"):
    return Moment(wall=ahead + 50.0, synced=synced, monotonic=0.0, boottime=50.0, boot_id=boot)


def made(publication, ahead=100.0):
    return stamped(publication, clock(ahead, synced=False))


def fields(publication):
    return json.loads(publication.payload)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.integers(-(10**9), 10**9))  # noqa: DTZ001
def test_a_final_leaves_as_if_the_clock_had_been_right_all_along(start, seconds):
    start = start.replace(microsecond=start.microsecond // 1000 * 1000)
    right = TOPICS.transcript("desk", transcript(start + timedelta(seconds=seconds), synced=True))
    assert corrected(made(TOPICS.transcript("desk", transcript(start)), 5.0), clock(5.0 + seconds)) == right


def test_a_final_without_words_is_put_right_too():
    told = fields(corrected(made(TOPICS.transcript("desk", transcript(NOON, words=False))), clock(103.5)))
    assert (told["start"], told["end"]) == ("2026-11-20T12:00:03.500Z", "2026-11-20T12:00:04.500Z")
    assert told["clock_synced"] is True
    assert "words" not in told
    jsonschema.validate(told, schema("transcript"))


def test_a_gap_moves_with_its_ends():
    gap = MicrophoneEvent("e", "gap", NOON, {"start": NOON - SECOND, "end": NOON, "cause": "device"})
    told = fields(corrected(made(TOPICS.event("desk", gap)), clock(101.0)))
    assert (told["at"], told["start"], told["end"]) == (
        "2026-11-20T12:00:01.000Z",
        "2026-11-20T12:00:00.000Z",
        "2026-11-20T12:00:01.000Z",
    )
    assert "clock_synced" not in told


def test_times_that_a_provider_tells_are_not_ours_to_move():
    notice = MicrophoneEvent("e", "provider", NOON, {"start": "2026-11-20T11:00:00.000Z", "end": 7})
    told = fields(corrected(made(TOPICS.event("desk", notice)), clock(101.0)))
    assert (told["at"], told["start"], told["end"]) == ("2026-11-20T12:00:01.000Z", "2026-11-20T11:00:00.000Z", 7)


def test_what_was_made_by_a_right_clock_is_left_alone():
    publication = TOPICS.transcript("desk", transcript(NOON, synced=True))
    assert stamped(publication, clock(1.0)) is publication
    assert corrected(publication, clock(1e9)) is publication


def test_a_year_that_does_not_exist_is_left_alone():
    publication = made(TOPICS.transcript("desk", transcript(NOON)))
    for ahead in (1e12, -1e12, 1e300):
        assert corrected(publication, clock(ahead)) is publication


def test_a_clock_that_is_still_wrong_or_of_another_boot_puts_nothing_right():
    publication = made(TOPICS.transcript("desk", transcript(NOON)))
    for now in (clock(1.0, synced=False), clock(1.0, boot="another"), clock(1.0, boot="")):
        assert corrected(publication, now) is publication
