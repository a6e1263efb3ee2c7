"""The settings: what one YAML file on the device says, as frozen values.

Defaults stand here and nowhere else; `config/edgetx.yaml` documents each one and a test keeps the two together.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept, or (``text``) the secret itself, allowed only in a file that others cannot read."""

    kind: Literal["credential", "file", "env", "text"]
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The broker."""

    url: str = "mqtt://localhost:1883"
    username: str | None = None
    password: Secret | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    base_topic: str = "edgetx"


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """``type: local``, the embedded recogniser."""

    type: Literal["local"] = "local"
    grammar: Path | None = None
    keyphrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssemblyAISettings:
    """``type: assemblyai``, the v3 streaming protocol. The vendor's own names where the vendor has one."""

    api_key: Secret
    type: Literal["assemblyai"] = "assemblyai"
    url: str = "wss://streaming.assemblyai.com/v3/ws"
    insecure: bool = False
    speech_model: str = "universal-streaming-english"
    format_turns: bool = False
    keyterms: tuple[str, ...] = ()
    end_of_turn_confidence_threshold: float | None = None
    min_turn_silence: int | None = None
    max_turn_silence: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


ProviderSettings = LocalSettings | AssemblyAISettings


@dataclass(frozen=True, slots=True)
class AlsaSettings:
    """An ALSA capture device. None: what suits 16 kHz mono best among what the device offers."""

    alsa: str = "default"
    sample_rate: int | None = None
    channels: int | None = None
    format: Literal["S16_LE", "S24_3LE", "S32_LE"] | None = None


@dataclass(frozen=True, slots=True)
class WavSettings:
    """A recording instead of a microphone."""

    wav: Path
    pace: Literal["realtime", "fast"] = "realtime"
    repeat: bool = False


SourceSettings = AlsaSettings | WavSettings


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """How much sound is kept for a provider that is away."""

    memory_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class MicrophoneSettings:
    """One microphone: a source, what to take of it, and who transcribes it.

    ``listen``: ``auto`` (the first channel), ``mix`` (the mean of all), or a channel's number, from 0.
    ``level_seconds``: how often ``level`` is published; 0 is never.
    """

    name: str
    source: SourceSettings = field(default_factory=AlsaSettings)
    listen: Literal["auto", "mix"] | int = "auto"
    provider: str = "local"
    catch_up_seconds: float = 10.0
    keep: KeepSettings = field(default_factory=KeepSettings)
    level_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Config:
    """Everything. ``providers`` always holds those that the microphones name."""

    device: str
    microphones: tuple[MicrophoneSettings, ...]
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    providers: dict[str, ProviderSettings] = field(default_factory=dict)
