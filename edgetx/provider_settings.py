"""The settings of one provider each, by its ``type``. The vendor's own names where the vendor has one."""

import json
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from edgetx.checks import Address, AtMost, Range, no_credentials, shown, split
from edgetx.decode import Rule
from edgetx.secret import Secret


def _grammar_or_keyphrases(grammar: Path | None, keyphrases: tuple[str, ...]) -> str | None:
    return "'grammar' and 'keyphrases' exclude each other; keep one" if grammar and keyphrases else None


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """``type: local``, the embedded recogniser."""

    type: Literal["local"] = "local"
    grammar: Path | None = None
    keyphrases: tuple[str, ...] = ()

    RULES: ClassVar = (Rule(("grammar", "keyphrases"), _grammar_or_keyphrases),)


def _plain_only_at_home(url: str | None, insecure: bool) -> str | None:  # noqa: FBT001 - a rule takes fields' values
    parts = split(url) if url else None
    if parts is None or parts.scheme == "wss" or parts.is_loopback or insecure:
        return None
    return "ws:// would send key and sound unencrypted; write wss://, or add 'insecure: true' if you mean it"


def _sample_rate(value: int) -> str | None:
    return None if value in {8000, 16_000} else f"{value} is no rate to send at; it is 16000 or 8000"


def _one_place(url: str | None, region: str | None) -> str | None:
    return "'url' and 'region' exclude each other; keep one" if url and region else None


def _url_without_token(url: str | None) -> str | None:
    found = url and re.search(r"(?i)[?&](token|api_key|authorization)=", url)
    return f"{found[1]!r} would be shown to everyone; leave it out, and write 'api_key'" if found else None


def _tokens_for_limit(max_session_seconds: int | None, tokens: bool) -> str | None:  # noqa: FBT001
    return "only a token can limit a session; add 'tokens: true'" if max_session_seconds and not tokens else None


def _languages_agree(language_codes: tuple[str, ...], language_code: str | None) -> str | None:
    if language_codes and language_code:
        return "'language_codes' and 'language_code' exclude each other; keep 'language_codes'"
    several = len(language_codes) > 1 and "multi" in language_codes
    return "'multi' stands for all languages; keep it alone" if several else None


def _nothing_twice(extra: dict[str, Any]) -> str | None:
    """Refuse in ``extra`` what has a setting of its own, and what must not be shown."""
    if "webhook_auth_header_value" in {name.lower() for name in extra}:
        return "'webhook_auth_header_value' would be shown to everyone; leave it out, edgetx has no place to keep it"
    own = {field.name for field in fields(AssemblyAISettings)} | {"keyterms_prompt"}
    twice = next((name for name in extra if name.lower() in own), None)
    if twice is None:
        return None
    return f"{twice!r} is a setting of its own; write '{twice.lower().removesuffix('_prompt')}:' outside of 'extra'"


@dataclass(frozen=True, slots=True)
class AssemblyAISettings:
    """``type: assemblyai``, the v3 streaming protocol. The vendor's own names where the vendor has one.

    Up to ``extra`` stand our own settings, from ``speech_model`` on the vendor's parameters. None, and an empty list or
    object, is not sent: the vendor's default holds. Silences, paddings, delays and intervals are in milliseconds.
    """

    api_key: Secret = field(metadata={"example": "{credential: assemblyai_api_key}"})
    type: Literal["assemblyai"] = "assemblyai"
    region: Literal["us", "eu"] | None = None
    url: Annotated[str, Address(("ws", "wss"), "'api_key'")] | None = None
    insecure: bool = False
    tokens: bool = False
    token_seconds: Annotated[int, Range(1, 600)] = 60
    max_session_seconds: Annotated[int, Range(60, 10_800)] | None = None
    sessions_per_minute: Annotated[int, Range(1)] = 5
    max_sessions: Annotated[int, Range(1, 2)] = 2
    extra: Annotated[dict[str, Any], no_credentials] = field(default_factory=dict)

    speech_model: str = "universal-streaming-english"
    sample_rate: Annotated[int, _sample_rate] = 16_000
    encoding: Literal["pcm_s16le", "pcm_mulaw"] = "pcm_s16le"
    mode: Literal["max_accuracy", "min_latency", "balanced"] | None = None
    domain: Literal["medical-v1"] | None = None
    format_turns: bool | None = None
    end_of_turn_confidence_threshold: Annotated[float, Range(0, 1)] | None = None
    min_turn_silence: Annotated[int, Range(0)] | None = None
    max_turn_silence: Annotated[int, Range(0)] | None = None
    turn_left_pad_ms: Annotated[int, Range(0)] | None = None
    interruption_delay: Annotated[int, Range(0)] | None = None
    vad_threshold: Annotated[float, Range(0, 1)] | None = None
    voice_focus: Literal["near-field", "far-field"] | None = None
    voice_focus_threshold: Annotated[float, Range(0, 1)] | None = None
    keyterms: Annotated[tuple[Annotated[str, AtMost(50, "characters")], ...], AtMost(100, "terms")] = ()
    prompt: str | None = None
    agent_context: str | None = None
    language_codes: Annotated[tuple[str, ...], AtMost(10, "languages")] = ()
    language_code: str | None = None
    language: Literal["en", "multi"] | None = None
    language_detection: bool | None = None
    speaker_labels: bool | None = None
    max_speakers: Annotated[int, Range(1, 10)] | None = None
    speaker_labels_revision_interval_ms: Annotated[int, Range(0)] | None = None
    include_partial_turns: bool | None = None
    continuous_partials: bool | None = None
    filter_profanity: bool | None = None
    redact_pii: bool | None = None
    redact_pii_policies: tuple[str, ...] = ()
    redact_pii_sub: Literal["hash", "entity_name"] | None = None
    inactivity_timeout: Annotated[int, Range(5, 3600)] | None = None
    session_heartbeat: bool | None = None
    acknowledge_silence: bool | None = None
    customer_support_audio_capture: bool | None = None
    webhook_url: Annotated[str, Address(("http", "https"), "'webhook_url: https://HOST/PATH'")] | None = None
    llm_gateway: dict[str, Any] = field(default_factory=dict)

    RULES: ClassVar = (
        Rule(("url", "insecure"), _plain_only_at_home),
        Rule(("url",), _url_without_token),
        Rule(("url", "region"), _one_place),
        Rule(("max_session_seconds", "tokens"), _tokens_for_limit),
        Rule(("language_codes", "language_code"), _languages_agree),
        Rule(("extra",), _nothing_twice),
    )

    @property
    def address(self) -> str:
        """Where the sound goes: ``url``, or the vendor's host of the region."""
        region = f"{self.region}." if self.region else ""
        return self.url or f"wss://streaming.{region}assemblyai.com/v3/ws"


_WORD_BOOST_CHARACTERS = 2500


def _word_boost(words: tuple[str, ...]) -> str | None:
    size = len(json.dumps(words))
    told = f"it takes {size} characters of JSON; at most {_WORD_BOOST_CHARACTERS} are allowed"
    return told if size > _WORD_BOOST_CHARACTERS else None


@dataclass(frozen=True, slots=True)
class AssemblyAIV2Settings:
    """``type: assemblyai-v2``, the realtime protocol before v3. The vendor's own names where the vendor has one.

    ``end_utterance_silence_threshold``: milliseconds.
    """

    api_key: Secret = field(metadata={"example": "{credential: assemblyai_api_key}"})
    type: Literal["assemblyai-v2"] = "assemblyai-v2"
    url: Annotated[str, Address(("ws", "wss"), "'api_key'")] = "wss://api.assemblyai.com/v2/realtime/ws"
    insecure: bool = False
    tokens: bool = False
    token_seconds: Annotated[int, Range(60, 360_000)] = 60
    sessions_per_minute: Annotated[int, Range(1)] | None = None
    max_sessions: Annotated[int, Range(1, 2)] = 2
    audio_framing: Literal["binary", "base64"] = "binary"
    sample_rate: Annotated[int, _sample_rate] = 16_000
    encoding: Literal["pcm_s16le", "pcm_mulaw"] = "pcm_s16le"
    word_boost: Annotated[tuple[str, ...], _word_boost] = ()
    disable_partial_transcripts: bool = False
    enable_extra_session_information: bool = True
    end_utterance_silence_threshold: Annotated[int, Range(0, 20_000)] | None = None

    RULES: ClassVar = (Rule(("url", "insecure"), _plain_only_at_home), Rule(("url",), _url_without_token))


_TRANSPORTS = {("websocket",), ("polling",), ("polling", "websocket")}


def _only_encrypted_far_away(url: str, insecure: bool) -> str | None:  # noqa: FBT001
    parts = split(url)
    if parts is None or parts.scheme == "https" or parts.is_loopback or insecure:
        return None
    return "http:// would send key and sound unencrypted; write https://, or add 'insecure: true' if you mean it"


def _transports(value: tuple[str, ...]) -> str | None:
    told = "is none of the three choices, [websocket], [polling] and [polling, websocket]"
    return None if value in _TRANSPORTS else told


def _execution_id(value: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        return None
    return f"{shown(value)} is no ID; it is 1 to 64 letters, digits, '-' and '_' (some servers take 4 to 24, no '-')"


def _namespace(value: str) -> str | None:
    good = re.fullmatch(r"/[A-Za-z0-9_./-]{1,63}", value)
    return None if good else f"{shown(value)} is no namespace; it is a path such as /events or /transcript"


def _keywords(value: object) -> str | None:
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    if isinstance(parts, list) and all(isinstance(part, str) and part for part in parts):
        return None
    return "must be texts, {spoken: written}, or a list of words"


def _spoken_and_written(keywords: object, auth_type: str) -> str | None:
    if auth_type == "aiola-session" and keywords and not isinstance(keywords, dict):
        return "is a list, but 'aiola-session' takes what is spoken and how it is written; write {eye ola: Aiola}"
    return None


@dataclass(frozen=True, slots=True)
class AiolaSettings:
    """``type: aiola``, over Socket.IO. The names of the vendor's own programs.

    ``auth_type`` tells its three generations apart: ``x-api-key``, ``bearer`` and ``aiola-session``. ``flow_id`` and
    ``lang_code``: None is the generation's default; ``execution_id``: None is a new one for each session.
    """

    api_key: Secret = field(metadata={"example": "{credential: aiola_api_key}"})
    type: Literal["aiola"] = "aiola"
    endpoint: Annotated[str, Address(("http", "https"), "'api_key'")] = "https://apis.aiola.ai"
    auth_endpoint: Annotated[str, Address(("http", "https"), "'api_key'")] = "https://auth.aiola.ai"
    insecure: bool = False
    auth_type: Literal["x-api-key", "bearer", "aiola-session"] = "aiola-session"
    flow_id: str | None = None
    namespace: Annotated[str, _namespace] = "/events"
    transports: Annotated[tuple[Literal["polling", "websocket"], ...], _transports] = ("polling", "websocket")
    execution_id: Annotated[str, _execution_id] | None = None
    lang_code: str | None = None
    time_zone: str = "UTC"
    keywords: Annotated[Any, _keywords] = None
    vad_config: dict[str, Any] = field(default_factory=dict)
    tasks_config: dict[str, Any] = field(default_factory=dict)
    chunk_samples: Annotated[int, Range(320, 16_000)] = 4096
    max_sessions: Annotated[int, Range(1, 2)] = 2

    RULES: ClassVar = (
        Rule(("endpoint", "insecure"), _only_encrypted_far_away),
        Rule(("auth_endpoint", "insecure"), _only_encrypted_far_away),
        Rule(("endpoint",), _url_without_token),
        Rule(("keywords", "auth_type"), _spoken_and_written),
    )


ProviderSettings = LocalSettings | AssemblyAISettings | AssemblyAIV2Settings | AiolaSettings
