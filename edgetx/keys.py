"""The secrets that the settings name, fetched before anything is started.

A credential that systemd did not pass stops nobody but the part that needs it: that part is refused, with the sentence
that mends it. Any other secret that is not there is a fault of the settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgetx.config import Config, reveal
from edgetx.errors import SettingsError
from edgetx.secret import CredentialMissing

_PASSWORD = "mqtt.password"  # noqa: S105  (where it stands)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that the settings name, revealed; ``api_keys`` by provider.

    ``missing``: of what had to be left out, by where the settings name it, what would mend it.
    """

    mqtt_password: str | None = field(repr=False)
    api_keys: Mapping[str, str] = field(repr=False)
    missing: Mapping[str, str] = field(default_factory=dict)

    def missing_key(self, provider: str) -> str:
        """Return what would mend that the provider's key is missing; empty if it is not."""
        return self.missing.get(_key_of(provider), "")

    @property
    def missing_password(self) -> str:
        """What would mend that the broker's password is missing; empty if it is not."""
        return self.missing.get(_PASSWORD, "")


def secrets_of(config: Config, environment: Mapping[str, str]) -> Secrets:
    """Fetch the secrets before anything is started. Raise SettingsError with every one that is wrongly named."""
    named = {_key_of(name): getattr(config.providers[name], "api_key", None) for name in used_providers(config)}
    named[_PASSWORD] = config.mqtt.password
    revealed: dict[str, str] = {}
    missing: dict[str, str] = {}
    faults: list[str] = []
    for where, secret in named.items():
        if secret is not None:
            try:
                revealed[where] = reveal(secret, environment, where=where)
            except CredentialMissing as error:
                missing[where] = f"{error}."
            except SettingsError as error:
                faults += error.faults
    if faults:
        raise SettingsError(faults)
    keys = {name: revealed[where] for name in used_providers(config) if (where := _key_of(name)) in revealed}
    return Secrets(revealed.get(_PASSWORD), keys, missing)


def used_providers(config: Config) -> set[str]:
    """Return the names of the providers that a microphone uses."""
    return {microphone.provider for microphone in config.microphones}


def _key_of(provider: str) -> str:
    return f"providers.{provider}.api_key"
