"""scripts/install, into a made-up image: what a device without a running systemd would get."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PARTS = ["edgetx", "config", "systemd", "scripts", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"]
SYSTEM = Path("etc/systemd/system")
DROP_INS = sorted(path.name for path in (PROJECT / "systemd/edgetx.service.d").glob("*.conf"))

# An image is filled from what is installed here, so that the test needs no network.
FROM_HERE = {
    "PYTHONPATH": sysconfig.get_path("purelib"),
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_NO_INDEX": "1",
    "NO_COLOR": "1",
}

pytestmark = pytest.mark.slow


class Checkout:
    """A copy of the checkout that nobody else changes or runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in PARTS:
            if (PROJECT / name).is_dir():
                shutil.copytree(PROJECT / name, folder / name, symlinks=True)
            else:
                shutil.copy(PROJECT / name, folder / name)

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*"))


def install(checkout: Checkout, root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout.folder / "scripts/install", "--root", root, *options],
        cwd=checkout.folder,
        env=os.environ | FROM_HERE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def installed(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with edgetx installed, for all tests: they copy it."""
    root = tmp_path_factory.mktemp("image")
    before = checkout.files()
    made = install(checkout, root)
    assert checkout.files() == before, "nothing is written into the checkout"
    assert made.returncode == 0, made.stdout
    assert "edgetx is installed, and not started. Next:" in made.stdout
    assert "sudo systemctl enable --now edgetx" in made.stdout
    return root


@pytest.fixture
def image(installed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(installed, tmp_path / "image", symlinks=True))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_holds_the_program_the_user_the_settings_and_the_unit(image):
    program = image / "opt/edgetx/.venv/bin/edgetx"
    assert program.read_text().startswith("#!/opt/edgetx/.venv/bin/python")
    (packages,) = (image / "opt/edgetx/.venv/lib").glob("python3*/site-packages")
    assert (packages / "edgetx/cli.py").exists()
    boards = sorted(path.name for path in (packages / "edgetx/board-files").iterdir())
    assert boards == sorted(path.name for path in (PROJECT / "config/boards").iterdir())
    assert (image / "usr/local/bin/edgetx").readlink() == Path("/opt/edgetx/.venv/bin/edgetx")
    groups = (image / "etc/group").read_text().splitlines()
    assert "edgetx" in next(line for line in groups if line.startswith("audio:"))
    settings = image / "etc/edgetx/edgetx.yaml"
    assert settings.read_text() == (image / "opt/edgetx/edgetx.yaml").read_text()
    assert [mode(path) for path in (settings.parent, settings)] == [0o750, 0o640]
    assert mode(settings.parent / "credentials") == 0o700
    assert (image / SYSTEM / "edgetx.service").exists()
    assert sorted(path.name for path in (image / SYSTEM / "edgetx.service.d").iterdir()) == DROP_INS


def test_nothing_is_started_that_was_not_asked_for(checkout, image):
    wants = image / SYSTEM / "multi-user.target.wants/edgetx.service"
    assert not wants.is_symlink()
    started = install(checkout, image, "--start")
    assert started.returncode == 0, started.stdout
    assert "starts when the image boots" in started.stdout
    assert "edgetx is installed. Next:" in started.stdout
    assert wants.readlink() == Path("/etc/systemd/system/edgetx.service")


def test_systemd_understands_what_is_installed(image):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT CHECKED: systemd-analyze is not installed here (apt install systemd)")
    shutil.copytree("/lib/systemd/system", image / "usr/lib/systemd/system", symlinks=True)
    command = ["systemd-analyze", "verify", f"--root={image}", "edgetx.service"]
    judged = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert judged.stdout == ""


def test_installing_again_keeps_settings_secrets_state_and_drop_ins_and_brings_the_rest_up_to_date(checkout, image):
    kept = {
        "etc/edgetx/edgetx.yaml": "microphones: [{name: mine}]\n",
        "etc/edgetx/credentials/mqtt_password": "s3cret\n",
        "var/lib/edgetx/state.db": "owed",
        SYSTEM / "edgetx.service.d/override.conf": "[Service]\nRestartSec=9\n",
    }
    for path, text in kept.items():
        (image / path).parent.mkdir(parents=True, exist_ok=True)
        (image / path).write_text(text)
    old = [SYSTEM / "edgetx.service", SYSTEM / "edgetx.service.d" / DROP_INS[0]]
    for path in old:
        (image / path).write_text("[Service]\n")
    for _ in range(2):
        again = install(checkout, image)
        assert again.returncode == 0, again.stdout
        assert "kept   program" in again.stdout
        assert "kept   settings" in again.stdout
        assert {path: (image / path).read_text() for path in kept} == kept
        assert all((image / path).read_text() != "[Service]\n" for path in old)
    assert f"kept   /{SYSTEM}/edgetx.service" in again.stdout


def test_uninstalling_takes_what_was_installed_and_leaves_what_is_not_ours(checkout, image):
    override = image / SYSTEM / "edgetx.service.d/override.conf"
    override.write_text("[Service]\nRestartSec=9\n")
    assert install(checkout, image, "--start").returncode == 0
    gone = install(checkout, image, "--uninstall")
    assert gone.returncode == 0, gone.stdout
    assert not (image / "opt/edgetx").exists()
    assert not (image / SYSTEM / "edgetx.service").exists()
    assert not (image / SYSTEM / "multi-user.target.wants/edgetx.service").is_symlink()
    assert not (image / "usr/local/bin/edgetx").is_symlink()
    assert list(override.parent.iterdir()) == [override]
    assert (image / "etc/edgetx/edgetx.yaml").exists()
    assert (image / "etc/edgetx/credentials").exists()


def test_purging_takes_settings_secrets_and_state_too_and_may_be_done_twice(checkout, image):
    (image / "var/lib/edgetx").mkdir(parents=True)
    for options in (["--purge"], ["--remove", "--purge"]):
        assert install(checkout, image, *options).returncode == 0
        assert not (image / "etc/edgetx").exists()
        assert not (image / "var/lib/edgetx").exists()
        assert not (image / SYSTEM / "edgetx.service.d").exists()
        assert not (image / "etc/sysusers.d/edgetx.conf").exists()


PACKAGED = "usr/lib/systemd/system/edgetx.service"
WANTS = SYSTEM / "multi-user.target.wants/edgetx.service"


def add_package(image: Path, status: str = "installed") -> dict[str, str]:
    """What the Debian package and its user have in an image; return the texts by their paths."""
    texts = {
        "var/lib/dpkg/status": f"Package: edgetx\nStatus: install ok {status}\nVersion: 0.1.0\nArchitecture: all\n"
        "Maintainer: nobody <nobody@example.org>\nDescription: edgetx\n",
        PACKAGED: "[Service]\nExecStart=/usr/lib/edgetx/venv/bin/edgetx run\n",
        "etc/edgetx/edgetx.yaml": "microphones: [{name: mine}]\n",
        "etc/edgetx/credentials/mqtt_password": "s3cret\n",
        "var/lib/edgetx/state.db": "owed",
        str(SYSTEM / "edgetx.service.d/override.conf"): "[Service]\nRestartSec=9\n",
    }
    for path, text in texts.items():
        (image / path).parent.mkdir(parents=True, exist_ok=True)
        (image / path).write_text(text)
    for folder in ("info", "updates"):
        (image / "var/lib/dpkg" / folder).mkdir()
    return texts


@pytest.mark.parametrize("option", ["--remove", "--purge"])
def test_beside_the_debian_package_only_what_was_installed_from_here_is_taken(checkout, image, option):
    assert install(checkout, image, "--start").returncode == 0
    packages = add_package(image)
    gone = install(checkout, image, option)
    assert gone.returncode == 0, gone.stdout
    assert "the Debian package edgetx is left as it is" in gone.stdout
    assert not (image / "opt/edgetx").exists()
    assert not (image / SYSTEM / "edgetx.service").exists()
    assert not (image / "usr/local/bin/edgetx").is_symlink()
    assert {path: (image / path).read_text() for path in packages} == packages
    assert [path.name for path in (image / SYSTEM / "edgetx.service.d").iterdir()] == ["override.conf"]
    assert (image / WANTS).readlink() == Path("/") / PACKAGED, "it starts at boot as before"
    assert (image / "etc/sysusers.d/edgetx.conf").exists() is (option == "--remove")


@pytest.mark.parametrize("option", ["--remove", "--purge"])
def test_where_there_is_the_debian_package_alone_nothing_is_taken(checkout, tmp_path, option):
    image = tmp_path / "image"
    packages = add_package(image)
    (image / WANTS).parent.mkdir(parents=True)
    (image / WANTS).symlink_to(Path("/") / PACKAGED)
    own = image / SYSTEM / "edgetx.service"
    own.write_text("[Service]\nExecStart=/usr/lib/edgetx/venv/bin/edgetx run  # systemctl edit --full\n")
    kept = install(checkout, image, option)
    assert kept.returncode == 0, kept.stdout
    assert {path: (image / path).read_text() for path in packages} == packages
    assert own.exists()
    assert (image / WANTS).is_symlink()


def test_what_a_removed_package_left_is_purged_with_the_rest(checkout, image):
    add_package(image, status="config-files")
    assert install(checkout, image, "--purge").returncode == 0
    assert not (image / "etc/edgetx").exists()
    assert not (image / "var/lib/edgetx").exists()


@pytest.mark.parametrize("options", [["--start", "--uninstall"], ["--start", "--purge"]])
def test_starting_what_is_taken_off_is_a_contradiction(checkout, tmp_path, options):
    refused = install(checkout, tmp_path / "image", *options)
    assert refused.returncode == 1
    assert "--start goes with an installation" in refused.stdout
    assert not (tmp_path / "image").exists()
