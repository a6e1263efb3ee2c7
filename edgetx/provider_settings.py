"""The settings of one provider each, by its ``type``. The vendor's own names where the vendor has one."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from edgetx.checks import Address, AtMost, Range, no_credentials, split
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


def _plain_only_at_home(url: str, insecure: bool) -> str | None:  # noqa: FBT001 - a rule takes fields' values
    parts = split(url)
    if parts is None or parts.scheme == "wss" or parts.is_loopback or insecure:
        return None
    return "ws:// would send key and sound unencrypted; write wss://, or add 'insecure: true' if you mean it"


@dataclass(frozen=True, slots=True)
class AssemblyAISettings:
    """``type: assemblyai``, the v3 streaming protocol. The vendor's own names where the vendor has one.

    ``min_turn_silence`` and ``max_turn_silence``: milliseconds.
    """

    api_key: Secret = field(metadata={"example": "{credential: assemblyai_api_key}"})
    type: Literal["assemblyai"] = "assemblyai"
    url: Annotated[str, Address(("ws", "wss"), "'api_key'")] = "wss://streaming.assemblyai.com/v3/ws"
    insecure: bool = False
    speech_model: str = "universal-streaming-english"
    format_turns: bool = False
    keyterms: Annotated[tuple[Annotated[str, AtMost(50, "characters")], ...], AtMost(100, "terms")] = ()
    end_of_turn_confidence_threshold: Annotated[float, Range(0, 1)] | None = None
    min_turn_silence: Annotated[int, Range(0)] | None = None
    max_turn_silence: Annotated[int, Range(0)] | None = None
    extra: Annotated[dict[str, Any], no_credentials] = field(default_factory=dict)

    RULES: ClassVar = (Rule(("url", "insecure"), _plain_only_at_home),)


ProviderSettings = LocalSettings | AssemblyAISettings
