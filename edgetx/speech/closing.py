"""What the end of a session, or an answer over HTTP, says about trying again. Pure.

Each provider has a table: a close code, a part of the text that comes with it, and a verdict. The first row that fits
decides; what no row knows passes by itself. Vendors have moved causes from one code to another, and the text stayed:
a row without a code goes by the text alone.
"""

from collections.abc import Iterable
from typing import NamedTuple

from edgetx.errors import Refused, TryAgain
from edgetx.speech.events import Verdict

WAIT_SECONDS = 30.0
"""No attempt before that where the account allows no further session now."""
FEW_TRIES = 3

_PASSING = frozenset({408, 425})
_TOO_MANY = frozenset({409, 429})
_UNAUTHORISED = frozenset({401, 403})
_SERVER_ERROR = 500


class Row(NamedTuple):
    """``part`` is in lower case, and is looked for anywhere in the text; empty fits any."""

    code: int | None
    part: str
    verdict: Verdict


def verdict(rows: Iterable[Row], code: int | None, words: str) -> Verdict:
    """Return what the first row says that fits ``code`` and ``words``; `Verdict.AGAIN` when none does."""
    words = words.lower()
    return next((row.verdict for row in rows if row.code in (None, code) and row.part in words), Verdict.AGAIN)


def trouble(what: Verdict, words: str) -> TryAgain | Refused:
    """Return the error that has the retry loop do what the verdict says; ``words`` is a whole sentence."""
    match what:
        case Verdict.WAIT:
            return TryAgain(words, after_seconds=WAIT_SECONDS)
        case Verdict.FEW:
            return TryAgain(words, tries=FEW_TRIES)
        case Verdict.TOKEN:
            return TryAgain(words, tries=1)
        case Verdict.REFUSED:
            return Refused(words)
        case Verdict.FAULT:
            return Refused(f"{words} This is a fault of edgetx: please report it.")
    return TryAgain(words)


def status_verdict(status: int, *, renewable: bool = False) -> Verdict:
    """Return what an HTTP status that is not a yes means; ``renewable``: the next attempt brings a new token."""
    if status in _TOO_MANY:
        return Verdict.WAIT
    if status in _PASSING or status >= _SERVER_ERROR:
        return Verdict.AGAIN
    return Verdict.TOKEN if renewable and status in _UNAUTHORISED else Verdict.REFUSED


def status_trouble(peer: str, status: int, *, renewable: bool = False) -> TryAgain | Refused:
    """Return the error for an HTTP answer that is not a yes."""
    what = status_verdict(status, renewable=renewable)
    did = "refused the connection with" if what in {Verdict.TOKEN, Verdict.REFUSED} else "cannot serve us now:"
    return trouble(what, f"{peer} {did} HTTP status {status}.")
