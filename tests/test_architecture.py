"""The house rules hold for edgetx; and each of them catches a planted breach."""

import tomllib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest

from tests import architecture as rules

PROJECT = Path(__file__).parents[1]
SOURCES = {path.relative_to(PROJECT).as_posix(): path.read_text() for path in (PROJECT / "edgetx").rglob("*.py")}
PURE = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["edgetx"]["pure"]

Rule = Callable[[rules.Tree], Iterable[str]]

RULES: dict[str, Rule] = {
    "layers": rules.layer_breaches,
    "doors": rules.door_breaches,
    "broad except": rules.broad_except_breaches,
    "circles": rules.circle_breaches,
    "globals": rules.global_breaches,
    "constructors": rules.constructor_breaches,
    "purity": partial(rules.purity_breaches, pure=PURE),
    "size": rules.size_breaches,
    "docstrings": rules.docstring_breaches,
}

CONSTRUCTOR = "class A(B):\n    def __init__(self, x):\n        super().__init__(x)\n        self.x = [x]"
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 40

BREACHES = [
    ("layers", "edgetx/errors.py", "import edgetx.audio.wav"),
    ("layers", "edgetx/retry.py", "from edgetx.log import setup"),
    ("layers", "edgetx/audio/wav.py", "from edgetx.speech.events import Word"),
    ("layers", "edgetx/audio/wav.py", "from edgetx.log import setup"),
    ("layers", "edgetx/speech/ledger.py", "from edgetx.audio.capture import Capture"),
    ("layers", "edgetx/speech/ledger.py", "from edgetx.audio import capture"),
    ("layers", "edgetx/speech/ledger.py", "from ..audio import capture"),
    ("layers", "edgetx/speech/ledger.py", "def f():\n    from edgetx.mqtt.topics import Kind"),
    ("layers", "edgetx/mqtt/topics.py", "from edgetx.speech.ledger import Ledger"),
    ("layers", "edgetx/mqtt/topics.py", "from edgetx.audio.format import RATE"),
    ("layers", "edgetx/supervisor.py", "from edgetx.app import build"),
    ("layers", "edgetx/app.py", "from edgetx.cli import main"),
    ("layers", "edgetx/new_thing.py", ""),
    ("doors", "edgetx/speech/transcriber.py", "import websockets"),
    ("doors", "edgetx/speech/transcriber.py", "from websockets.client import ClientProtocol"),
    ("doors", "edgetx/app.py", "def f():\n    import systemd.daemon"),
    ("doors", "edgetx/mqtt/topics.py", "import numpy as np"),
    ("doors", "edgetx/audio/alsa.py", "import soxr"),
    ("doors", "edgetx/audio/alsa.py", "import requests"),
    ("doors", "edgetx/state.py", "import sqlite3"),
    ("broad except", "edgetx/audio/wav.py", "try:\n    f()\nexcept Exception:\n    pass"),
    ("broad except", "edgetx/audio/wav.py", "try:\n    f()\nexcept (OSError, BaseException) as e:\n    pass"),
    ("broad except", "edgetx/audio/wav.py", "try:\n    f()\nexcept:\n    pass"),
    ("broad except", "edgetx/audio/wav.py", "with contextlib.suppress(Exception):\n    f()"),
    ("globals", "edgetx/audio/wav.py", "cache = {}"),
    ("globals", "edgetx/audio/wav.py", "_cache: dict[str, int] = {}"),
    ("globals", "edgetx/audio/wav.py", "A, b = 1, 2"),
    ("globals", "edgetx/audio/wav.py", "SEEN = set()\ndef f(x):\n    SEEN.add(x)"),
    ("globals", "edgetx/audio/wav.py", "SEEN = {}\ndef f(x):\n    SEEN[x] = 1"),
    ("globals", "edgetx/audio/wav.py", "SEEN = {}\ndef f(x):\n    del SEEN[x]"),
    ("globals", "edgetx/audio/wav.py", "COUNT = 0\ndef f():\n    global COUNT\n    COUNT += 1"),
    ("constructors", "edgetx/audio/wav.py", "class A:\n    def __init__(self):\n        self.go()"),
    (
        "constructors",
        "edgetx/audio/wav.py",
        "class A:\n    def __init__(self, x):\n        if x:\n            self.x = x",
    ),
    ("constructors", "edgetx/audio/wav.py", "class A:\n    def __init__(self, p):\n        self.file = open(p)"),
    ("purity", "edgetx/mqtt/topics.py", "import time"),
    ("purity", "edgetx/mqtt/topics.py", "from os import environ"),
    ("purity", "edgetx/mqtt/topics.py", "async def f(): ..."),
    ("purity", "edgetx/mqtt/topics.py", "def f():\n    return datetime.now(UTC)"),
    ("size", "edgetx/audio/wav.py", "\n" * 301),
    ("size", "edgetx/audio/wav.py", LONG_FUNCTION),
    ("docstrings", "edgetx/audio/wav.py", "X = 1"),
]

ALLOWED = [
    ("layers", "edgetx/audio/wav.py", "from edgetx.errors import TryAgain\nfrom edgetx.audio.format import RATE"),
    ("layers", "edgetx/speech/ledger.py", "from edgetx.audio.log import AudioLog\nfrom edgetx import __version__"),
    ("layers", "edgetx/mqtt/topics.py", "from edgetx.speech.events import Word\nfrom edgetx.config import Config"),
    ("layers", "edgetx/cli.py", "from edgetx.app import build"),
    ("layers", "edgetx/app.py", "from edgetx.audio import capture\nfrom edgetx.mqtt.topics import Kind"),
    ("doors", "edgetx/audio/level.py", "import numpy as np\nimport json"),
    ("doors", "edgetx/speech/websocket.py", "import websockets"),
    ("broad except", "edgetx/supervisor.py", "try:\n    f()\nexcept Exception:\n    pass"),
    ("globals", "edgetx/audio/wav.py", "_log = logging.getLogger(__name__)"),
    ("globals", "edgetx/audio/wav.py", "RATES = {}\nPcm = int\n__version__ = '1'\ndef f(x):\n    x[0] = RATES[0]"),
    ("constructors", "edgetx/audio/wav.py", CONSTRUCTOR),
    ("purity", "edgetx/mqtt/connection.py", "import time"),
    ("size", "edgetx/audio/wav.py", 'def f():\n    """' + "\n" * 40 + '"""'),
]


@pytest.mark.parametrize("name", RULES)
def test_edgetx_keeps_the_rule(name: str) -> None:
    assert not list(RULES[name](SOURCES))


@pytest.mark.parametrize(("name", "path", "text"), BREACHES)
def test_a_planted_breach_is_caught(name: str, path: str, text: str) -> None:
    (breach,) = RULES[name]({"edgetx/audio/capture.py": '"""Docstring."""', path: text})
    assert breach.startswith(path)


@pytest.mark.parametrize(("name", "path", "text"), ALLOWED)
def test_what_the_rule_allows_is_no_breach(name: str, path: str, text: str) -> None:
    assert not list(RULES[name]({"edgetx/audio/capture.py": '"""Docstring."""', path: text}))


def test_a_planted_circle_is_caught_though_only_a_type_checker_runs_it() -> None:
    tree = {
        "edgetx/audio/a.py": "from edgetx.audio.b import B",
        "edgetx/audio/b.py": "from edgetx.audio import c",
        "edgetx/audio/c.py": "if TYPE_CHECKING:\n    from edgetx.audio.a import A",
        "edgetx/audio/d.py": "import edgetx.audio.a",
    }
    (breach,) = rules.circle_breaches(tree)
    assert "edgetx.audio.a, edgetx.audio.b, edgetx.audio.c" in breach


def test_every_module_that_is_listed_as_pure_is_there() -> None:
    assert not set(PURE) - set(SOURCES)
