"""Who may open the sound devices: whoever asks, and the service's user. Pure.

/etc/passwd by passwd(5), /etc/group by group(5).
"""

from collections.abc import Collection
from dataclasses import dataclass

from edgetx.doctor.report import Finding, Verdict

STAGE = "sound"
AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Accounts:
    """The two files' texts."""

    passwd: str
    group: str

    def number(self, user: str) -> int | None:
        """Return a user's number."""
        found = _rows(self.passwd, 4).get(user)
        return int(found[2]) if found and found[2].isdigit() else None

    def name(self, number: int) -> str:
        """Return a user's name; where it has none, the number."""
        return next((name for name, row in _rows(self.passwd, 4).items() if row[2] == str(number)), str(number))

    def audio(self) -> int | None:
        """Return the number of the group `AUDIO`."""
        found = _rows(self.group, 4).get(AUDIO)
        return int(found[2]) if found and found[2].isdigit() else None

    def has_audio(self, user: str) -> bool:
        """Whether a user is entered in the group, by either file."""
        audio, row = _rows(self.group, 4).get(AUDIO), _rows(self.passwd, 4).get(user)
        return audio is not None and (user in audio[3].split(",") or (row is not None and row[3] == audio[2]))


def judge_asker(accounts: Accounts, number: int, groups: Collection[int]) -> Finding:
    """Return whether who asks may open a sound device: by the groups that the process really has."""
    name, audio = accounts.name(number), accounts.audio()
    if number == 0:
        return Finding(STAGE, "you", Verdict.OK, "You are root, who may open every device.")
    if audio is None:
        return Finding(STAGE, "you", Verdict.SKIPPED, f"There is no group {AUDIO!r} here.")
    if audio in groups:
        return Finding(STAGE, "you", Verdict.OK, f"You ({name}) are in the group {AUDIO!r}.")
    if accounts.has_audio(name):
        text = f"You ({name}) were added to the group {AUDIO!r}, but this login is older."
        return Finding(STAGE, "you", Verdict.WARNING, text, "Log out and in again.")
    remedy = f"sudo usermod -aG {AUDIO} {name}; then log out and in again."
    return Finding(STAGE, "you", Verdict.WARNING, f"You ({name}) are not in the group {AUDIO!r}.", remedy)


def judge_service(accounts: Accounts, user: str, groups: Collection[str]) -> Finding:
    """Return whether the service may open a sound device, by its user and the ``groups`` that its unit gives it."""
    if accounts.number(user) is None:
        text = f"The service's user {user} is not in /etc/passwd."
        return Finding(STAGE, "service", Verdict.FAILED, text, "Install it again: sudo scripts/install")
    if user == "root" or AUDIO in groups or accounts.has_audio(user):
        return Finding(STAGE, "service", Verdict.OK, f"The service's user {user} may open sound devices.")
    remedy = f"sudo usermod -aG {AUDIO} {user} && sudo systemctl restart edgetx"
    return Finding(STAGE, "service", Verdict.FAILED, f"The service's user {user} is not in {AUDIO!r}.", remedy)


def _rows(text: str, least: int) -> dict[str, list[str]]:
    rows = (line.split(":") for line in text.splitlines() if not line.startswith("#"))
    return {row[0]: row for row in rows if len(row) >= least}
