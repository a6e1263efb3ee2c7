"""The documented example holds every setting, with its real default, and is right as shipped and uncommented."""

import dataclasses
import re
from pathlib import Path
from typing import Any

from edgetx import boards, document
from edgetx.config import (
    AlsaSettings,
    Config,
    Direction,
    KeepSettings,
    MicrophoneSettings,
    MqttSettings,
    Secret,
    StateSettings,
    WavSettings,
    parse,
)
from edgetx.listening import DEFAULT_WIDTH_DEG
from edgetx.provider_settings import AiolaSettings, AssemblyAISettings, AssemblyAIV2Settings, LocalSettings

EXAMPLE = Path(__file__).parents[1] / "config" / "edgetx.yaml"
CLASSES: list[Any] = [
    Config,
    MqttSettings,
    StateSettings,
    LocalSettings,
    AssemblyAISettings,
    AssemblyAIV2Settings,
    AiolaSettings,
    AlsaSettings,
    WavSettings,
    KeepSettings,
    MicrophoneSettings,
]
SECTIONS = {"mqtt", "state", "providers", "microphones", "source", "keep"}


def settings(text: str) -> Config:
    return parse(text, path="edgetx.yaml", environment={}, host_name="kitchen", world_readable=True)


DEFAULT = re.compile(r"\[([^\]]*?)(?:: [^\]]*)?\]$")


def uncommented() -> str:
    return re.sub(r"(?m)^( *)#(?=[a-z-])", r"\1", EXAMPLE.read_text())


def documented(node: document.Node, value: Any) -> list[tuple[type, str, int]]:
    """(class, setting, line) of every setting in ``node``, whose value is ``value``."""
    if isinstance(node, document.Items):
        return [place for item, part in zip(node.nodes, value, strict=True) for place in documented(item, part)]
    if not isinstance(node, document.Entries) or isinstance(value, Secret | int | Direction):
        return []
    places = []
    for key, below in node.pairs:
        if dataclasses.is_dataclass(value):
            places.append((type(value), key.text, key.line))
        part = value.get(key.text) if isinstance(value, dict) else getattr(value, key.text)
        places += documented(below, part)
    return places


def test_the_example_as_shipped_is_the_smallest_useful_file() -> None:
    assert settings(EXAMPLE.read_text()) == settings("microphones: [{name: desk}]")


def test_the_example_uncommented_shows_every_setting() -> None:
    text = uncommented()
    shown = {(cls, name) for cls, name, _ in documented(document.read(text, name="e"), settings(text))}
    assert shown == {(cls, part.name) for cls in CLASSES for part in dataclasses.fields(cls)}


def test_each_default_in_the_example_is_the_real_one() -> None:
    text = uncommented()
    lines = text.splitlines()
    for cls, name, line in documented(document.read(text, name="e"), settings(text)):
        if name not in SECTIONS:
            described = DEFAULT.search(lines[line - 2])
            assert described, f"line {line}: the line above {cls.__name__}.{name} ends in no [default]"
            assert described[1] in defaults_in_words(cls, name), f"line {line}"


def test_the_example_names_every_board_and_every_part_of_a_direction() -> None:
    text = EXAMPLE.read_text()
    for name in [board.name for board in boards.all()] + [part.name for part in dataclasses.fields(Direction)]:
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", text), name
    assert f"{DEFAULT_WIDTH_DEG:g} unless set" in text


def defaults_in_words(cls: Any, name: str) -> list[str]:
    if (cls, name) == (Config, "device"):
        return ["the host name"]
    (part,) = (part for part in dataclasses.fields(cls) if part.name == name)
    factory = part.default_factory
    value = part.default if factory is dataclasses.MISSING else factory()
    if value is dataclasses.MISSING:
        return ["required"]
    if value in (None, (), {}):
        return ["none"]
    if isinstance(value, tuple):
        return [", ".join(value)]
    return [str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)]
