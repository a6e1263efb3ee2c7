import json
from dataclasses import fields
from urllib.parse import parse_qs, urlsplit

import pytest

from edgetx.config import Secret
from edgetx.errors import Refused
from edgetx.provider_settings import AssemblyAISettings
from edgetx.speech.closing import FEW_TRIES
from edgetx.speech.events import Verdict
from edgetx.speech.providers.assemblyai import AssemblyAI
from edgetx.speech.session import HttpAnswer
from tests.rigs.opening import request_of, walk

KEY = "k3y"
WORKING = {"expires_in_seconds": 60, "token": "t0ken"}


def provider(**settings):
    return AssemblyAI("aai", AssemblyAISettings(api_key=Secret("text", KEY), **settings), KEY)


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def query(**settings):
    return query_of(request_of(provider(**settings).opening()).url)


def answered(status=200, body=None, **settings):
    """Walk the opening with one answer to the question for a token."""
    settings = {"tokens": True} | settings
    return walk(provider(**settings).opening(), HttpAnswer(status, json.dumps(body or WORKING).encode()))


# --- the request


def test_the_smallest_settings_name_the_audio_and_the_model_and_leave_the_rest_to_the_vendor():
    assert query() == {
        "sample_rate": "16000",
        "encoding": "pcm_s16le",
        "speech_model": "universal-streaming-english",
    }
    assert request_of(provider().opening()).url.startswith("wss://streaming.assemblyai.com/v3/ws?")


@pytest.mark.parametrize("region", ["us", "eu"])
def test_a_region_has_its_own_host(region):
    url = request_of(provider(region=region).opening()).url
    assert url.startswith(f"wss://streaming.{region}.assemblyai.com/v3/ws?")


PARAMETERS = {
    "speech_model": ("u3-rt-pro", "u3-rt-pro"),
    "sample_rate": (8000, "8000"),
    "encoding": ("pcm_mulaw", "pcm_mulaw"),
    "mode": ("min_latency", "min_latency"),
    "domain": ("medical-v1", "medical-v1"),
    "format_turns": (False, "false"),
    "end_of_turn_confidence_threshold": (0.5, "0.5"),
    "min_turn_silence": (0, "0"),
    "max_turn_silence": (2000, "2000"),
    "turn_left_pad_ms": (1, "1"),
    "interruption_delay": (2, "2"),
    "vad_threshold": (0.4, "0.4"),
    "voice_focus": ("near-field", "near-field"),
    "voice_focus_threshold": (0.25, "0.25"),
    "prompt": ("a & b", "a & b"),
    "agent_context": ("c=d", "c=d"),
    "language_codes": (("en", "es"), '["en", "es"]'),
    "language_code": ("fr", "fr"),
    "language": ("multi", "multi"),
    "language_detection": (True, "true"),
    "speaker_labels": (True, "true"),
    "max_speakers": (3, "3"),
    "speaker_labels_revision_interval_ms": (0, "0"),
    "include_partial_turns": (False, "false"),
    "continuous_partials": (True, "true"),
    "filter_profanity": (True, "true"),
    "redact_pii": (True, "true"),
    "redact_pii_policies": (("date", "drug"), '["date", "drug"]'),
    "redact_pii_sub": ("hash", "hash"),
    "inactivity_timeout": (60, "60"),
    "session_heartbeat": (True, "true"),
    "acknowledge_silence": (True, "true"),
    "customer_support_audio_capture": (True, "true"),
    "webhook_url": ("https://h/p?q=1", "https://h/p?q=1"),
    "llm_gateway": ({"model": "m", "max_tokens": 5}, '{"model": "m", "max_tokens": 5}'),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_parameter_is_text_in_the_query_with_lists_and_objects_as_json(name):
    value, written = PARAMETERS[name]
    assert query(**{name: value})[name] == written


def test_the_words_to_expect_have_the_vendors_name():
    assert json.loads(query(keyterms=("Aiola", "x y", "naïve"))["keyterms_prompt"]) == ["Aiola", "x y", "naïve"]


def test_every_setting_is_ours_or_such_a_parameter():
    ours = {"api_key", "type", "region", "url", "insecure", "tokens", "token_seconds", "max_session_seconds"}
    ours |= {"sessions_per_minute", "max_sessions", "extra", "keyterms"}
    assert {field.name for field in fields(AssemblyAISettings)} == ours | set(PARAMETERS)


def test_further_parameters_are_sent_as_they_are():
    asked = query(extra={"new_flag": True, "new_list": ["en"], "new_text": "a & b", "new_nothing": None})
    assert (asked["new_flag"], asked["new_list"], asked["new_text"]) == ("true", '["en"]', "a & b")
    assert "new_nothing" not in asked


def test_the_key_goes_raw_into_a_header_and_nowhere_else():
    request = request_of(provider().opening())
    assert request.headers == {"Authorization": KEY, "AssemblyAI-Version": "2025-05-12"}
    assert not request.renewable
    assert KEY not in f"{request} {provider()} {request.url}"


def test_another_address_keeps_its_own_query():
    url = request_of(provider(url="ws://127.0.0.1:8000/v3/ws?tenant=a").opening()).url
    assert url.startswith("ws://127.0.0.1:8000/v3/ws?tenant=a&speech_model=")


# --- temporary tokens


def test_a_token_is_asked_for_with_the_key_and_opens_the_session_without_it():
    (question,), request = answered(max_session_seconds=600)
    assert (question.purpose, question.method, question.headers) == ("fetch a token", "GET", {"Authorization": KEY})
    assert question.url == (
        "https://streaming.assemblyai.com/v3/token?expires_in_seconds=60&max_session_duration_seconds=600"
    )
    assert query_of(request.url)["token"] == "t0ken"
    assert query_of(request.url)["speech_model"] == "universal-streaming-english"
    assert request.headers == {"AssemblyAI-Version": "2025-05-12"}
    assert request.renewable
    assert KEY not in f"{question} {request} {request.url}"
    assert "t0ken" not in f"{request}"


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"region": "eu"}, "https://streaming.eu.assemblyai.com/v3/token?expires_in_seconds=60"),
        ({"url": "ws://127.0.0.1:9/v3/ws", "token_seconds": 5}, "http://127.0.0.1:9/v3/token?expires_in_seconds=5"),
        ({"url": "wss://h/stt/v3/ws?tenant=a"}, "https://h/stt/v3/token?tenant=a&expires_in_seconds=60"),
        ({"url": "wss://h"}, "https://h/v3/token?expires_in_seconds=60"),
    ],
)
def test_the_token_comes_from_the_host_that_the_sound_goes_to(settings, asked):
    (question,), _ = answered(**settings)
    assert question.url == asked


def test_a_no_instead_of_a_token_is_raised_without_the_key():
    with pytest.raises(Refused, match=r"HTTP status 401: Invalid API key \*\*\*\.$"):
        answered(401, {"error": f"Invalid API key {KEY}"})


# --- the limits and the session


def test_the_limits_are_the_vendors():
    limits = provider().limits
    assert (limits.chunk_ms.min, limits.chunk_ms.best, limits.chunk_ms.max) == (50, 100, 1000)
    assert 1 < limits.replay_rate < 1.25
    assert (limits.session_seconds, limits.keepalive_seconds, limits.silent_seconds) == (10_800, None, 3.0)
    assert provider(tokens=True, max_session_seconds=600).limits.session_seconds == 600


def test_without_partials_silence_cannot_be_told_from_speech():
    assert provider(include_partial_turns=False).limits.silent_seconds is None


@pytest.mark.parametrize(("timeout", "seconds"), [(5, 4), (60, 54), (3600, 3240)])
def test_a_session_is_kept_alive_a_little_before_the_timeout_asked_for(timeout, seconds):
    assert provider(inactivity_timeout=timeout).limits.keepalive_seconds == seconds


def test_a_session_speaks_the_format_that_was_asked_for():
    talk = provider(sample_rate=8000, encoding="pcm_mulaw").session()
    talk.send_audio(bytes(1000 * 32))
    talk.finish()
    *audio, _ = talk.to_send()
    assert set(b"".join(audio)) == {0xFF}
    assert 1000 * 8 <= sum(map(len, audio)) < 1050 * 8


@pytest.mark.parametrize(("tokens", "verdict"), [(False, Verdict.REFUSED), (True, Verdict.TOKEN)])
def test_only_another_token_is_worth_another_attempt(tokens, verdict):
    talk = provider(tokens=tokens).session()
    talk.connection_closed(1008, "Unauthorized Connection: no")
    assert talk.events()[0].verdict is verdict
    assert FEW_TRIES > 1


def test_a_session_knows_what_was_asked_for():
    talk = provider(vad_threshold=0.4).session()
    talk.receive('{"type":"Begin","id":"a","configuration":{"model":"other","vad_threshold":0.40}}')
    _, notice = talk.events()
    assert notice.data == {"warning": "asked for speech_model=universal-streaming-english, the provider uses other"}
