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


def test_the_first_settings_are_closed_to_others() -> None:
    assert f'install -m {SETTINGS_MODE} /usr/share/edgetx/edgetx.yaml "$SETTINGS"' in (DEB / "postinst").read_text()
