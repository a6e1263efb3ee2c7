import pytest

from edgetx.errors import Refused, TryAgain
from edgetx.speech.closing import FEW_TRIES, WAIT_SECONDS, Row, status_trouble, status_verdict, trouble, verdict
from edgetx.speech.events import Verdict

ROWS = (
    Row(1008, "padding", Verdict.FEW),
    Row(1008, "", Verdict.REFUSED),
    Row(None, "too many", Verdict.WAIT),
)


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        (1008, "Incorrect Padding", Verdict.FEW),
        (1008, "Unauthorized", Verdict.REFUSED),
        (3009, "Too many sessions", Verdict.WAIT),
        (None, "too many", Verdict.WAIT),
        (1006, "padding", Verdict.AGAIN),
    ],
)
def test_the_first_row_that_fits_decides(code, words, expected):
    assert verdict(ROWS, code, words) is expected


@pytest.mark.parametrize(
    ("what", "kind", "after_seconds", "tries"),
    [
        (Verdict.AGAIN, TryAgain, 0, None),
        (Verdict.WAIT, TryAgain, WAIT_SECONDS, None),
        (Verdict.FEW, TryAgain, 0, FEW_TRIES),
        (Verdict.TOKEN, TryAgain, 0, 1),
    ],
)
def test_a_verdict_that_allows_another_attempt(what, kind, after_seconds, tries):
    error = trouble(what, "It broke.")
    assert isinstance(error, kind)
    assert (str(error), error.after_seconds, error.tries) == ("It broke.", after_seconds, tries)


def test_a_verdict_that_only_a_person_can_mend():
    assert isinstance(trouble(Verdict.REFUSED, "Unpaid."), Refused)
    fault = trouble(Verdict.FAULT, "Bad chunk.")
    assert isinstance(fault, Refused)
    assert str(fault) == "Bad chunk. This is a fault of edgetx: please report it."


@pytest.mark.parametrize("status", [408, 425, 500, 503])
def test_some_answers_pass_by_themselves(status):
    error = status_trouble("example.org:443", status)
    assert isinstance(error, TryAgain)
    assert str(error) == f"example.org:443 cannot serve us now: HTTP status {status}."


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404])
def test_others_are_a_no(status):
    error = status_trouble("example.org:443", status)
    assert isinstance(error, Refused)
    assert str(error) == f"example.org:443 refused the connection with HTTP status {status}."


@pytest.mark.parametrize("status", [409, 429])
def test_too_many_is_to_wait_long(status):
    assert status_verdict(status) is Verdict.WAIT


def test_a_token_that_is_refused_is_renewed_once():
    error = status_trouble("example.org:443", 401, renewable=True)
    assert isinstance(error, TryAgain)
    assert error.tries == 1
    assert status_verdict(404, renewable=True) is Verdict.REFUSED
