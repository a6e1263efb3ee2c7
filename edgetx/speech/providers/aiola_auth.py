"""Aiola's three ways to say who we are, and what its answers mean.

``x-api-key`` and ``bearer`` (the first two generations) put the key itself into a header. ``aiola-session`` (the
third) takes two questions first: the key for a passing token, and that for a session, which is a JSON Web Token (JWT)
and holds one of the account's places until it is deleted:

    POST <auth>/voip-auth/apiKey2Token   Authorization: Bearer <key>           -> {"context": {"token": ...}}
    POST <auth>/voip-auth/session        Authorization: Bearer <token>, {"workflow_id": ...}      -> {"jwt": ...}
    DELETE <auth>/voip-auth/session      Authorization: Bearer <jwt>

A JWT is not to be renewed: each connection goes this way again. Errors come as ``{"error": {"code", "message"}}`` or
flat, ``{"code", "message"}``; the code counts more than the status. None of a secret is quoted, not even when the
other side does: nothing it says here is repeated but a code.
"""

import base64
import json
import re
from collections.abc import Generator
from http import HTTPStatus
from typing import Any

from edgetx.provider_settings import AiolaSettings
from edgetx.speech.closing import Row, status_verdict, trouble, verdict
from edgetx.speech.events import Verdict
from edgetx.speech.session import HttpAnswer, HttpRequest
from edgetx.speech.untrusted import json_object, number, text, without

_OK = range(200, 300)
_TOKEN = re.compile(r"[!-~]{1,8192}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,59}")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+(\.[\w-]*)?")  # eyJ is the beginning of any JSON object in base64.

_KNOWN = (
    Row(None, "max_concurrency_reached", Verdict.WAIT),
    Row(None, "rate_limit_exceeded", Verdict.WAIT),
    Row(None, "token_expired", Verdict.TOKEN),
    Row(None, "invalid_token", Verdict.TOKEN),
    Row(None, "unauthorized", Verdict.TOKEN),
    Row(None, "jwt", Verdict.TOKEN),
    Row(None, "authentication", Verdict.TOKEN),
    Row(None, "forbidden", Verdict.REFUSED),
    Row(None, "invalid_audio_format", Verdict.REFUSED),
    Row(None, "validation_error", Verdict.REFUSED),
    Row(None, "workflow_not_found", Verdict.REFUSED),
)

Tokens = Generator[HttpRequest, HttpAnswer, str]


def meaning(words: str, *, renewable: bool, otherwise: Verdict) -> Verdict:
    """Return what the first known code or word in ``words`` means; a wrong token is final if there is no new one."""
    what = verdict((*_KNOWN, Row(None, "", otherwise)), None, words)
    return Verdict.REFUSED if what is Verdict.TOKEN and not renewable else what


def without_tokens(words: str, api_key: str) -> str:
    """Return ``words`` of the other side's with the key, and whatever looks like a JWT, replaced by stars."""
    return _JWT.sub("***", without(words, api_key))


def key_headers(settings: AiolaSettings, api_key: str) -> dict[str, str]:
    """Return the header that carries the key itself."""
    return {"x-api-key": api_key} if settings.auth_type == "x-api-key" else bearer(api_key)


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries ``token``."""
    return {"Authorization": f"Bearer {token}"}


def session_token(settings: AiolaSettings, api_key: str, *, flow_id: str) -> Tokens:
    """Ask for a session and return its JWT. Raise TryAgain or Refused for a no."""
    asked = HttpRequest("exchange the API key for a token", "POST", _url(settings, "apiKey2Token"), bearer(api_key))
    context = _answered(asked, (yield asked), renewable=False).get("context")
    token = _usable(asked, context.get("token") if isinstance(context, dict) else None)
    body = json.dumps({"workflow_id": flow_id}).encode()
    asked = HttpRequest("begin a session", "POST", _url(settings, "session"), _json_headers(token), body)
    return _usable(asked, _answered(asked, (yield asked), renewable=True).get("jwt"))


def deletion(settings: AiolaSettings, jwt: str) -> HttpRequest:
    """Return the question that gives the session's place back."""
    return HttpRequest("end the session", "DELETE", _url(settings, "session"), _json_headers(jwt))


def expiry(jwt: str) -> float | None:
    """Return the UNIX seconds at which a JWT ends, where it says so (RFC 7519, ``exp``). Nothing is verified."""
    payload = jwt.split(".")[1] if jwt.count(".") > 1 else ""
    try:
        claims = json_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))) or {}
    except ValueError:
        return None
    return number(claims.get("exp"))


def _url(settings: AiolaSettings, leaf: str) -> str:
    return f"{settings.auth_endpoint.rstrip('/')}/voip-auth/{leaf}"


def _json_headers(token: str) -> dict[str, str]:
    return {**bearer(token), "Content-Type": "application/json"}


def _answered(asked: HttpRequest, answer: HttpAnswer, *, renewable: bool) -> dict[str, Any]:
    """Return the object that came with a yes; raise what a no means."""
    data = json_object(answer.body) or {}
    if answer.status in _OK:
        return data
    code = _code(data)
    usual = status_verdict(answer.status, renewable=renewable and answer.status != HTTPStatus.FORBIDDEN)
    what = meaning(code.lower(), renewable=renewable, otherwise=usual)
    raise trouble(what, f"Could not {asked.purpose}: HTTP status {answer.status}{code and f', {code}'}.")


def _code(data: dict[str, Any]) -> str:
    error = data.get("error")
    code = text(error.get("code") if isinstance(error, dict) else data.get("code")) or ""
    return code if _CODE.fullmatch(code) else ""


def _usable(asked: HttpRequest, token: object) -> str:
    if isinstance(token, str) and _TOKEN.fullmatch(token):
        return token
    raise trouble(Verdict.AGAIN, f"Could not {asked.purpose}: the answer holds no token.")
