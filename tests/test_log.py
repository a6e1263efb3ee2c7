import logging

import pytest

from edgetx.log import set_up


@pytest.fixture(autouse=True)
def _own_root():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def said(environment, capsys) -> str:
    set_up(environment)
    logging.getLogger("edgetx").warning("The broker is gone.")
    return capsys.readouterr().err


def test_in_a_terminal_a_line_has_its_time_and_level(capsys):
    assert said({}, capsys).endswith(" WARNING The broker is gone.\n")


def test_under_systemd_a_line_has_the_journal_s_priority_and_no_time(capsys):
    assert said({"JOURNAL_STREAM": "8:1"}, capsys) == "<4>The broker is gone.\n"
