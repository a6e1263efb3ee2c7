"""A provider whose key is missing: refused before anything is asked of it, so the rest of the daemon goes on.

Its sound is kept as that of any provider that is away.
"""

from dataclasses import dataclass

from edgetx.errors import Refused
from edgetx.speech.session import Limits, Opening, Provider, Session


@dataclass(frozen=True, slots=True)
class Keyless:
    """``provider`` as far as it needs no key; ``remedy`` is a sentence that says what is missing and what to do."""

    provider: Provider
    remedy: str

    @property
    def name(self) -> str:
        """The provider's."""
        return self.provider.name

    @property
    def limits(self) -> Limits:
        """The provider's."""
        return self.provider.limits

    def opening(self) -> Opening:
        """Raise Refused."""
        yield from ()
        raise Refused(self.remedy)

    def session(self) -> Session:
        """Return the provider's, which nobody will ask for."""
        return self.provider.session()
