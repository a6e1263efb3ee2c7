"""The few errors of edgetx, named by what the one who catches them should do.

Every text is a whole sentence for a person: what happened, to which device or address, and what would mend it.
A door (see the design's rule 2) turns foreign exceptions into these; nothing else catches them broadly.
"""


class EdgetxError(Exception):
    """The root of everything that edgetx raises on purpose."""


class TryAgain(EdgetxError):
    """Expected trouble that passes by itself: a network, a broker, a provider, an unplugged device.

    ``after_seconds``: another attempt sooner than that is useless. ``tries``: the number of attempts in a row that may
    meet this trouble and be repeated; the next one that does is as good as `Refused`. None: any number.
    """

    def __init__(self, text: str, *, after_seconds: float = 0.0, tries: int | None = None) -> None:
        super().__init__(text)
        self.after_seconds = after_seconds
        self.tries = tries


class Refused(EdgetxError):
    """The other side will not have us as we are: a wrong key, an unpaid account, a format it does not know.

    Trying again at once is useless; the loop that owns the connection waits long and says so.
    """


class SettingsError(EdgetxError):
    """The settings cannot be used. ``faults`` holds one sentence each, with file and line. Exit code 78."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
