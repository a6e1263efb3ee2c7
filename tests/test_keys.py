"""Which secret stops the daemon, and which only the part that needs it."""

import pytest

from edgetx.config import parse
from edgetx.errors import SettingsError
from edgetx.keys import secrets_of
from edgetx.plans import broker_plans, microphone_plans

SETTINGS = """\
mqtt: {username: me, password: {credential: mqtt_password}}
providers:
  aai: {type: assemblyai, api_key: {credential: aai_key}}
  other: {type: assemblyai, api_key: {credential: other_key}}
  unused: {type: assemblyai, api_key: {credential: nobody_s}}
microphones:
  - {name: desk, provider: aai}
  - {name: hall, provider: other}
"""


def fetched(folder, text=SETTINGS):
    config = parse(text, path="edgetx.yaml", environment={}, host_name="lab", world_readable=False)
    return config, secrets_of(config, {"CREDENTIALS_DIRECTORY": str(folder)})


@pytest.fixture
def credentials(tmp_path):
    for name in ("mqtt_password", "aai_key", "other_key"):
        (tmp_path / name).write_text(f"s3cret {name}\n")
    return tmp_path


def test_every_secret_that_is_used_is_fetched(credentials):
    _, secrets = fetched(credentials)
    assert secrets.mqtt_password == "s3cret mqtt_password"
    assert secrets.api_keys == {"aai": "s3cret aai_key", "other": "s3cret other_key"}
    assert secrets.missing == {}
    assert secrets.missing_password == secrets.missing_key("aai") == ""
    assert "s3cret" not in repr(secrets)


def test_a_credential_that_is_missing_is_missed_by_its_provider_only(credentials):
    (credentials / "aai_key").write_text("\n")
    config, secrets = fetched(credentials)
    assert secrets.api_keys == {"other": "s3cret other_key"}
    assert secrets.missing_key("other") == ""
    assert secrets.missing_key("aai") == (
        "providers.aai.api_key: the credential 'aai_key' is empty; put the secret into "
        "/etc/edgetx/credentials/aai_key (root's, mode 600) and type: sudo systemctl restart edgetx."
    )
    assert microphone_plans((config, secrets))["desk"].missing_key == secrets.missing_key("aai")
    assert microphone_plans((config, secrets))["hall"].missing_key == ""


def test_a_password_that_is_missing_is_missed_by_the_broker_only(credentials):
    (credentials / "mqtt_password").unlink()
    config, secrets = fetched(credentials)
    assert secrets.mqtt_password is None
    assert secrets.missing_password.startswith("mqtt.password: the unit loads no credential 'mqtt_password'; ")
    assert broker_plans((config, secrets))["mqtt"].missing_password == secrets.missing_password
    assert secrets.api_keys.keys() == {"aai", "other"}


def test_any_other_secret_that_is_not_there_is_a_fault_of_the_settings(credentials):
    (credentials / "aai_key").write_text("")
    text = SETTINGS.replace("{credential: other_key}", f"{{file: {credentials}/nowhere}}")
    with pytest.raises(SettingsError, match=r"^providers\.other\.api_key: cannot read"):
        fetched(credentials, text)
