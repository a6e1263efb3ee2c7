import logging
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgetx.log import JournalHandler, about, set_up
from edgetx.systemd import Journal
from tests.rigs.journal import JournalSocket


@pytest.fixture(autouse=True)
def _own_root():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    for handler in set(root.handlers) - set(before[0]):
        handler.close()
    root.handlers[:], root.level = before


@pytest.fixture
def service():
    """The environment of a service whose standard error the journal reads."""
    status = os.fstat(2)
    return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


def warn():
    logging.getLogger("edgetx").warning("%s is gone.", "The broker", extra=about(microphone="desk", session="4b6a"))


def test_in_a_terminal_a_line_has_its_time_and_level(capsys):
    set_up({})
    warn()
    assert capsys.readouterr().err.endswith(" WARNING The broker is gone.\n")


def test_a_terminal_that_only_inherits_the_journal_s_variable_is_a_terminal(capsys):
    set_up({"JOURNAL_STREAM": "8:1"})
    warn()
    assert capsys.readouterr().err.endswith(" WARNING The broker is gone.\n")


def test_under_systemd_a_line_is_an_entry_with_the_fields_that_it_has(tmp_path, capsys, service):
    with JournalSocket(tmp_path / "socket") as journald:
        set_up(service, tmp_path / "socket")
        warn()
        assert journald.next() == {
            "MESSAGE": "The broker is gone.",
            "PRIORITY": "4",
            "SYSLOG_IDENTIFIER": "edgetx",
            "EDGETX_MICROPHONE": "desk",
            "EDGETX_SESSION": "4b6a",
        }
    assert capsys.readouterr().err == ""


def test_a_line_that_belongs_to_nobody_has_no_field_of_ours(tmp_path, service):
    with JournalSocket(tmp_path / "socket") as journald:
        set_up(service, tmp_path / "socket")
        logging.getLogger("other").error("Whatever.")
        assert journald.next() == {"MESSAGE": "Whatever.", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "edgetx"}


def test_a_traceback_is_one_entry(tmp_path, service):
    with JournalSocket(tmp_path / "socket") as journald:
        set_up(service, tmp_path / "socket")
        try:
            raise ValueError("odd")  # noqa: TRY301
        except ValueError:
            logging.getLogger("edgetx").exception("A bug.")
        message = journald.next()["MESSAGE"]
        assert message.startswith("A bug.\nTraceback")
        assert message.endswith("ValueError: odd")


def test_a_line_that_journald_would_let_us_wait_with_is_lost(capsys):
    class Hanging(Journal):
        def send(self, _entry: Mapping[str, str]) -> None:
            raise BlockingIOError

    handler = JournalHandler(Hanging(Path("/nowhere")))
    handler.emit(logging.LogRecord("edgetx", logging.INFO, "", 0, "lost", None, None))
    handler.close()
    assert capsys.readouterr().err == ""


def test_what_journald_does_not_take_it_gets_as_a_line_with_its_priority(tmp_path, capsys, service):
    set_up(service, tmp_path / "nobody")
    warn()
    assert capsys.readouterr().err == "<4>The broker is gone.\n"
