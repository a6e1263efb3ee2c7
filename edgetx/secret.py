"""A secret: where it is kept, how the settings say so, and how it is fetched.

The settings hold the place, so they can be shown and published. `reveal` fetches the secret itself, once, at the rim;
no text made here ever holds it.

A credential is what systemd hands over at the service's start. One that is empty is one that is not there: the unit's
drop-ins have systemd pass an empty line for each whose file is missing, so that the service starts without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from edgetx import scalars
from edgetx.checks import credential_id, shown
from edgetx.document import Entries, Node
from edgetx.errors import SettingsError
from edgetx.scalars import Wrong, did_you_mean

_Kind = Literal["credential", "file", "env", "text"]
_KINDS = ("credential", "file", "env")
CREDENTIALS = Path("/etc/edgetx/credentials")
"""Where the unit's drop-ins have the credentials from. Outside of the service they are looked for there: root may."""

_FORMS = "{credential: ID}, {file: PATH} or {env: NAME}"


class CredentialMissing(SettingsError):
    """Systemd passed no such credential, or an empty one: a new start may bring it, a reload will not."""


class _NotPassed(Wrong):
    pass


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept, or (``text``) the secret itself, allowed only in a file that others cannot read."""

    kind: _Kind
    value: str = field(repr=False)

    def without_secret(self) -> str | dict[str, str]:
        """Return what may be shown and published: the place, as the settings say it, or stars."""
        return "***" if self.kind == "text" else {self.kind: self.value}


@dataclass(frozen=True, slots=True)
class SecretReader:
    """Reads a secret in the settings at ``path``; plain text is refused there when all may read the file."""

    path: Path
    environment: Mapping[str, str]
    world_readable: bool

    def __call__(self, node: Node) -> Secret:
        """Return the secret that ``node`` names; raise Wrong."""
        if not isinstance(node, Entries):
            return self._plain(node)
        kinds = [key.text for key, _ in node.pairs]
        if len(kinds) != 1 or kinds[0] not in _KINDS:
            near = did_you_mean(kinds[0], _KINDS) if len(kinds) == 1 else ""
            raise Wrong(f"must name the one place where the secret is kept, {_FORMS}{near}")
        return self._kept(cast("_Kind", kinds[0]), node.pairs[0][1])

    def _plain(self, node: Node) -> Secret:
        try:
            secret = Secret("text", scalars.text(node))
        except Wrong:  # Its words may hold what ought to be the secret.
            raise Wrong(f"is not a text; quote it, or say where the secret is kept, {_FORMS}") from None
        if self.world_readable:
            raise Wrong(
                f"is a secret in a file that everyone on this machine can read; run 'chmod 640 {self.path}' (or 600), "
                f"or keep it elsewhere and write {_FORMS}"
            )
        return secret

    def _kept(self, kind: _Kind, node: Node) -> Secret:
        if kind == "file":
            return Secret(kind, str(scalars.path(node, directory=self.path.parent)))
        name = scalars.text(node)
        if kind == "credential" and (fault := credential_id(name)):
            raise Wrong(fault)
        if kind == "env" and name not in self.environment:
            raise Wrong(_unset(name))
        return Secret(kind, name)


def reveal(secret: Secret, environment: Mapping[str, str], *, where: str) -> str:
    """Fetch ``secret``. Raise SettingsError, one sentence that begins with ``where``, when it is not to be had.

    Of a credential that is not there it is a CredentialMissing. One newline at the end of a file is no part of the
    secret.
    """
    try:
        return _one_line(_fetch(secret, environment))
    except _NotPassed as wrong:
        raise CredentialMissing([f"{where}: {wrong}"]) from wrong.__cause__
    except Wrong as wrong:
        raise SettingsError([f"{where}: {wrong}"]) from wrong.__cause__


def _fetch(secret: Secret, environment: Mapping[str, str]) -> str:
    if secret.kind == "text":
        return secret.value
    if secret.kind == "env":
        if secret.value not in environment:
            raise Wrong(_unset(secret.value))
        return environment[secret.value]
    if secret.kind == "file":
        return _read(Path(secret.value), remedy="check that the file is there and that the daemon's user may read it")
    return _credential(secret.value, environment.get("CREDENTIALS_DIRECTORY"))


def _credential(name: str, directory: str | None) -> str:
    file = CREDENTIALS / name
    if directory is None:
        remedy = "outside of the service, credentials are looked for there: put it there, and be root (sudo)"
        return _read(file, remedy=remedy)
    passed = Path(directory, name)
    remedy = f"put the secret into {file} (root's, mode 600) and type: sudo systemctl restart edgetx"
    if not passed.exists():
        lines = f"'[Service]' and 'LoadCredential={name}:{file}'"
        raise _NotPassed(
            f"the unit loads no credential {name!r}; type 'sudo systemctl edit edgetx', write {lines}, then {remedy}"
        )
    if not (value := _read(passed, remedy=remedy)):
        raise _NotPassed(f"the credential {name!r} is empty; {remedy}")
    return value


def _read(path: Path, *, remedy: str) -> str:
    try:
        return path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a name that no file can have.
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is not UTF-8 text"
        raise Wrong(f"cannot read {path} ({reason}); {remedy}") from error


def _one_line(value: str) -> str:
    if not value:
        raise Wrong("the secret is empty where it is kept; put it there")
    if len(value.splitlines()) > 1:
        raise Wrong("there are several lines where the secret is kept; leave the one that it is")
    return value


def _unset(name: str) -> str:
    return (
        f"the environment variable {shown(name)} is not set; set it, or keep the secret elsewhere: {{credential: ID}}"
    )
