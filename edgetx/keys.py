"""The secrets that the settings name, fetched before anything is started."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgetx.config import Config, reveal
from edgetx.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that the settings name, revealed; ``api_keys`` by provider."""

    mqtt_password: str | None = field(repr=False)
    api_keys: Mapping[str, str] = field(repr=False)


def secrets_of(config: Config, environment: Mapping[str, str]) -> Secrets:
    """Fetch the secrets before anything is started. Raise SettingsError with every one that is not there."""
    named = {
        f"providers.{name}.api_key": getattr(config.providers[name], "api_key", None) for name in used_providers(config)
    }
    named["mqtt.password"] = config.mqtt.password
    revealed: dict[str, str] = {}
    faults: list[str] = []
    for where, secret in named.items():
        if secret is not None:
            try:
                revealed[where] = reveal(secret, environment, where=where)
            except SettingsError as error:
                faults += error.faults
    if faults:
        raise SettingsError(faults)
    keys = {
        name: revealed[where] for name in used_providers(config) if (where := f"providers.{name}.api_key") in revealed
    }
    return Secrets(revealed.get("mqtt.password"), keys)


def used_providers(config: Config) -> set[str]:
    """Return the names of the providers that a microphone uses."""
    return {microphone.provider for microphone in config.microphones}
