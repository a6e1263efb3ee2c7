"""A secret is named in the settings, fetched once, and never shown."""

from pathlib import Path

import pytest

from edgetx import secret as module
from edgetx.document import Node, read
from edgetx.errors import SettingsError
from edgetx.scalars import Wrong
from edgetx.secret import CredentialMissing, Secret, SecretReader, reveal

FORMS = "{credential: ID}, {file: PATH} or {env: NAME}"
PRIVATE = SecretReader(Path("/etc/edgetx/e.yaml"), {"KEY": "s3cret"}, world_readable=False)
PUBLIC = SecretReader(Path("/etc/edgetx/e.yaml"), {}, world_readable=True)


def node(text: str) -> Node:
    ((_, value),) = read(f"a: {text}", name="e.yaml").pairs
    return value


def wrong(text: str, reader: SecretReader = PRIVATE) -> str:
    with pytest.raises(Wrong) as caught:
        reader(node(text))
    return str(caught.value)


def unrevealed(secret: Secret, environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        reveal(secret, environment, where="mqtt.password")
    (only,) = caught.value.faults
    return only


# --- in the settings -------------------------------------------------------------------------------------------


def test_the_places_of_a_secret() -> None:
    assert PRIVATE(node("{credential: mqtt}")) == Secret("credential", "mqtt")
    assert PRIVATE(node("{file: key}")) == Secret("file", "/etc/edgetx/key")
    assert PRIVATE(node("{env: KEY}")) == Secret("env", "KEY")
    assert PRIVATE(node("s3cret")) == Secret("text", "s3cret")


def test_plain_text_where_everyone_can_read_it() -> None:
    assert wrong("s3cret", PUBLIC) == (
        "is a secret in a file that everyone on this machine can read; run 'chmod 640 /etc/edgetx/e.yaml' (or 600), "
        f"or keep it elsewhere and write {FORMS}"
    )


@pytest.mark.parametrize("text", ["1234", "on", "[s3cret]", "''", ""])
def test_what_is_no_text_is_not_shown_as_it_may_be_the_secret(text: str) -> None:
    assert wrong(text) == f"is not a text; quote it, or say where the secret is kept, {FORMS}"


@pytest.mark.parametrize("text", ["{}", "{file: a, env: b}", "{s3cret: }"])
def test_a_mapping_that_names_no_place(text: str) -> None:
    assert wrong(text) == f"must name the one place where the secret is kept, {FORMS}"


def test_a_mistyped_place() -> None:
    assert (
        wrong("{credentail: x}")
        == f"must name the one place where the secret is kept, {FORMS}; did you mean 'credential'?"
    )


def test_a_place_that_cannot_be() -> None:
    assert wrong("{credential: ../x}") == "'../x' is no credential ID; it is a file name, without '/' and ':'"
    assert wrong("{file: ~/x}") == "'~/x' begins with '~', and a daemon has no home; write the whole path"
    assert wrong("{env: [a]}") == "is a list; it must be text"
    assert wrong("{env: NOKEY}") == (
        "the environment variable 'NOKEY' is not set; set it, or keep the secret elsewhere: {credential: ID}"
    )


# --- fetched ---------------------------------------------------------------------------------------------------


def test_a_secret_is_fetched_from_its_place(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    environment = {"KEY": "s3cret", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    for secret in (
        Secret("text", "s3cret"),
        Secret("env", "KEY"),
        Secret("file", str(tmp_path / "key")),
        Secret("credential", "key"),
    ):
        assert reveal(secret, environment, where="mqtt.password") == "s3cret"


def test_a_newline_of_another_system_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"s3cret\r\n")
    assert reveal(Secret("file", str(tmp_path / "key")), {}, where="x") == "s3cret"


def test_a_variable_that_is_not_set() -> None:
    assert unrevealed(Secret("env", "KEY"), {}) == (
        "mqtt.password: the environment variable 'KEY' is not set; "
        "set it, or keep the secret elsewhere: {credential: ID}"
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert unrevealed(Secret("file", str(tmp_path / "key")), {}) == (
        f"mqtt.password: cannot read {tmp_path}/key (No such file or directory); "
        "check that the file is there and that the daemon's user may read it"
    )


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    assert "(it is not UTF-8 text)" in unrevealed(Secret("file", str(tmp_path / "key")), {})


def missing(secret: Secret, directory: Path) -> str:
    with pytest.raises(CredentialMissing) as caught:
        reveal(secret, {"CREDENTIALS_DIRECTORY": str(directory)}, where="mqtt.password")
    (only,) = caught.value.faults
    return only


def test_outside_of_the_service_a_credential_is_where_the_service_has_it_from(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "CREDENTIALS", tmp_path)
    with pytest.raises(SettingsError) as caught:
        reveal(Secret("credential", "mqtt"), {}, where="mqtt.password")
    assert type(caught.value) is SettingsError
    assert str(caught.value) == (
        f"mqtt.password: cannot read {tmp_path}/mqtt (No such file or directory); outside of the service, credentials "
        "are looked for there: put it there, and be root (sudo)"
    )
    (tmp_path / "mqtt").write_text("s3cret\n")
    assert reveal(Secret("credential", "mqtt"), {}, where="mqtt.password") == "s3cret"


def test_a_credential_that_the_unit_does_not_load(tmp_path: Path) -> None:
    assert missing(Secret("credential", "mqtt"), tmp_path) == (
        "mqtt.password: the unit loads no credential 'mqtt'; type 'sudo systemctl edit edgetx', write "
        "'[Service]' and 'LoadCredential=mqtt:/etc/edgetx/credentials/mqtt', then put the secret into "
        "/etc/edgetx/credentials/mqtt (root's, mode 600) and type: sudo systemctl restart edgetx"
    )


@pytest.mark.parametrize("data", [b"", b"\n"])
def test_a_credential_that_stands_in_for_a_file_that_is_not_there(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "mqtt").write_bytes(data)
    assert missing(Secret("credential", "mqtt"), tmp_path) == (
        "mqtt.password: the credential 'mqtt' is empty; put the secret into /etc/edgetx/credentials/mqtt "
        "(root's, mode 600) and type: sudo systemctl restart edgetx"
    )


def test_a_credential_that_cannot_be_read_is_no_missing_one(tmp_path: Path) -> None:
    (tmp_path / "mqtt").mkdir()
    assert "(Is a directory)" in unrevealed(Secret("credential", "mqtt"), {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_a_secret_that_is_not_one_line() -> None:
    assert unrevealed(Secret("env", "KEY"), {"KEY": ""}) == (
        "mqtt.password: the secret is empty where it is kept; put it there"
    )
    assert unrevealed(Secret("env", "KEY"), {"KEY": "s3cret\nmore"}) == (
        "mqtt.password: there are several lines where the secret is kept; leave the one that it is"
    )


def test_a_secret_is_not_shown() -> None:
    secret = Secret("text", "s3cret")
    assert "s3cret" not in repr(secret)
    assert secret.without_secret() == "***"
    assert Secret("env", "KEY").without_secret() == {"env": "KEY"}
