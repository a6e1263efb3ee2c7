"""What the README shows must be true: its payloads fit the schemas, its settings parse, its commands exist."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from edgetx.config import parse
from edgetx.mqtt.schemas import schema

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text()
MESSAGES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]
SETTINGS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


def topics_in_the_table() -> set[str]:
    return set(re.findall(r"^\| `<base>/<device>/(\S+)` \|", README, re.MULTILINE))


def generic(topic: str) -> str:
    return topic.removeprefix("edgetx/kitchen/").replace("desk/", "<mic>/")


def test_every_topic_of_the_table_has_an_example_and_every_example_a_row():
    assert topics_in_the_table() == {generic(message["topic"]) for message in MESSAGES}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["topic"])
def test_an_example_is_what_the_schema_says(message):
    kind = message["topic"].rpartition("/")[2]
    kind = "transcript" if kind in {"final", "partial"} else kind
    jsonschema.validate(message["payload"], schema(kind), format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("text", SETTINGS)
def test_its_settings_are_right(text):
    assert parse(text, path="edgetx.yaml", environment={}, host_name="pi", world_readable=True).microphones


def test_the_files_and_scripts_that_it_names_exist():
    named = set(re.findall(r"\]\((\w[\w./-]*)\)", README)) | set(re.findall(r"`?(scripts/\w+)", README))
    named |= set(re.findall(r"tests/[\w/]+(?:\.py)?", README))
    missing = sorted(name for name in named if not (CHECKOUT / name).exists())
    assert missing == []
