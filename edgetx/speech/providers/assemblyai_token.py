"""What AssemblyAI, in either version, answers when asked for a temporary token: ``{"token"}`` or ``{"error"}``."""

from http import HTTPStatus

from edgetx.speech.closing import status_verdict, trouble
from edgetx.speech.events import Verdict
from edgetx.speech.session import HttpAnswer
from edgetx.speech.untrusted import EXCERPT, json_object, text, without

_TOKEN_CHARACTERS = 4096


def token_of(answered: HttpAnswer, *, api_key: str) -> str:
    """Return the token of a good answer. Raise TryAgain or Refused, with the vendor's words, for any other."""
    said = json_object(answered.body) or {}
    if answered.status != HTTPStatus.OK:
        words = without(text(said.get("error")) or "", api_key)[:EXCERPT]
        told = f"AssemblyAI gave no token, with HTTP status {answered.status}{': ' if words else ''}{words}."
        raise trouble(status_verdict(answered.status), told)
    token = text(said.get("token"))
    if not token or len(token) > _TOKEN_CHARACTERS:
        raise trouble(Verdict.AGAIN, "AssemblyAI was asked for a token, and answered without one.")
    return token
