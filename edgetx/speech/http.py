"""One question over HTTP(S) and its answer: what some providers want asked before a session, and after it.

`http.client` in a thread of the loop's executor: there are few such questions, and a library for them would cost more
memory than all else here. Redirects are not followed: the headers hold keys, and a key belongs to the host
that it was meant for. Nothing from the request but its purpose, its host and its port may reach a message.
"""

import asyncio
import http.client
import socket
import ssl
import time
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from edgetx import __version__
from edgetx.errors import Refused, TryAgain
from edgetx.speech.session import HttpAnswer, HttpRequest

ANSWER_BYTES = 65_536
"""More than any token needs; a longer answer is not read to its end."""


async def ask(request: HttpRequest, seconds: float = 10.0) -> HttpAnswer:
    """Return the answer, whatever its status.

    Raise TryAgain when there is none within ``seconds``, when it is not HTTP or too long, or when the other side
    cannot be trusted; Refused for a request that cannot be sent.
    """
    url = _url(request)
    _check(request)
    connection = _connection(url, seconds)
    peer = f"{connection.host}:{connection.port}"
    path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    asking = asyncio.get_running_loop().run_in_executor(None, _ask, connection, request, path)
    try:
        # Not asyncio.timeout: in a task that was cancelled Python 3.11.2 does not raise its TimeoutError.
        await asyncio.wait((asking,), timeout=seconds)
        if not asking.done():
            raise TryAgain(f"Could not {request.purpose}: {peer} did not answer within {seconds:g} seconds.")
        return asking.result()
    except ssl.SSLError as error:
        why = f"{peer} cannot be trusted; is the clock right, and the certificate? {error}"
        raise TryAgain(f"Could not {request.purpose}: {why}.") from None
    except TimeoutError:
        raise TryAgain(f"Could not {request.purpose}: {peer} did not answer within {seconds:g} seconds.") from None
    except (OSError, UnicodeError) as error:
        raise TryAgain(f"Could not {request.purpose}: {peer} cannot be reached: {error}.") from None
    except http.client.HTTPException:
        raise TryAgain(f"Could not {request.purpose}: {peer} does not answer in HTTP.") from None
    finally:
        _give_up(connection, asking)


def _ask(connection: http.client.HTTPConnection, request: HttpRequest, path: str) -> HttpAnswer:
    """Ask and wait, in a thread."""
    deadline = time.monotonic() + (connection.timeout or 0.0)
    try:
        headers = {"User-Agent": f"edgetx/{__version__}", "Accept": "application/json", **request.headers}
        connection.request(request.method, path, request.body or None, headers)
        response = connection.getresponse()
        return HttpAnswer(response.status, _body(response, deadline))
    finally:
        connection.close()


def _body(response: http.client.HTTPResponse, deadline: float) -> bytes:
    body = b""
    while part := response.read1(ANSWER_BYTES):
        body += part
        if len(body) > ANSWER_BYTES:
            raise http.client.HTTPException
        if time.monotonic() > deadline:  # Each wait has the socket's time-out, all of them together have none.
            raise TimeoutError
    return body


def _give_up(connection: http.client.HTTPConnection, asking: "asyncio.Future[HttpAnswer]") -> None:
    """Wake the thread if it still waits; what it then says interests nobody."""
    if not asking.done() or asking.cancelled():
        asking.cancel()
        waiting_on: socket.socket | None = connection.sock  # None before it is there; the resolver cannot be woken.
        if waiting_on:
            with suppress(OSError):
                waiting_on.shutdown(socket.SHUT_RDWR)


def _url(request: HttpRequest) -> SplitResult:
    try:
        url = urlsplit(request.url)
        good = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        good = False
    if not (good and request.url.isascii() and request.url.isprintable() and " " not in request.url):
        raise Refused(f"Could not {request.purpose}: the address is not one of HTTP.")
    return url


def _check(request: HttpRequest) -> None:
    for name, value in request.headers.items():
        if not (value.isascii() and value.isprintable()):
            raise Refused(f"The value of the header {name} holds characters that HTTP does not allow.")


def _connection(url: SplitResult, seconds: float) -> http.client.HTTPConnection:
    host = url.hostname or ""
    if url.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, url.port or 443, timeout=seconds, context=context)
    return http.client.HTTPConnection(host, url.port or 80, timeout=seconds)
