"""How the rows of the state file are written, and read again: as JSON, each with a checksum. Pure.

A checksum because SQLite has none: an SD card that forgets does so silently. What was read is never believed: whatever
is wrong with a record, reading it raises ValueError and nothing else.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from edgetx.audio.format import RATE
from edgetx.clock import Moment
from edgetx.mqtt.topics import Kind, Publication
from edgetx.restart import Mark, Remembered
from edgetx.speech.budget import Spent
from edgetx.speech.ledger import Balance, Fate

Row = tuple[int, Publication]


def publication_record(number: int, publication: Publication) -> tuple[int, str, bytes, int]:
    """Return number, fields, payload and checksum."""
    told = {part.name: getattr(publication, part.name) for part in fields(Publication) if part.name != "payload"}
    text = json.dumps(told)
    return number, text, publication.payload, _checksum(number, text.encode(), publication.payload)


def publication_of(number: Any, told: Any, payload: Any, checksum: Any) -> Row:
    """Return what `publication_record` was made of; texts come as bytes."""
    if checksum != _checksum(number, told, payload):
        raise ValueError("The checksum is wrong.")
    try:
        named = json.loads(told)
        return number, Publication(**{**named, "kind": Kind(named["kind"]), "payload": payload})
    except (KeyError, TypeError) as error:  # Rightly written, by an edgetx that knows other fields.
        raise ValueError(f"The fields are others: {error}.") from error


def microphone_record(name: str, remembered: Remembered) -> tuple[str, str, int]:
    """Return name, what is remembered, and checksum."""
    mark, balance = remembered.mark, remembered.balance
    told: dict[str, Any] = {
        "mark": {"frame": mark.frame, "moment": asdict(mark.moment), "rate": mark.rate},
        "balance": {"frontier": balance.frontier, "settled": balance.settled, "ahead": balance.ahead},
    }
    if remembered.spent:
        told["spent"] = asdict(remembered.spent)
    text = json.dumps(told)
    return name, text, _checksum(name.encode(), text.encode())


def microphone_of(name: Any, told: Any, checksum: Any) -> tuple[str, Remembered]:
    """Return what `microphone_record` was made of; texts come as bytes."""
    if checksum != _checksum(name, told):
        raise ValueError("The checksum is wrong.")
    try:
        return name.decode(), _remembered(json.loads(told))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"The fields are others: {error}.") from error


def count_record(kind: Kind, count: int) -> tuple[str, int, int]:
    """Return kind, how many of it were given up, and checksum."""
    return str(kind), count, _checksum(str(kind).encode(), count)


def count_of(kind: Any, count: Any, checksum: Any) -> tuple[Kind, int]:
    """Return what `count_record` was made of; texts come as bytes."""
    if checksum != _checksum(kind, count) or not (isinstance(kind, bytes) and isinstance(count, int)):
        raise ValueError("The checksum is wrong.")
    return Kind(kind.decode()), count


def _remembered(told: Mapping[str, Any]) -> Remembered:
    mark, balance = told["mark"], told["balance"]
    settled = {fate: balance["settled"][fate] for fate in Fate}
    ahead = tuple((start, end) for start, end in balance["ahead"])
    known = Mark(mark["frame"], Moment(**mark["moment"]), _rate(mark.get("rate", RATE)))
    return Remembered(known, Balance(balance["frontier"], settled, ahead), _spent(told.get("spent")))


def _spent(told: Any) -> Spent | None:
    """Return what was used of a day's budget: not every older record tells it, or all of it."""
    if not told:
        return None
    return Spent(str(told["day"]), float(told["seconds"]), int(told.get("open", 0)), bool(told.get("told", False)))


def _rate(told: Any) -> float:
    """Return the rate of a sound card, which no older record tells; it is none that is far from what it is to be."""
    return float(told) if abs(told - RATE) < RATE / 100 else float(RATE)


def _checksum(*parts: Any) -> int:
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part if isinstance(part, bytes) else repr(part).encode(), checksum)
    return checksum
