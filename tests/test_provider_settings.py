"""What the settings of one provider must agree on, and where each fault stands."""

import pytest

from edgetx.config import Config, parse
from edgetx.errors import SettingsError

HEAD = "microphones: [{name: desk}]\nproviders:\n  it:\n"


def provider(lines: str) -> Config:
    """Return the settings of the provider ``it`` as its lines say."""
    text = HEAD + "".join(f"    {line}\n" for line in lines.splitlines())
    return parse(text, path="e.yaml", environment={}, host_name="pi", world_readable=False).providers["it"]


def faults(lines: str) -> list[str]:
    """Return what is said of wrong lines."""
    with pytest.raises(SettingsError) as raised:
        provider(lines)
    return raised.value.faults


def test_a_grammar_and_keyphrases_exclude_each_other():
    assert provider("type: local\nkeyphrases: [go]").keyphrases == ("go",)
    assert faults("type: local\nkeyphrases: [go]\ngrammar: a.gram") == [
        "e.yaml:6: providers.it.grammar: 'grammar' and 'keyphrases' exclude each other; keep one"
    ]


@pytest.mark.parametrize("url", ["url: ws://127.0.0.1:9", "url: ws://far\ninsecure: true", "url: wss://far"])
def test_an_address_that_keeps_the_sound_private_or_is_meant(url):
    assert provider("type: assemblyai\napi_key: k\n" + url).url


def test_an_unencrypted_address_far_away_is_a_fault():
    (fault,) = faults("type: assemblyai\napi_key: k\nurl: ws://far")
    assert fault.startswith("e.yaml:6: providers.it.url: ws:// would send key and sound unencrypted")


AAI = "type: assemblyai\napi_key: k\n"


def test_the_address_is_the_regions_or_ones_own():
    assert provider(AAI).address == "wss://streaming.assemblyai.com/v3/ws"
    assert provider(AAI + "region: us").address == "wss://streaming.us.assemblyai.com/v3/ws"
    assert provider(AAI + "url: wss://far/v3/ws").address == "wss://far/v3/ws"
    assert faults(AAI + "region: eu\nurl: wss://far/v3/ws") == [
        "e.yaml:7: providers.it.url: 'url' and 'region' exclude each other; keep one"
    ]


@pytest.mark.parametrize("name", ["token", "API_KEY", "authorization"])
def test_a_secret_in_an_address_is_a_fault(name):
    assert faults(AAI + f"url: wss://far/v3/ws?a=b&{name}=s3cret") == [
        f"e.yaml:6: providers.it.url: '{name}' would be shown to everyone; leave it out, and write 'api_key'"
    ]


def test_only_a_token_limits_a_session():
    assert provider(AAI + "tokens: true\nmax_session_seconds: 600").max_session_seconds == 600
    assert faults(AAI + "max_session_seconds: 600") == [
        "e.yaml:6: providers.it.max_session_seconds: only a token can limit a session; add 'tokens: true'"
    ]


def test_the_languages_to_expect_stand_in_one_place():
    assert provider(AAI + "language_codes: [multi]").language_codes == ("multi",)
    assert faults(AAI + "language_codes: [en, multi]") == [
        "e.yaml:6: providers.it.language_codes: 'multi' stands for all languages; keep it alone"
    ]
    (fault,) = faults(AAI + "language_codes: [en]\nlanguage_code: es")
    assert fault.endswith("'language_codes' and 'language_code' exclude each other; keep 'language_codes'")


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("sample_rate: 8000", "'sample_rate' is a setting of its own; write 'sample_rate:' outside of 'extra'"),
        ("Prompt: hi", "'Prompt' is a setting of its own; write 'prompt:' outside of 'extra'"),
        ("keyterms_prompt: [a]", "'keyterms_prompt' is a setting of its own; write 'keyterms:' outside of 'extra'"),
        ("Keyterms_Prompt: [a]", "'Keyterms_Prompt' is a setting of its own; write 'keyterms:' outside of 'extra'"),
        ("token: s3cret", "'token' would be shown to everyone; write it as 'api_key'"),
        (
            "webhook_auth_header_value: s3cret",
            "'webhook_auth_header_value' would be shown to everyone; leave it out, edgetx has no place to keep it",
        ),
    ],
)
def test_what_has_no_place_among_further_parameters_is_a_fault(entry, fault):
    assert faults(AAI + f"extra: {{{entry}}}") == [f"e.yaml:6: providers.it.extra: {fault}"]
    assert provider(AAI + "extra: {something_new: 1}").extra == {"something_new": 1}


@pytest.mark.parametrize(
    "line",
    [
        "region: mars",
        "token_seconds: 0",
        "token_seconds: 601",
        "sessions_per_minute: 0",
        "sample_rate: 44100",
        "encoding: opus",
        "mode: fast",
        "domain: law",
        "end_of_turn_confidence_threshold: 1.1",
        "min_turn_silence: -1",
        "max_turn_silence: -1",
        "turn_left_pad_ms: -1",
        "interruption_delay: -1",
        "vad_threshold: -0.1",
        "voice_focus: middle-field",
        "voice_focus_threshold: 2",
        f"keyterms: [{', '.join(['a'] * 101)}]",
        "language_codes: [a, b, c, d, e, f, g, h, i, j, k]",
        "language: fr",
        "language_detection: maybe",
        "max_speakers: 0",
        "max_speakers: 11",
        "speaker_labels_revision_interval_ms: -1",
        "redact_pii_sub: stars",
        "inactivity_timeout: 4",
        "inactivity_timeout: 3601",
        "webhook_url: ftp://h/p",
        "webhook_url: https://me:s3cret@h/p",
        "llm_gateway: some-model",
    ],
)
def test_what_assemblyai_does_not_take_is_a_fault(line):
    (fault,) = faults(AAI + line)
    assert fault.startswith(f"e.yaml:6: providers.it.{line.partition(':')[0]}: ")
    assert "s3cret" not in fault


def test_a_limited_session_lasts_1_minute_to_3_hours():
    for seconds in (59, 10_801):
        (fault,) = faults(AAI + f"tokens: true\nmax_session_seconds: {seconds}")
        assert "it is from 60 to 10800" in fault


OLD = "type: assemblyai-v2\napi_key: k\n"


def test_the_realtime_protocol_of_assemblyai_has_settings_of_its_own():
    old = provider(OLD + "sample_rate: 8000\nencoding: pcm_mulaw\nword_boost: [a, b c]\ntokens: true")
    assert (old.sample_rate, old.encoding, old.word_boost, old.tokens) == (8000, "pcm_mulaw", ("a", "b c"), True)
    assert (old.token_seconds, old.enable_extra_session_information, old.sessions_per_minute) == (60, True, None)


def test_words_to_boost_are_2500_characters_of_json_at_most():
    assert provider(OLD + f"word_boost: [{'x' * 2496}]").word_boost
    assert faults(OLD + f"word_boost: [{'x' * 2494}, y]") == [
        "e.yaml:6: providers.it.word_boost: it takes 2503 characters of JSON; at most 2500 are allowed"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "sample_rate: 44100",
        "encoding: opus",
        "token_seconds: 59",
        "token_seconds: 360001",
        "audio_framing: text",
        "end_utterance_silence_threshold: 20001",
        "end_utterance_silence_threshold: -1",
        "sessions_per_minute: 0",
        "url: ws://far",
        "url: https://far",
        "url: wss://far?token=x",
    ],
)
def test_what_the_realtime_protocol_does_not_take_is_a_fault(line):
    (fault,) = faults(OLD + line)
    assert fault.startswith(f"e.yaml:6: providers.it.{line.partition(':')[0]}: ")


AIOLA = "type: aiola\napi_key: k\n"


def test_an_aiola_provider_needs_nothing_but_a_key():
    aiola = provider(AIOLA)
    assert (aiola.endpoint, aiola.auth_endpoint) == ("https://apis.aiola.ai", "https://auth.aiola.ai")
    assert (aiola.auth_type, aiola.namespace, aiola.transports) == (
        "aiola-session",
        "/events",
        ("polling", "websocket"),
    )
    assert (aiola.execution_id, aiola.flow_id, aiola.lang_code, aiola.time_zone) == (None, None, None, "UTC")
    assert (aiola.keywords, aiola.vad_config, aiola.tasks_config, aiola.chunk_samples) == (None, {}, {}, 4096)


@pytest.mark.parametrize(
    "lines",
    [
        "endpoint: http://127.0.0.1:9\nauth_endpoint: http://localhost:9",
        "endpoint: http://far\nauth_endpoint: http://far\ninsecure: true",
        'auth_type: x-api-key\ntransports: [polling]\nexecution_id: "1"\nnamespace: /transcript',
        "auth_type: bearer\nkeywords: [aiola, ngnix]",
        "keywords: {eye ola: Aiola}",
        "keywords: []",
        "vad_config: {min_silence_ms: 500}\ntasks_config: {SUMMARIZATION: {}}",
        "execution_id: 2c78fcf1-9265-408f-b8c3-d9d7e7ebc1bc\nchunk_samples: 320",
    ],
)
def test_what_aiola_takes(lines):
    assert provider(AIOLA + lines).type == "aiola"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("endpoint: http://far", "http:// would send key and sound unencrypted"),
        ("auth_endpoint: http://far", "http:// would send key and sound unencrypted"),
        ("endpoint: wss://far", "is no address"),
        ("endpoint: https://far?token=x", "'token' would be shown to everyone"),
        ("auth_type: basic", "is not 'x-api-key', 'bearer' or 'aiola-session'"),
        ("transports: []", "is none of the three choices"),
        ("transports: [websocket, polling]", "is none of the three choices"),
        ("transports: [polling, polling]", "is none of the three choices"),
        ("execution_id: a b", "'a b' is no ID"),
        ("namespace: events", "'events' is no namespace"),
        ("namespace: /a,b", "'/a,b' is no namespace"),
        ("keywords: [aiola]", "is a list, but 'aiola-session' takes"),
        ("keywords: {a: 1}", "must be texts"),
        ("keywords: aiola", "must be texts"),
        ("chunk_samples: 319", "is out of range"),
    ],
)
def test_what_aiola_does_not_take_is_a_fault(line, words):
    (fault,) = faults(AIOLA + line)
    assert fault.startswith(f"e.yaml:6: providers.it.{line.partition(':')[0]}")
    assert words in fault
