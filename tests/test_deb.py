"""The scripts that a Debian package of edgetx runs on its user's machine. What they do is proved by scripts/vm."""

import subprocess
from pathlib import Path

import pytest

DEB = Path(__file__).parents[1] / "scripts/deb"
SETTINGS_MODE = "0640"


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm", "try"])
def test_shellcheck_finds_nothing_in(name: str) -> None:
    checked = subprocess.run(
        ["shellcheck", "--external-sources", DEB / name], stdout=subprocess.PIPE, text=True, check=False
    )
    assert checked.stdout == ""


def test_the_boards_get_into_the_package_as_files() -> None:
    sources = (DEB.parent / "build-deb").read_text()
    assert 'cp -RL "$CHECKOUT"/{edgetx,' in sources, "edgetx/board-files is a link out of the package"


def test_the_first_settings_are_closed_to_others() -> None:
    assert f'install -m {SETTINGS_MODE} /usr/share/edgetx/edgetx.yaml "$SETTINGS"' in (DEB / "postinst").read_text()


def warning(root: Path) -> str:
    """What postinst says of a root in which scripts/install may have been at work."""
    _, _, rest = (DEB / "postinst").read_text().partition("\nwarn_of_scripts_install() {\n")
    body = (
        rest.partition("\n}\n")[0].replace(" /etc/", f" {root}/etc/").replace("readlink /usr/", f"readlink {root}/usr/")
    )
    return subprocess.run(["sh", "-ec", body], stdout=subprocess.PIPE, text=True, check=True).stdout


def test_what_scripts_install_left_is_warned_of_and_what_the_owner_put_there_is_not(tmp_path: Path) -> None:
    unit, command = tmp_path / "etc/systemd/system/edgetx.service", tmp_path / "usr/local/bin/edgetx"
    for folder in (unit.parent, command.parent):
        folder.mkdir(parents=True)
    assert warning(tmp_path) == ""
    unit.symlink_to("/dev/null")  # systemctl mask
    command.write_text("#!/bin/sh\n")
    assert warning(tmp_path) == ""
    unit.unlink()
    unit.write_text((DEB.parents[1] / "systemd/edgetx.service").read_text())
    assert "'scripts/install --remove' takes it away" in warning(tmp_path)
    unit.unlink()
    command.unlink()
    command.symlink_to("/opt/edgetx/.venv/bin/edgetx")
    assert "'scripts/install --remove' takes it away" in warning(tmp_path)
