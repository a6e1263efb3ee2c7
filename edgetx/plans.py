"""Plans: all that a part of the daemon is made from. What is equal to what it was before need not be made anew.

What has no plan cannot change while the daemon runs: the state file, which everything else writes to.
Files that the settings name (a recording, a grammar, a certificate) count by their path, a secret by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from edgetx.config import Config, MicrophoneSettings, MqttSettings, StateSettings, load
from edgetx.keys import Secrets, secrets_of
from edgetx.provider_settings import ProviderSettings

Settings = tuple[Config, Secrets]


@dataclass(frozen=True, slots=True)
class MicrophonePlan:
    """A microphone, and the provider that it uses."""

    settings: MicrophoneSettings
    provider: ProviderSettings
    api_key: str = field(repr=False)
    missing_key: str = ""


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """The connection to the broker, and the name that the device has there."""

    settings: MqttSettings
    device: str
    password: str | None = field(repr=False)
    missing_password: str = ""


def read_settings(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read the settings at ``path`` and their secrets. Raise SettingsError with every fault."""
    config = load(path, environment)
    return config, secrets_of(config, environment)


def microphone_plans(settings: Settings) -> dict[str, MicrophonePlan]:
    """Return the plan of each microphone, by its name."""
    config, secrets = settings
    return {
        microphone.name: MicrophonePlan(
            microphone,
            config.providers[microphone.provider],
            secrets.api_keys.get(microphone.provider, ""),
            secrets.missing_key(microphone.provider),
        )
        for microphone in config.microphones
    }


def broker_plans(settings: Settings) -> dict[str, BrokerPlan]:
    """Return the one plan, by its name."""
    config, secrets = settings
    return {"mqtt": BrokerPlan(config.mqtt, config.device, secrets.mqtt_password, secrets.missing_password)}


def fixed_settings(before: Config, after: Config) -> list[str]:
    """Return the names of the settings that differ and are looked at only when the daemon starts."""
    names = (part.name for part in fields(StateSettings))
    return [f"state.{name}" for name in names if getattr(before.state, name) != getattr(after.state, name)]
