"""The scripts do what they say: on this machine, in made-up projects, and into a made-up image."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SCRIPTS = PROJECT / "scripts"
COMMANDS = ["bench", "chaos", "check", "demo", "format", "install", "test"]
PYTHON = PROJECT / ".venv/bin/python"

# An image is filled from what is installed here, so that the test needs no network.
FROM_HERE = {
    "PYTHONPATH": sysconfig.get_path("purelib"),
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_NO_INDEX": "1",
    "NO_COLOR": "1",
}


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


# --- the service -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with edgetx installed, and with what the unit needs of Debian: the units that systemd brings, `kill`."""
    root = tmp_path_factory.mktemp("image")
    installed = install(root)
    assert installed.returncode == 0, installed.stdout
    shutil.copytree("/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    (root / "bin").mkdir(exist_ok=True)
    shutil.copy("/bin/kill", root / "bin")
    return root


def install(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run(SCRIPTS / "install", "--root", root, *options, **FROM_HERE)


def verify_unit(root: Path) -> str:
    return run("systemd-analyze", "verify", f"--root={root}", "edgetx.service").stdout


@pytest.mark.slow
def test_an_image_holds_the_program_the_user_the_settings_and_the_unit(image: Path) -> None:
    program = image / "opt/edgetx/.venv/bin/edgetx"
    assert program.read_text().startswith("#!/opt/edgetx/.venv/bin/python")
    assert list((image / "opt/edgetx/.venv/lib").glob("python3*/site-packages/edgetx/cli.py"))
    assert (image / "usr/local/bin/edgetx").readlink() == Path("/opt/edgetx/.venv/bin/edgetx")
    assert (image / "etc/edgetx/edgetx.yaml").stat().st_mode & 0o777 == 0o640
    assert "edgetx" in next(
        line for line in (image / "etc/group").read_text().splitlines() if line.startswith("audio:")
    )
    wants = image / "etc/systemd/system/multi-user.target.wants/edgetx.service"
    assert wants.readlink() == Path("/etc/systemd/system/edgetx.service")


@pytest.mark.slow
def test_systemd_understands_every_line_of_the_unit(image: Path) -> None:
    assert verify_unit(image) == ""


@pytest.mark.slow
def test_systemd_would_have_named_a_wrong_line(image: Path, tmp_path: Path) -> None:
    shutil.copytree(image, tmp_path / "image", symlinks=True)
    unit = tmp_path / "image/etc/systemd/system/edgetx.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSeconds="))
    assert "WatchdogSeconds" in verify_unit(tmp_path / "image")


@pytest.mark.slow
def test_installing_again_keeps_what_is_there(image: Path) -> None:
    settings = image / "etc/edgetx/edgetx.yaml"
    settings.write_text("microphones: [{name: mine}]\n")
    again = install(image)
    assert again.returncode == 0
    assert "kept   program" in again.stdout
    assert settings.read_text() == "microphones: [{name: mine}]\n"


@pytest.mark.slow
def test_removing_keeps_the_settings_until_they_are_purged(image: Path, tmp_path: Path) -> None:
    root = tmp_path / "image"
    shutil.copytree(image, root, symlinks=True)
    assert install(root, "--remove").returncode == 0
    assert not (root / "opt/edgetx").exists()
    assert not (root / "etc/systemd/system/edgetx.service").exists()
    assert not (root / "usr/local/bin/edgetx").is_symlink()
    assert (root / "etc/edgetx/edgetx.yaml").exists()

    assert install(root, "--remove").returncode == 0
    assert install(root, "--remove", "--purge").returncode == 0
    assert not (root / "etc/edgetx").exists()
