import pytest

from edgetx.errors import Refused, TryAgain
from edgetx.speech.status import status_trouble


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_some_answers_pass_by_themselves(status):
    trouble = status_trouble("example.org:443", status)
    assert isinstance(trouble, TryAgain)
    assert str(trouble) == f"example.org:443 cannot serve us now: HTTP status {status}."


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404])
def test_others_are_a_no(status):
    trouble = status_trouble("example.org:443", status)
    assert isinstance(trouble, Refused)
    assert str(trouble) == f"example.org:443 refused the connection with HTTP status {status}."
