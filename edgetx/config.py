"""The settings: what one YAML file on the device says, as frozen values.

Defaults and ranges stand here, at the setting, and nowhere else; `config/edgetx.yaml` documents each one and a test
keeps the two together. `parse` is pure: it touches no file that the settings name, so a missing certificate or
recording is the business of whoever opens it. A relative path is relative to the settings' own directory, whatever
directory the daemon runs in, and ``~`` is refused: a daemon has no home.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from edgetx import boards, document, listening, scalars
from edgetx.board import Board
from edgetx.checks import MAX_CHANNELS, Address, Range, identifier, level_period, shown, silent_period, topic
from edgetx.decode import At, Decoder, Fault, Rule, place_name
from edgetx.errors import SettingsError
from edgetx.listening import ArraySettings, Direction, Listen
from edgetx.provider_settings import LocalSettings, ProviderSettings
from edgetx.scalars import did_you_mean, one_of
from edgetx.secret import Secret, SecretReader, reveal
from edgetx.tokens import alsa_name

__all__ = [
    "MAX_CHANNELS",
    "AlsaSettings",
    "ArraySettings",
    "Board",
    "Config",
    "Direction",
    "KeepSettings",
    "Listen",
    "MicrophoneSettings",
    "MqttSettings",
    "Secret",
    "SourceSettings",
    "StateSettings",
    "WavSettings",
    "load",
    "parse",
    "reveal",
    "without_secrets",
]

HOST_NAME = Path("/proc/sys/kernel/hostname")
WORLD_READABLE = 0o004

Name = Annotated[str, identifier]


def _password_has_user(password: Secret | None, username: str | None) -> str | None:
    return "needs a 'username' beside it; add one" if password and not username else None


def _certificate_is_whole(cert_file: Path | None, key_file: Path | None) -> str | None:
    if (cert_file is None) == (key_file is None):
        return None
    return "'cert_file' and 'key_file' come together; add the other one"


def _files_need_tls(ca_file: Path | None, cert_file: Path | None, url: str) -> str | None:
    if not (ca_file or cert_file) or url.startswith(("mqtts:", "wss:")):
        return None
    return "is for an encrypted connection; write mqtts:// or wss:// in 'url', or take it away"


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The broker."""

    url: Annotated[str, Address(("mqtt", "mqtts", "ws", "wss"), "'username' and 'password'")] = "mqtt://localhost:1883"
    username: str | None = None
    password: Secret | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    base_topic: Annotated[str, topic] = "edgetx"

    RULES: ClassVar = (
        Rule(("password", "username"), _password_has_user),
        Rule(("cert_file", "key_file"), _certificate_is_whole),
        Rule(("ca_file", "cert_file", "url"), _files_need_tls),
    )


@dataclass(frozen=True, slots=True)
class AlsaSettings:
    """An ALSA capture device, by a token or a name of ALSA's. None: what suits 16 kHz mono best of what it offers."""

    alsa: Annotated[str, alsa_name] = "default"
    sample_rate: Annotated[int, Range(8_000, 96_000)] | None = None
    channels: Annotated[int, Range(1, MAX_CHANNELS)] | None = None
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
    """How much sound is kept for a provider that is away: what no longer fits in memory goes to the disk."""

    memory_seconds: Annotated[float, Range(10, 3_600)] = 120.0
    disk_megabytes: Annotated[int, Range(0, 1_000_000)] = 512


@dataclass(frozen=True, slots=True)
class StateSettings:
    """What a restart finds again. ``durability``: what it is to survive, a crash or also the loss of power."""

    durability: Literal["crash", "power"] = "crash"


def _channels(source: SourceSettings) -> int | None:
    return source.channels if isinstance(source, AlsaSettings) else None


def _channel_is_there(listen: Listen, source: SourceSettings, array: ArraySettings | None) -> str | None:
    return listening.channel_is_there(listen, _channels(source), array)


def _array_is_there(array: ArraySettings | None, source: SourceSettings) -> str | None:
    if array == "auto" and isinstance(source, WavSettings):
        return "a recording has no card to be recognised by; write the name of the board"
    return listening.array_is_there(array, _channels(source))


def _is_no_other_topic(name: str) -> str | None:
    return f"{name!r} is the topic of {name}s; choose another name" if name in {"request", "response"} else None


@dataclass(frozen=True, slots=True)
class MicrophoneSettings:
    """One microphone: a source, what to take of it, and who transcribes it.

    ``listen``: ``auto`` (an array's adaptive beam; without an array, the first channel), ``mix`` (the mean of all),
    ``delay-and-sum``, a direction, or a channel's number, from 0.
    ``gate``: whether sound without speech is kept from the provider, and its session closed meanwhile:
    ``close_after_seconds`` without speech, where that is asked for.
    ``max_session_minutes_per_day``: so long may a provider's sessions be open; 0 is any time.
    ``silent_seconds``: how long one value is heard before that is called digital silence; 0: for ever.
    ``level_seconds``: how often ``level`` is published; 0 is never.
    """

    name: Name = field(metadata={"example": "desk"})
    source: SourceSettings = field(default_factory=AlsaSettings)
    array: ArraySettings | None = None
    listen: Listen = "auto"
    gate: Literal["off", "send-speech", "close-when-silent"] = "off"
    close_after_seconds: Annotated[float, Range(1, 3_600)] = 30.0
    provider: str = "local"
    max_session_minutes_per_day: Annotated[float, Range(0)] = 0.0
    catch_up_seconds: Annotated[float, Range(0)] = 10.0
    keep: KeepSettings = field(default_factory=KeepSettings)
    silent_seconds: Annotated[float, silent_period] = 1.5
    level_seconds: Annotated[float, level_period] = 0.0

    RULES: ClassVar = (
        Rule(("listen", "source", "array"), _channel_is_there),
        Rule(("array", "source"), _array_is_there),
        Rule(("listen", "array"), listening.listens_by_an_array),
        Rule(("name",), _is_no_other_topic),
    )


def _at_least_one(microphones: tuple[MicrophoneSettings, ...]) -> str | None:
    return None if microphones else "there is none; add one: [{name: desk}]"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything. ``providers`` always holds those that the microphones name."""

    device: Name
    microphones: Annotated[tuple[MicrophoneSettings, ...], _at_least_one] = field(
        metadata={"example": "[{name: desk}]"}
    )
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    state: StateSettings = field(default_factory=StateSettings)
    providers: dict[str, ProviderSettings] = field(default_factory=dict)


def parse(
    text: str,
    *,
    path: str,
    environment: Mapping[str, str],
    host_name: str,
    world_readable: bool,
    chosen: Callable[[str], ArraySettings] = boards.chosen,
) -> Config:
    """Return the settings that ``text`` is; ``path``, where it was read, begins each fault.

    ``world_readable``: everyone on the machine can read that file. ``chosen`` knows what a word for an array means,
    or raises SettingsError. Raise SettingsError with all faults, by line.
    """
    decoder = Decoder(
        converters={
            Path: partial(scalars.path, directory=Path(path).parent),
            Secret: SecretReader(Path(path), environment, world_readable),
            Listen: listening.listen,
            ArraySettings | None: partial(listening.array, chosen=chosen),
        },
        implied={("device",): _identifier_of(host_name)},
    )
    decoder.decode(Config, document.read(text, name=path))
    faults = sorted([*decoder.faults, *_misnamed(decoder)], key=lambda fault: fault.line)
    if faults:
        raise SettingsError([f"{path}:{fault.line}: {place_name(fault.at)}: {fault.text}" for fault in faults])
    config: Config = decoder.values[()]
    if any(microphone.provider == "local" for microphone in config.microphones):
        return replace(config, providers={"local": LocalSettings(), **config.providers})
    return config


def load(path: str | Path, environment: Mapping[str, str]) -> Config:
    """Read the settings at ``path``. Raise SettingsError when they cannot be read, or with all faults in them."""
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            text = file.read(document.MAX_BYTES + 1)
        world_readable = bool(Path(path).stat().st_mode & WORLD_READABLE)
    except UnicodeDecodeError as error:
        raise SettingsError([f"{path}: the file is not UTF-8 text; save it as UTF-8"]) from error
    except FileNotFoundError as error:
        raise SettingsError([f"{path}: there is no such file; name the settings with --config FILE"]) from error
    except IsADirectoryError as error:
        raise SettingsError([f"{path}: is a directory; name the file in it"]) from error
    except OSError as error:
        reason = error.strerror
        raise SettingsError([f"{path}: cannot be read ({reason}); check who may read it: ls -l {path}"]) from error
    host_name = HOST_NAME.read_text("utf-8")
    return parse(text, path=str(path), environment=environment, host_name=host_name, world_readable=world_readable)


def without_secrets(value: Any) -> Any:
    """Return settings as JSON has them, without what must stay secret: places of secrets stay, texts become stars."""
    if isinstance(value, Secret | Board):
        return value.without_secret() if isinstance(value, Secret) else listening.as_written(value)
    if is_dataclass(value):
        return {part.name: without_secrets(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, dict):
        return {name: without_secrets(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [without_secrets(part) for part in value]
    if isinstance(value, str):  # What follows the '?' of an address may be a signature or a token.
        address, mark, _ = value.partition("?")
        return f"{address}?***" if mark and "://" in address else value
    return str(value) if isinstance(value, Path) else value


def _misnamed(decoder: Decoder) -> Iterator[Fault]:
    """Yield what is wrong with names across the document: microphones that share one, providers that are not there."""
    providers = {"local", *(str(at[1]) for at in decoder.lines if at[:-1] == ("providers",))}
    first: dict[str, At] = {}
    for at, value in decoder.values.items():
        match at:
            case ("microphones", int(), "name"):
                if (other := first.setdefault(value, at)) != at:
                    taken = f"{value!r} is already the name on line {decoder.lines[other]}; choose another"
                    yield Fault(decoder.lines[at], at, taken)
            case ("microphones", int(), "provider") if value not in providers:
                known = did_you_mean(value, providers) or f"; there is {one_of(sorted(providers))}"
                yield Fault(decoder.lines[at], at, f"{shown(value)} is not under 'providers'{known}")


def _identifier_of(host_name: str) -> str:
    """Return the first label of ``host_name`` in the characters of a name."""
    label = host_name.strip().partition(".")[0].lower()
    return re.sub("[^a-z0-9_-]+", "-", label).strip("-")[:64] or "edgetx"
