"""What an HTTP status says about trying again. Pure."""

from edgetx.errors import Refused, TryAgain

_PASSING = frozenset({408, 425, 429})
_SERVER_ERROR = 500


def status_trouble(peer: str, status: int) -> TryAgain | Refused:
    """Return the error for an answer that is not a yes: those that pass by themselves (408, 425, 429, 5xx) or not."""
    if status in _PASSING or status >= _SERVER_ERROR:
        return TryAgain(f"{peer} cannot serve us now: HTTP status {status}.")
    return Refused(f"{peer} refused the connection with HTTP status {status}.")
