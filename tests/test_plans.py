"""What a change of the settings touches, read off the plans."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgetx.config import StateSettings
from edgetx.errors import SettingsError
from edgetx.plans import broker_plans, fixed_settings, microphone_plans, read_settings

SETTINGS = """\
device: lab
mqtt: {{url: "mqtt://127.0.0.1", username: me, password: {{file: "{folder}/password"}}}}
providers:
  one: {{type: assemblyai, api_key: {{file: "{folder}/key"}}}}
  two: {{type: assemblyai, api_key: {{env: KEY}}}}
microphones:
  - {{name: desk, provider: one}}
  - {{name: hall, provider: two}}
"""


def changed(folder: Path, *edits: tuple[str, str], key: str = "k", password: str = "p") -> set[str]:
    """The names of the plans that are others after ``edits`` of the text, and with these secrets."""
    path = folder / "edgetx.yaml"

    def plans(text: str, key: str, password: str) -> dict[str, object]:
        path.write_text(text)
        (folder / "key").write_text(key)
        (folder / "password").write_text(password)
        settings = read_settings(path, {"KEY": "k"})
        return {**microphone_plans(settings), **broker_plans(settings)}

    text = SETTINGS.format(folder=folder)
    before = plans(text, "k", "p")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    after = plans(text, key, password)
    assert not any(secret in repr(after) for secret in ("'k'", "'p'", key, password) if len(secret) > 1)
    return {name for name in before | after if before.get(name) != after.get(name)}


@pytest.mark.parametrize(
    ("edit", "touched"),
    [
        (("name: desk", "name: porch"), {"desk", "porch"}),
        (("name: desk", "catch_up_seconds: 3, name: desk"), {"desk"}),
        (("one: {type: assemblyai", "one: {type: assemblyai, format_turns: true"), {"desk"}),
        (("device: lab", "device: attic"), {"mqtt"}),
        (("127.0.0.1", "127.0.0.2"), {"mqtt"}),
        (("providers:", "# a remark\nproviders:"), set()),
        (("two: {", "three: {type: local}\n  two: {"), set()),
    ],
)
def test_a_change_touches_what_depends_on_it(tmp_path, edit, touched):
    assert changed(tmp_path, edit) == touched


def test_another_secret_in_the_same_place_is_a_change(tmp_path):
    assert changed(tmp_path, key="another-key") == {"desk"}
    assert changed(tmp_path, password="another-password") == {"mqtt"}


def test_the_order_of_microphones_is_no_change(tmp_path):
    desk, hall = "{name: desk, provider: one}", "{name: hall, provider: two}"
    assert changed(tmp_path, (desk, "X"), (hall, desk), ("X", hall)) == set()


def test_a_secret_that_is_not_there_is_a_fault(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text(SETTINGS.format(folder=tmp_path))
    with pytest.raises(SettingsError, match=r"providers\.one\.api_key: cannot read"):
        read_settings(path, {"KEY": "k"})


def test_what_is_looked_at_only_at_the_start_is_named(tmp_path):
    path = tmp_path / "edgetx.yaml"
    path.write_text("microphones: [{name: desk}]\n")
    before, _ = read_settings(path, {})
    after = replace(before, state=StateSettings(durability="power"), device="attic")
    assert fixed_settings(before, after) == ["state.durability"]
    assert fixed_settings(after, replace(after, device="lab")) == []
