"""Check that every pure module is covered by its own test module: every line and every branch.

`edgetx/audio/wav.py` is covered by `tests/audio/test_wav.py` and by nothing else: what another module's tests run by
the way does not count. The pure modules are listed in pyproject.toml, under `[tool.edgetx]`.

One run of pytest in this process, with a coverage context per test module. Importing is nobody's merit: all pure
modules are imported first, in a context that counts for each of them. So a module that only defines values needs no
test module.

Usage: check_coverage.py [PROJECT]
"""

import importlib
import json
import os
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import pytest

IMPORTING = "importing"


@dataclass(frozen=True, slots=True)
class Pair:
    """A pure module and the test module that covers it; paths relative to the project."""

    source: str
    test: str

    @classmethod
    def of(cls, source: str) -> "Pair":
        """``edgetx/audio/wav.py`` is tested by ``tests/audio/test_wav.py``."""
        folder, _, name = source.rpartition("/")
        return cls(source, "/".join(["tests", *folder.split("/")[1:], f"test_{name}"]))

    @property
    def module(self) -> str:
        """The source's dotted name."""
        return self.source.removesuffix(".py").replace("/", ".")


@dataclass(slots=True, eq=False)
class Contexts:
    """A pytest plugin: switches the coverage context to the test module that is collected or run; sums up times."""

    measuring: coverage.Coverage
    root: Path
    seconds: dict[str, float] = field(default_factory=dict)

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        """A test module's own top level may already use what it tests."""
        self.measuring.switch_context(self._test(collector.path))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """The first part of a node's id is its file, relative to the project."""
        self.measuring.switch_context(nodeid.partition("::")[0])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Set-up, call and tear-down each report their duration."""
        test = report.nodeid.partition("::")[0]
        self.seconds[test] = self.seconds.get(test, 0.0) + report.duration

    def _test(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    pairs = [Pair.of(source) for source in settings["tool"]["edgetx"]["pure"]]
    if missing := [pair.source for pair in pairs if not (root / pair.source).is_file()]:
        print(f"Listed as pure in pyproject.toml, but not there: {', '.join(missing)}")
        return 1
    os.chdir(root)
    sys.path.insert(0, str(root))
    os.environ["COVERAGE_CORE"] = "ctrace"  # The newer core, sys.monitoring, knows no contexts.
    measuring = coverage.Coverage(data_file=None, branch=True, source=["edgetx"])
    contexts = Contexts(measuring, root)
    status = measure(contexts, pairs)
    if status != pytest.ExitCode.OK:
        print("Coverage says nothing while these tests fail.")
        return 1
    return report(contexts, pairs)


def measure(contexts: Contexts, pairs: list[Pair]) -> int:
    """Import the pure modules, then run their tests, each in its context. Return pytest's exit code."""
    with contexts.measuring.collect():
        contexts.measuring.switch_context(IMPORTING)
        for pair in pairs:
            importlib.import_module(pair.module)
        tests = [pair.test for pair in pairs if Path(pair.test).is_file()]
        return pytest.main(
            ["-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", *tests], plugins=[contexts]
        )


def report(contexts: Contexts, pairs: list[Pair]) -> int:
    """Print the table. Return the exit code."""
    incomplete = 0
    for pair in pairs:
        gaps = uncovered(contexts.measuring, pair)
        incomplete += bool(gaps)
        seconds = contexts.seconds.get(pair.test, 0.0)
        print(f"{pair.source:44} {'incomplete' if gaps else '100 %':>10} {seconds:7.2f} s  {gaps}".rstrip())
    total = sum(contexts.seconds.values())
    print(
        f"{len(pairs)} pure modules, {incomplete} incomplete; their tests took {total:.2f} s together, while measured"
    )
    return 1 if incomplete else 0


def uncovered(measuring: coverage.Coverage, pair: Pair) -> str:
    """Say which lines and branches of ``pair.source`` its own tests leave out; empty if none."""
    with tempfile.TemporaryDirectory() as directory:
        outfile = Path(directory) / "report.json"
        contexts = [f"^{context.replace('.', '[.]')}$" for context in (IMPORTING, pair.test)]
        measuring.json_report([pair.source], outfile=str(outfile), contexts=contexts)
        file = json.loads(outfile.read_text())["files"][pair.source]
    lines = file["missing_lines"]
    branches = [branch for branch in file["missing_branches"] if branch[0] not in lines]
    return ", ".join(
        ([] if not lines or Path(pair.test).is_file() else [f"there is no {pair.test}"])
        + [f"line {line}" for line in lines]
        + [f"branch {start}->{'exit' if end < 0 else end}" for start, end in branches]
    )


if __name__ == "__main__":
    sys.exit(main())
