"""The first steps to a server by hand, so that it can be said which of them fails: its name, TCP, TLS."""

import asyncio
import os
import socket
import ssl
from contextlib import suppress

from edgetx.errors import TryAgain

PATIENCE_SECONDS = 10.0
"""For a name, and for a connection."""
ADDRESSES_SHOWN = 3


async def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host. Raise TryAgain when it has none."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise TryAgain(f"No name server knew {host} within {PATIENCE_SECONDS:g} s.") from None
    except (OSError, UnicodeError) as error:
        raise TryAgain(f"{host} has no address: {reason(error)}.") from None
    return sorted({str(address[0]) for *_, address in found})


async def touch(host: str, port: int, context: ssl.SSLContext | None) -> None:
    """Connect, by TLS if there is a ``context``, and hang up. Raise TryAgain when that cannot be done."""
    peer = f"{host}:{port}"
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLError as error:
        raise TryAgain(f"{peer} cannot be trusted; is the clock right, and the certificate? {reason(error)}.") from None
    except TimeoutError:
        raise TryAgain(f"{peer} did not answer within {PATIENCE_SECONDS:g} s.") from None
    except OSError as error:
        raise TryAgain(f"{peer} cannot be reached: {reason(error)}.") from None
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def reason(error: OSError | UnicodeError) -> str:
    """Return the system's words where it has some: asyncio's hold a tuple."""
    number = getattr(error, "errno", None) or 0
    return os.strerror(number) if number > 0 and not isinstance(error, ssl.SSLError) else str(error)
