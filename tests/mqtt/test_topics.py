import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edgetx.config import parse, without_secrets
from edgetx.mqtt.schemas import schema
from edgetx.mqtt.topics import Kind, Topics, identifier
from edgetx.speech.events import Direction, MicrophoneEvent, PlacedWord, Transcript

KINDS = ("availability", "info", "health", "state", "transcript", "event", "level", "request", "response")
VALIDATORS = {kind: Draft202012Validator(schema(kind)) for kind in KINDS}
NOON = datetime(2026, 11, 20, 12, 0, 0, 120_000, tzinfo=UTC)
TOPICS = Topics("edgetx", "kitchen")
SMALLEST = Transcript(
    id="s1-0",
    text="hello",
    final=True,
    start=NOON,
    end=NOON + timedelta(seconds=1),
    frames=(16_000, 32_000),
    provider="local",
    session="s1",
    clock_synced=True,
)


def payload(publication):
    return json.loads(publication.payload)


def faults(kind, value):
    return [error.message for error in VALIDATORS[kind].iter_errors(value)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_schema_is_one(kind):
    Draft202012Validator.check_schema(schema(kind))


# --- how each is delivered --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["online", "offline", "stopped"])
def test_availability_is_the_bare_word_retained(status):
    told = TOPICS.availability(status)
    assert (told.topic, told.payload) == ("edgetx/kitchen/availability", status.encode())
    assert (told.qos, told.retain, told.durable, told.kind) == (1, True, False, Kind.AVAILABILITY)
    assert not faults("availability", told.payload.decode())


def test_the_last_will_is_offline():
    assert TOPICS.last_will == TOPICS.availability("offline")


def test_requests_and_responses_have_topics_of_their_own():
    assert TOPICS.requests == "edgetx/kitchen/request/+"
    assert TOPICS.request("mute") == "edgetx/kitchen/request/mute"
    assert TOPICS.response("mute") == "edgetx/kitchen/response/mute"


def test_info_is_retained():
    microphones = [{"name": "desk", "source": {"alsa": "default"}, "provider": "local"}]
    told = TOPICS.info({"version": "0.1.0", "model": None, "microphones": microphones, "settings": {"device": "k"}})
    assert (told.topic, told.qos, told.retain, told.durable) == ("edgetx/kitchen/info", 1, True, False)
    assert not faults("info", payload(told))


def test_info_shows_microphones_as_they_are_set():
    text = """microphones:
- {name: a}
- {name: b, array: auto, listen: delay-and-sum, gate: send-speech, max_session_minutes_per_day: 90}
- {name: c, array: respeaker-4mic, listen: {azimuth_deg: 90, width_deg: 40}}
- {name: d, array: {positions_m: [[0, 0], [0, 0.05]], channels: [3, 1]}, listen: {channel: 3}}
"""
    config = parse(text, path="e", environment={}, host_name="kitchen", world_readable=True)
    settings = without_secrets(config)
    told = TOPICS.info({"version": "0.1.0", "microphones": settings["microphones"], "settings": settings})
    assert not faults("info", payload(told))
    assert [each.get("array") for each in payload(told)["microphones"]][:3] == [None, "auto", "respeaker-4mic"]
    assert payload(told)["microphones"][2]["listen"] == {"azimuth_deg": 90.0, "width_deg": 40.0}
    for wrong in ({"gate": "on"}, {"listen": {"azimuth_deg": 400, "width_deg": 60}}, {"array": {"channels": [1]}}):
        microphone = settings["microphones"][0] | wrong
        assert faults("info", {"version": "0.1.0", "microphones": [microphone], "settings": {}})


def test_health_is_retained():
    stages = {"audio": {"status": "running"}, "speech": {"status": "waiting", "detail": "No key."}}
    fields = {"verdict": "degraded", "uptime_seconds": 1.5, "stages": {**stages, "mqtt": {"status": "connected"}}}
    told = TOPICS.health(fields)
    assert (told.topic, told.qos, told.retain, told.durable) == ("edgetx/kitchen/health", 1, True, False)
    assert not faults("health", payload(told))
    assert faults("health", {**fields, "verdict": "fine"})


def test_state_is_retained():
    fields = {"capture": "running", "provider": "ready", "muted": False, "backlog_seconds": 0.2, "overruns": 0}
    seconds = {f"{name}_seconds": 1.0 for name in ("captured", "transcribed", "silent", "lost")}
    told = TOPICS.state("desk", {**fields, "detail": None})
    assert (told.topic, told.qos, told.retain, told.durable) == ("edgetx/kitchen/desk/state", 1, True, False)
    assert payload(told) == fields
    assert not faults("state", payload(told))
    assert not faults("state", {**fields, "ledger": seconds})
    assert faults("state", {**fields, "mood": "good"})


def test_a_level_passes_and_leaves_out_what_is_no_number():
    told = TOPICS.level("desk", {"rms_dbfs": float("-inf"), "peak_dbfs": -3.5, "clipped": False})
    assert (told.topic, told.qos, told.retain, told.durable) == ("edgetx/kitchen/desk/level", 0, False, False)
    assert payload(told) == {"peak_dbfs": -3.5, "clipped": False}
    assert not faults("level", payload(told))


def test_a_final_is_durable():
    told = TOPICS.transcript("desk", SMALLEST)
    assert (told.topic, told.kind) == ("edgetx/kitchen/desk/transcript/final", Kind.FINAL)
    assert (told.qos, told.retain, told.durable) == (1, False, True)


def test_a_partial_passes():
    partial = Transcript("s1-0", "hel", False, NOON, NOON, (0, 1), "local", "s1", False)
    told = TOPICS.transcript("desk", partial)
    assert (told.topic, told.kind) == ("edgetx/kitchen/desk/transcript/partial", Kind.PARTIAL)
    assert (told.qos, told.retain, told.durable) == (0, False, False)
    assert payload(told)["final"] is False


def test_an_event_is_durable():
    told = TOPICS.event("desk", MicrophoneEvent("e1", "speech_started", NOON))
    assert (told.topic, told.kind) == ("edgetx/kitchen/desk/event", Kind.EVENT)
    assert (told.qos, told.retain, told.durable) == (1, False, True)


# --- what each says ---------------------------------------------------------------------------------------------


def test_what_a_transcript_does_not_know_is_left_out():
    assert payload(TOPICS.transcript("desk", SMALLEST)) == {
        "id": "s1-0",
        "device": "kitchen",
        "microphone": "desk",
        "text": "hello",
        "final": True,
        "start": "2026-11-20T12:00:00.120Z",
        "end": "2026-11-20T12:00:01.120Z",
        "frames": [16_000, 32_000],
        "provider": "local",
        "session": "s1",
        "late": False,
        "clock_synced": True,
    }


def test_a_gap_says_where_how_long_and_why():
    data = {"frames": [16_000, 17_600], "start": NOON, "end": NOON + timedelta(milliseconds=100), "seconds": 0.1}
    told = payload(TOPICS.event("desk", MicrophoneEvent("e1", "gap", NOON, {**data, "cause": "overrun"})))
    assert (told["event"], told["frames"], told["start"]) == ("gap", [16_000, 17_600], "2026-11-20T12:00:00.120Z")
    assert not faults("event", told)
    assert faults("event", {**told, "cause": "boredom"})
    assert faults("event", {**told, "more": 1})
    assert faults("event", {key: value for key, value in told.items() if key != "seconds"})


def test_a_session_says_how_it_began_and_ended():
    opened = MicrophoneEvent("e1", "session_opened", NOON, {"session": "s1", "provider": "aai", "expires_at": 17})
    spans = {"seconds": 2.5, "audio_seconds": 2, "acknowledged_seconds": 1.5}
    closing = {"session": "s1", "provider": "aai", "reason": "idle", "clean": True, "code": None, **spans}
    closed = payload(TOPICS.event("desk", MicrophoneEvent("e2", "session_closed", NOON, closing)))
    assert not faults("event", payload(TOPICS.event("desk", opened)))
    assert "code" not in closed
    assert not faults("event", closed)
    assert faults("event", {**closed, "clean": "yes"})
    assert faults("event", {**closed, "acknowledged_seconds": -1})


def test_a_session_that_did_not_come_about_says_why_and_whose_turn_it_is():
    data = {"provider": "aai", "reason": "Nobody answers.", "refused": False}
    failed = payload(TOPICS.event("desk", MicrophoneEvent("e1", "session_failed", NOON, data)))
    assert not faults("event", failed)
    assert faults("event", {key: value for key, value in failed.items() if key != "reason"})


GATE_SAYS = {
    "speech_started": {"frame": 16_000, "start": NOON},
    "speech_stopped": {"frames": [16_000, 32_000], "start": NOON, "end": NOON, "seconds": 1.0},
    "budget_used_up": {"minutes": 90.0, "until": NOON},
}


@pytest.mark.parametrize("name", GATE_SAYS)
def test_what_the_gate_finds_and_the_budget_says_has_its_fields(name):
    told = payload(TOPICS.event("desk", MicrophoneEvent("e1", name, NOON, GATE_SAYS[name])))
    assert not faults("event", told)
    assert faults("event", told | dict.fromkeys(GATE_SAYS[name], "soon"))


SAID = {
    "provider": {"error": "Too loud.", "code": 3005},
    "speaker_revision": {"turn": "0", "speaker": "A", "words": [{"text": "hi", "start_ms": 5, "end_ms": 9.5}]},
    "llm_response": {"turn": "0", "transcript": "hi", "data": {"choices": ["yes"]}},
    "speech_started": {},
}


@pytest.mark.parametrize("name", SAID)
def test_what_a_provider_says_besides_has_its_fields_and_whose_it_is(name):
    data = {**SAID[name], "session": "s1", "provider": "aai"}
    told = payload(TOPICS.event("desk", MicrophoneEvent("e1", name, NOON, data)))
    assert told.items() >= data.items()
    assert not faults("event", told)
    assert faults("event", {**told, "session": 7})


@pytest.mark.parametrize(
    "wrong", [{"turn": 0}, {"words": [{"text": "hi"}]}, {"words": [{"text": "hi", "start": 1}]}, {"more": 1}]
)
def test_a_revision_of_speakers_without_its_fields_is_none(wrong):
    data = {**SAID["speaker_revision"], "session": "s1", "provider": "aai", **wrong}
    assert faults("event", payload(TOPICS.event("desk", MicrophoneEvent("e1", "speaker_revision", NOON, data))))


def test_times_that_are_estimates_are_called_so_and_others_are_not():
    estimated = payload(TOPICS.transcript("desk", replace(SMALLEST, estimated=True)))
    assert estimated["timing"] == "estimated"
    assert not faults("transcript", estimated)
    assert faults("transcript", {**estimated, "timing": "exact"})


def test_an_events_data_cannot_replace_what_all_events_have():
    told = payload(TOPICS.event("desk", MicrophoneEvent("e1", "provider", NOON, {"event": "gap", "id": 7, "more": 1})))
    assert (told["event"], told["id"], told["more"]) == ("provider", "e1", 1)


def test_text_is_utf8_as_it_is_and_compact():
    told = TOPICS.transcript("desk", Transcript("i", "Grüße, 世界", True, NOON, NOON, (0, 1), "p", "s", True))
    assert '"text":"Grüße, 世界"'.encode() in told.payload


def test_half_a_character_becomes_a_question_mark():
    told = TOPICS.event("desk", MicrophoneEvent("e1", "provider", NOON, {"text": "a\ud800b"}))
    assert payload(told)["text"] == "a?b"


def test_what_may_come_twice_has_its_id_beside_the_payload():
    event = TOPICS.event("desk", MicrophoneEvent("e1", "x", NOON))
    final = TOPICS.transcript("desk", Transcript("s-1", "hello", True, NOON, NOON, (0, 1), "p", "s", True))
    partial = TOPICS.transcript("desk", Transcript("s-1", "hel", False, NOON, NOON, (0, 1), "p", "s", True))
    assert [publication.id for publication in (event, final, partial, TOPICS.info({}))] == ["e1", "s-1", "", ""]


def test_an_id_that_no_message_could_carry_is_made_harmless():
    assert TOPICS.event("desk", MicrophoneEvent("a\0\ud800" + "b" * 70_000, "x", NOON)).id == "a??" + "b" * 197


def test_times_of_other_zones_are_told_in_utc():
    cet = datetime(2026, 11, 20, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    assert payload(TOPICS.event("desk", MicrophoneEvent("e1", "x", cet)))["at"] == "2026-11-20T12:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("kitchen", "kitchen"),
        ("Kitchen.local", "kitchen-local"),
        ("raspberry_pi-4", "raspberry_pi-4"),
        ("Küche  2", "k-che-2"),
        ("+/#", "edgetx"),
        ("", "edgetx"),
    ],
)
def test_a_host_name_becomes_an_id(text, made):
    assert identifier(text) == made


# --- everything that can be said, against the schemas -----------------------------------------------------------

times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
names = st.text(min_size=1, max_size=8)
maybe_names = st.none() | st.text(max_size=8)
shares = st.none() | st.floats(0, 1)
words = st.builds(PlacedWord, st.text(max_size=8), times, times, confidence=shares, speaker=maybe_names)
transcripts = st.builds(
    Transcript,
    id=names,
    text=st.text(max_size=20),
    final=st.booleans(),
    start=times,
    end=times,
    frames=st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)),
    provider=names,
    session=names,
    clock_synced=st.booleans(),
    late=st.booleans(),
    estimated=st.booleans(),
    words=st.lists(words, max_size=2).map(tuple),
    speaker=maybe_names,
    language=maybe_names,
    confidence=shares,
)
anything = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
OWN_FIELDS = {"gap", "session_opened", "session_closed", "session_failed", "speech_started", "speech_stopped"}
OWN_FIELDS |= {"provider", "speaker_revision", "llm_response", "budget_used_up"}
free_names = names.filter(lambda name: name not in OWN_FIELDS)
events = st.builds(MicrophoneEvent, names, free_names, times, st.dictionaries(names, anything, max_size=3))


def no_null(value):
    if isinstance(value, dict | list):
        return all(map(no_null, value.values() if isinstance(value, dict) else value))
    return value is not None


@given(transcripts)
def test_every_transcript_fits_its_schema(transcript):
    told = payload(TOPICS.transcript("desk", transcript))
    assert not faults("transcript", told)
    assert no_null(told)


@given(events)
def test_every_event_fits_its_schema(event):
    told = payload(TOPICS.event("desk", event))
    assert not faults("event", told)
    assert no_null(told)


@pytest.mark.parametrize("direction", [Direction(270, 0.85), Direction(40, 0.5, cone=True)])
def test_a_direction_is_told_with_the_transcript_the_level_and_the_talker_who_moved(direction):
    told = payload(TOPICS.transcript("desk", replace(SMALLEST, direction=direction)))
    assert told["direction"] == direction.fields()
    assert not faults("transcript", told)
    level = payload(TOPICS.level("desk", {"rms_dbfs": -30.0, "direction": direction.fields()}))
    assert not faults("level", level)
    moved = {"direction": direction.fields(), "transcript": "s1-0"}
    event = payload(TOPICS.event("desk", MicrophoneEvent("e", "speaker_moved", NOON, moved)))
    assert not faults("event", event)
    assert faults("event", {**event, "direction": {**direction.fields(), "azimuth_deg": 3, "cone_deg": 3}})


@pytest.mark.parametrize("fault", [{}, {"fault": "dead"}])
def test_a_channel_that_is_left_out_is_told(fault):
    event = MicrophoneEvent("e", "channel", NOON, {"channel": 2, "detail": "Channel 2 is dead.", **fault})
    assert not faults("event", payload(TOPICS.event("desk", event)))
