"""The scripts do what they say: on this machine, in made-up projects, and into a made-up image."""

import os
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SCRIPTS = PROJECT / "scripts"
COMMANDS = [
    "bench",
    "bench-arrays",
    "build-deb",
    "chaos",
    "check",
    "demo",
    "format",
    "install",
    "soak-array",
    "test",
    "vm",
]
PYTHON = PROJECT / ".venv/bin/python"


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def with_library(commands: str) -> subprocess.CompletedProcess[str]:
    return run("bash", "-c", f"set -euo pipefail; source {SCRIPTS}/lib/setup.sh; {commands}")


# --- every script ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_the_head_of_the_script(command: str) -> None:
    shown = run(SCRIPTS / command, "--help")
    assert shown.returncode == 0
    assert f"scripts/{command}" in shown.stdout
    assert "set -euo" not in shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_named(command: str) -> None:
    refused = run(SCRIPTS / command, "--frobnicate")
    assert refused.returncode == 2
    assert "--frobnicate" in refused.stdout


@pytest.mark.parametrize("command", [*(f"scripts/{name}" for name in COMMANDS), ".ci/run"])
def test_shellcheck_finds_nothing(command: str) -> None:
    checked = run("shellcheck", "--external-sources", command)
    assert checked.stdout == ""


# --- the shared set-up -----------------------------------------------------------------------------------------


def test_a_step_that_works_is_one_line() -> None:
    told = with_library("step 'making tea' 'buy tea' echo noise")
    assert told.returncode == 0
    assert told.stdout.startswith("ok     making tea")
    assert "noise" not in told.stdout


def test_a_step_that_fails_shows_the_end_of_its_log_and_how_to_mend_it(tmp_path: Path) -> None:
    told = with_library(
        f"export TMPDIR={tmp_path}; step 'making tea' 'buy tea' sh -c 'seq 100; echo no tea left; exit 3'; echo went on"
    )
    assert told.returncode == 1
    assert "failed making tea" in told.stdout
    assert "no tea left" in told.stdout
    assert "  | 50\n" not in told.stdout
    assert "To mend it: buy tea" in told.stdout
    assert "went on" not in told.stdout


def test_only_missing_packages_are_asked_for() -> None:
    told = with_library("needs 'to think' dpkg no-such-package bash; echo ${MISSING[*]}")
    assert told.stdout == "Debian packages to install to think: no-such-package\nno-such-package\n"


def test_an_environment_with_the_right_stamp_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".edgetx-stamp").write_text("the wanted state\n")
    told = with_library(f"make_venv {tmp_path} 'the wanted state' nothing-that-exists")
    assert told.returncode == 0
    assert told.stdout == ""


# --- coverage by a module's own tests --------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two pure modules; the first has a branch, and the second calls the first."""
    for name, text in {
        "pyproject.toml": '[tool.edgetx]\npure = ["edgetx/one.py", "edgetx/two.py"]\n',
        "edgetx/__init__.py": "",
        "edgetx/one.py": "def one(x):\n    if x:\n        x += 1\n    return x\n",
        "edgetx/two.py": "from edgetx.one import one\n\n\ndef two(x):\n    return one(x)\n",
        "tests/test_one.py": "from edgetx.one import one\n\ndef test_it():\n    assert one(1) == 2\n",
        "tests/test_two.py": "from edgetx.two import two\n\ndef test_it():\n    assert two(0) == 0\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def check_coverage(project: Path) -> subprocess.CompletedProcess[str]:
    return run(PYTHON, SCRIPTS / "check_coverage.py", project)


def test_what_another_modules_tests_run_by_the_way_does_not_count(project: Path) -> None:
    told = check_coverage(project)
    assert told.returncode == 1
    assert "branch 2->4" in told.stdout
    assert "2 pure modules, 1 incomplete" in told.stdout


def test_a_module_covered_by_its_own_tests_passes(project: Path) -> None:
    with (project / "tests/test_one.py").open("a") as test:
        test.write("    assert one(0) == 0\n")
    told = check_coverage(project)
    assert told.returncode == 0
    assert "2 pure modules, 0 incomplete" in told.stdout


def test_a_missing_test_module_is_named(project: Path) -> None:
    (project / "tests/test_two.py").unlink()
    told = check_coverage(project)
    assert told.returncode == 1
    assert "tests/test_two.py" in told.stdout


def test_a_failing_test_is_not_covered_up(project: Path) -> None:
    with (project / "tests/test_one.py").open("a") as test:
        test.write("    assert one(0) == 7\n")
    assert check_coverage(project).returncode == 1
