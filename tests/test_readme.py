"""What the README shows must be true: its payloads fit the schemas, its settings parse, its commands exist."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from edgetx import boards
from edgetx.config import Config, parse
from edgetx.doctor import report
from edgetx.doctor.provider import REMEDIES
from edgetx.mqtt.schemas import schema
from edgetx.provider_settings import AiolaSettings, ProviderSettings

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text()
MESSAGES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]
SETTINGS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
DOCTOR = re.findall(r"```console\n\$ edgetx doctor .*?\n(.*?)```", README, re.DOTALL)


def topics_in_the_table() -> set[str]:
    return set(re.findall(r"^\| `<base>/<device>/(\S+)` \|", README, re.MULTILINE))


def generic(topic: str) -> str:
    head, _, name = topic.removeprefix("edgetx/kitchen/").partition("/")
    return (
        f"{head}/<name>" if head in {"request", "response"} else f"{head}/{name}".rstrip("/").replace("desk/", "<mic>/")
    )


def test_every_topic_of_the_table_has_an_example_and_every_example_a_row():
    assert topics_in_the_table() == {generic(message["topic"]) for message in MESSAGES}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["topic"])
def test_an_example_is_what_the_schema_says(message):
    kind = generic(message["topic"]).removesuffix("/<name>").rpartition("/")[2]
    kind = "transcript" if kind in {"final", "partial"} else kind
    jsonschema.validate(message["payload"], schema(kind), format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("text", SETTINGS)
def test_its_settings_are_right(text):
    assert config(text).microphones


def config(text: str) -> Config:
    return parse(text, path="edgetx.yaml", environment={}, host_name="pi", world_readable=True)


def rows_under(heading: str) -> set[str]:
    """What stands in the first column of the table below its head."""
    table = README.partition(f"\n| `{heading}` |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE))


def test_every_type_of_provider_has_a_row_and_an_example_that_a_microphone_uses():
    used = [settings for text in SETTINGS for settings in config(text).providers.values()]
    for text in SETTINGS:
        for name in config(text).providers:
            assert name in {microphone.provider for microphone in config(text).microphones}
    types = {field.default for kind in get_args(ProviderSettings) for field in fields(kind) if field.name == "type"}
    assert {settings.type for settings in used} == types == rows_under("type")
    generations = {settings.auth_type for settings in used if isinstance(settings, AiolaSettings)}
    assert generations == {"x-api-key", "bearer", "aiola-session"}


def test_every_event_that_has_fields_of_its_own_has_a_row():
    assert rows_under("event") == {part["if"]["properties"]["event"]["const"] for part in schema("event")["allOf"]}


def test_every_board_has_a_row_that_says_how_it_is_recognised():
    assert rows_under("array:") == {board.name for board in boards.all()}
    for board in boards.all():
        (row,) = re.findall(rf"^\| `{board.name}` \|.*$", README, re.MULTILINE)
        alike = {other.name for other in boards.all() if set(other.cards) & set(board.cards)} - {board.name}
        assert all(part in row for part in (*board.usb, *alike, f"| {board.title} |"))
        assert ("line of" in row) == board.linear


def test_the_doctor_finds_what_it_can_find_in_the_order_in_which_it_looks():
    steps = [name for name in REMEDIES if name != "started"]
    well, ill = ([line for line in lines.splitlines()[1:] if line[0] != " "] for lines in DOCTOR)
    assert [line[:20].split() for line in well] == [[step, "ok"] for step in steps]
    assert [line[:20].split() for line in ill] == [*([step, "ok"] for step in steps[:2]), [steps[2], "FAILED"]]
    assert " ".join(DOCTOR[1].split()).endswith(REMEDIES["authorised"])
    assert max(map(len, "".join(DOCTOR).splitlines())) <= report.COLUMNS


def test_the_files_and_scripts_that_it_names_exist():
    named = set(re.findall(r"\]\((\w[\w./-]*)\)", README)) | set(re.findall(r"`?(scripts/[\w-]+)", README))
    named |= set(re.findall(r"tests/[\w/]+(?:\.py)?", README))
    missing = sorted(name for name in named if not (CHECKOUT / name).exists())
    assert missing == []
