"""Times told by a clock that was wrong, put right when it is known by how much. Pure.

A Pi has no clock of its own: until the network has set it, its wall clock may be hours off, but its distance from the
time since boot (`ahead`, seconds) changes only when somebody sets it. So a publication made before that carries the
`ahead` that its times were told by, and leaves with them moved by the difference. One that has waited over a reboot
cannot be put right, and leaves as it is, its `clock_synced` false.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from edgetx.clock import Moment
from edgetx.mqtt.topics import Kind, Publication, as_json


def stamped(publication: Publication, now: Moment) -> Publication:
    """Return ``publication`` with a note of the clock that told its times, if that is not synchronised."""
    return publication if now.synced else replace(publication, ahead=_ahead(now), boot=now.boot_id)


def corrected(publication: Publication, now: Moment) -> Publication:
    """Return ``publication`` with its times put right, if they need to be and the clocks of ``now`` can tell how.

    Only the times that are ours are changed: an event of the provider may tell times too.
    """
    if publication.ahead is None or not now.synced or not now.boot_id or publication.boot != now.boot_id:
        return publication
    fields = json.loads(publication.payload)
    try:
        moved = _moved(fields, publication.kind, timedelta(seconds=_ahead(now) - publication.ahead))
    except (ValueError, OverflowError):  # No such year, before or after.
        return publication
    return replace(publication, payload=as_json(moved), ahead=None, boot="")


def _ahead(moment: Moment) -> float:
    return moment.wall - moment.boottime


def _moved(fields: dict[str, Any], kind: Kind, by: timedelta) -> dict[str, Any]:
    ours = ("start", "end") if kind is Kind.FINAL or fields.get("event") == "gap" else ()
    told: dict[str, Any] = {name: _later(fields[name], by) for name in ("at", *ours) if name in fields}
    if kind is Kind.FINAL:
        told["clock_synced"] = True
    if kind is Kind.FINAL and "words" in fields:
        told["words"] = [word | {name: _later(word[name], by) for name in ("start", "end")} for word in fields["words"]]
    return fields | told


def _later(told: str, by: timedelta) -> datetime:
    return datetime.fromisoformat(told).astimezone(UTC) + by
