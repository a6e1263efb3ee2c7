"""The boards that there are: those of the package, and the device's own, which add to them or stand in their place.

Nothing is read before a board is asked for: a file costs a millisecond on a PC, and most microphones have no array.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from edgetx import document
from edgetx.board import Board, fitting, parse
from edgetx.checks import identifier, shown
from edgetx.errors import SettingsError
from edgetx.listening import ArraySettings
from edgetx.scalars import did_you_mean, one_of

PACKAGED = Path(__file__).parent / "board-files"
"""A link to config/boards, in whose place an installed package has the files."""
OWN = Path("/etc/edgetx/boards")
FOLDERS = (PACKAGED, OWN)
"""A later one's board replaces an earlier one's of its name."""


class UsbDevice(Protocol):
    """What a card's USB device says of itself."""

    @property
    def vendor(self) -> str:
        """Four hexadecimal digits."""

    @property
    def product(self) -> str:
        """Four hexadecimal digits."""


class SoundCard(Protocol):
    """What is known of a card: see `edgetx.audio.cards.Card`."""

    @property
    def id(self) -> str:
        """Its id in /proc/asound/cards."""

    @property
    def name(self) -> str:
        """What its driver calls it."""

    @property
    def usb(self) -> UsbDevice | None:
        """None when it is no USB device."""


def all(folders: Sequence[Path] = FOLDERS) -> list[Board]:  # noqa: A001  (boards.all() says what it is)
    """Return every board, by name. Raise SettingsError when a file has faults."""
    return [_read(path) for _, path in sorted(_files(folders).items())]


def named(name: str, folders: Sequence[Path] = FOLDERS) -> Board:
    """Return the board of that name; its file alone is read. Raise SettingsError when there is none, or with faults."""
    files = _files(folders)
    if name in files:
        return _read(files[name])
    known = did_you_mean(name, sorted(files)) or f"; it is 'auto' or {one_of(sorted(files))}"
    raise SettingsError([f"{shown(name)} is no board{known}"])


def chosen(word: str, folders: Sequence[Path] = FOLDERS) -> ArraySettings:
    """Return what ``array`` means by a word: that board, or ``auto``, for which every file must be right.

    Raise SettingsError like `named` and `all`: better now than when a card is looked up.
    """
    if word != "auto":
        return named(word, folders)
    all(folders)
    return "auto"


def recognised(card_id: str, card_name: str, usb_id: str, folders: Sequence[Path] = FOLDERS) -> Board | None:
    """Return the one board that a card can be; None when there is none, or more than one. Raise SettingsError."""
    found = fitting(all(folders), card_id=card_id, card_name=card_name, usb_id=usb_id)
    return found[0] if len(found) == 1 else None


def among(boards: Iterable[Board], card: SoundCard) -> list[Board]:
    """Return those that a card may be: several, where one driver serves them."""
    usb_id = f"{card.usb.vendor}:{card.usb.product}" if card.usb else ""
    return fitting(boards, card_id=card.id, card_name=card.name, usb_id=usb_id)


def resolve(array: ArraySettings | None, card: SoundCard | None, folders: Sequence[Path] = FOLDERS) -> Board | None:
    """Return the board that a microphone has: the one that is set or, with ``auto``, the one that its card can be.

    None when the settings name none, or the card is not known, or may be several: `unresolved` says what to write.
    """
    if array != "auto":
        return array
    found = among(all(folders), card) if card else []
    return found[0] if len(found) == 1 else None


def unresolved(card: SoundCard | None, folders: Sequence[Path] = FOLDERS) -> str:
    """Return why ``array: auto`` finds no board, and what to do."""
    if card is None:
        return "The device is no sound card, so it cannot be told which array it is: write the board's name as 'array'."
    found = among(all(folders), card)
    if not found:
        return f"The card {card.id} is no array that is known; 'array' may say where its microphones are."
    return f"The card {card.id} may be {one_of(board.name for board in found)}: write which of them as 'array'."


def _files(folders: Sequence[Path]) -> dict[str, Path]:
    return {
        path.stem: path
        for folder in folders
        for path in sorted(folder.glob("*.yaml"))
        if path.stem != "auto" and identifier(path.stem) is None
    }


def _read(path: Path) -> Board:
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(document.MAX_BYTES + 1)
    except UnicodeDecodeError as error:
        raise SettingsError([f"{path}: the file is not UTF-8 text; save it as UTF-8"]) from error
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read ({error.strerror}); check who may read it"]) from error
    return parse(text, path=str(path), name=path.stem)
