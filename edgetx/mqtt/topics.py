"""Every publication of edgetx: which topic, which payload, and how it is to be delivered. Pure.

The payloads' formats are `schemas/*.json`; a test validates every publication against them. A payload is one compact
JSON object in UTF-8; times are ISO-8601 UTC with milliseconds; what is not known is left out, never null. Only
`availability` is a bare word, because that is what Home Assistant and its kin compare with as they find it.

Three ways to be delivered: *durable* (QoS 1, queued until the broker has it), *retained* (QoS 1, the latest of a
topic is what counts), and *passing* (worth nothing a moment later, never queued; QoS 0, but for a response).
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from edgetx.speech.events import MicrophoneEvent, PlacedWord, Transcript

Availability = Literal["online", "offline", "stopped"]

ID_LETTERS = 200
"""Of an id, which a provider may have had a hand in, as a message's property; the payload has it whole."""


class Kind(StrEnum):
    """What a publication tells; what is given up first goes by it."""

    AVAILABILITY = "availability"
    INFO = "info"
    HEALTH = "health"
    STATE = "state"
    FINAL = "final"
    PARTIAL = "partial"
    EVENT = "event"
    LEVEL = "level"
    REQUEST = "request"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Publication:
    """One message to the broker. Neither ``durable`` nor ``retain``: passing.

    ``id``: the same for every repeat, that a consumer may drop it; empty where the latest is what counts. ``ahead``: if
    the clock that told the payload's times was not synchronised, how far (seconds) it was ahead of the time since the
    boot ``boot``; else None.
    """

    topic: str
    payload: bytes
    qos: Literal[0, 1]
    retain: bool
    durable: bool
    kind: Kind
    id: str = ""
    ahead: float | None = None
    boot: str = ""


@dataclass(frozen=True, slots=True)
class Response(Publication):
    """The answer to a request; ``correlation`` is what that one asked to have back beside the payload (MQTT 5)."""

    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device: ``<base>/<device>/…``; ids are what `identifier` makes."""

    base: str
    device: str

    @property
    def last_will(self) -> Publication:
        """What the broker is to publish when it loses us."""
        return self.availability("offline")

    def availability(self, status: Availability) -> Publication:
        """``online``, ``offline`` (the last will) or ``stopped`` (on purpose): the bare word."""
        return _retained(self._topic("availability"), status.encode(), Kind.AVAILABILITY)

    def info(self, fields: Mapping[str, Any]) -> Publication:
        """Version, host model, microphones, settings without secrets."""
        return _retained(self._topic("info"), as_json(fields), Kind.INFO)

    def health(self, fields: Mapping[str, Any]) -> Publication:
        """The verdict, and every stage's status."""
        return _retained(self._topic("health"), as_json(fields), Kind.HEALTH)

    def state(self, microphone: str, fields: Mapping[str, Any]) -> Publication:
        """What a microphone's capture and its provider are doing."""
        return _retained(self._topic(microphone, "state"), as_json(fields), Kind.STATE)

    def transcript(self, microphone: str, transcript: Transcript) -> Publication:
        """One utterance: durable when final, else passing."""
        payload = as_json(self._transcript(microphone, transcript))
        if transcript.final:
            return _durable(self._topic(microphone, "transcript/final"), payload, Kind.FINAL, repeats=transcript.id)
        return _passing(self._topic(microphone, "transcript/partial"), payload, Kind.PARTIAL)

    def event(self, microphone: str, event: MicrophoneEvent) -> Publication:
        """Something that happened. The event's data may add to the common fields, not replace them."""
        common = {
            "id": event.id,
            "device": self.device,
            "microphone": microphone,
            "event": event.name,
            "at": event.at,
        }
        payload = as_json({**common, **event.data, **common})
        return _durable(self._topic(microphone, "event"), payload, Kind.EVENT, repeats=event.id)

    def level(self, microphone: str, fields: Mapping[str, Any]) -> Publication:
        """How loud it is."""
        return _passing(self._topic(microphone, "level"), as_json(fields), Kind.LEVEL)

    @property
    def requests(self) -> str:
        """What to subscribe to, to hear every request."""
        return self.request("+")

    def request(self, name: str) -> str:
        """Where the request of that name is made."""
        return self._topic("request", name)

    def response(self, name: str) -> str:
        """Where the request of that name is answered, unless it asks for another place."""
        return self._topic("response", name)

    def _topic(self, *parts: str) -> str:
        return "/".join((self.base, self.device, *parts))

    def _transcript(self, microphone: str, transcript: Transcript) -> dict[str, Any]:
        return {
            "id": transcript.id,
            "device": self.device,
            "microphone": microphone,
            "text": transcript.text,
            "final": transcript.final,
            "start": transcript.start,
            "end": transcript.end,
            "frames": transcript.frames,
            "words": [_word(word) for word in transcript.words] or None,
            "speaker": transcript.speaker or None,
            "language": transcript.language or None,
            "confidence": transcript.confidence,
            "direction": transcript.direction.fields() if transcript.direction else None,
            "provider": transcript.provider,
            "session": transcript.session,
            "timing": "estimated" if transcript.estimated else None,
            "late": transcript.late,
            "clock_synced": transcript.clock_synced,
        }


def identifier(text: str) -> str:
    """Return ``text`` (a host name) as an id: ``[a-z0-9_-]``, never empty."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-") or "edgetx"


def as_json(fields: Mapping[str, Any]) -> bytes:
    """Return ``fields`` as a payload."""
    # A lone surrogate, which JSON's escapes allow a provider to send, has no UTF-8: it becomes a question mark.
    return json.dumps(_known(fields), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _retained(topic: str, payload: bytes, kind: Kind) -> Publication:
    return Publication(topic, payload, qos=1, retain=True, durable=False, kind=kind)


def _durable(topic: str, payload: bytes, kind: Kind, *, repeats: str) -> Publication:
    known_by = "".join(letter if letter.isprintable() else "?" for letter in repeats[:ID_LETTERS])
    return Publication(topic, payload, qos=1, retain=False, durable=True, kind=kind, id=known_by)


def _passing(topic: str, payload: bytes, kind: Kind) -> Publication:
    return Publication(topic, payload, qos=0, retain=False, durable=False, kind=kind)


def _word(word: PlacedWord) -> dict[str, Any]:
    return {
        "text": word.text,
        "start": word.start,
        "end": word.end,
        "confidence": word.confidence,
        "speaker": word.speaker or None,
    }


def _known(value: Any) -> Any:
    """Return ``value`` as JSON can say it, without what is not known: None and numbers that are none."""
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items() if not _unknown(item)}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value if not _unknown(item)]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def _unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))
