"""What others ask of the daemon, and what they are answered. Pure.

A request is a message on ``<base>/<device>/request/<name>``; its payload (`schemas/request.json`) is an object with the
microphone that is meant (all of them without it), and a ``transaction``, any single value, that comes back in the
response (`schemas/response.json`). That goes to ``…/response/<name>``; with MQTT 5 to where the request's *response
topic* says, and with its *correlation data* in any case.

Anybody may have sent it, and what is not understood changes nothing. Not even an unknown field is overlooked, for a
misspelt ``microphone`` would else mean all of them; nor an empty payload, for so a retained
request is cleared. Who asks may not have us say things on other topics below our own base.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgetx.checks import identifier, shown
from edgetx.mqtt.topics import Kind, Publication, Response, Topics, as_json
from edgetx.scalars import did_you_mean, one_of

SWITCHES = ("mute", "unmute")
NAMES = (*SWITCHES, "state")
MAX_BYTES = 4096
MAX_TOPIC = 512
MAX_LEVELS = 20
"""Of a topic to answer to. Mosquitto hangs up on who publishes to one with more than 200."""
MAX_CORRELATION_BYTES = 1024
BURST = 20
PER_SECOND = 2.0

Transaction = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from the broker. ``retained``: it was there before we were. The last two: of MQTT 5."""

    topic: str
    payload: bytes
    retained: bool = False
    response_topic: str = ""
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who waits for the response: where, and what it is to be known by."""

    topic: str
    correlation: bytes = b""
    transaction: Transaction = None

    def told(self, data: Mapping[str, Any]) -> Response:
        """Return the response to a request that was obeyed."""
        return self._response({"status": "ok", "data": data})

    def denied(self, error: str) -> Response:
        """Return the response to one that was not; ``error`` is a sentence for a person."""
        return self._response({"status": "error", "error": error})

    def _response(self, fields: Mapping[str, Any]) -> Response:
        payload = as_json({**fields, "transaction": self.transaction})
        return Response(
            self.topic,
            payload,
            qos=1,
            retain=False,
            durable=False,
            kind=Kind.RESPONSE,
            correlation=self.correlation,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was understood. ``microphone``: its name; None: every one."""

    name: str
    microphone: str | None
    asker: Asker


class Pace:
    """How many requests of one kind are obeyed: `BURST` at once, `PER_SECOND` in the long run."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at = 0.0

    def left(self, now: float) -> int:
        """Count a request at ``now``, in monotonic seconds; return how many more there may be. Less than 0: not it."""
        self._left = min(float(BURST), self._left + (now - self._at) * PER_SECOND)
        self._at = now
        if self._left < 1:
            return -1
        self._left -= 1
        return int(self._left)


def switches(message: Incoming, topics: Topics) -> bool:
    """Whether ``message`` would mute or unmute: who asks for something else, however often, must not be in its way."""
    return message.topic in map(topics.request, SWITCHES)


def request(topics: Topics, name: str, microphone: str | None, *, transaction: str) -> Publication:
    """Return a request to be published."""
    payload = as_json({"microphone": microphone, "transaction": transaction})
    return Publication(topics.request(name), payload, qos=1, retain=False, durable=False, kind=Kind.REQUEST)


def response(message: Incoming, transaction: str) -> Mapping[str, Any] | str | None:
    """Return the data of the response to ``transaction``, or the error in words; None: ``message`` is not it."""
    try:
        fields = json.loads(message.payload.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.get("transaction") != transaction:
        return None
    data = fields.get("data")
    if fields.get("status") == "ok" and isinstance(data, dict):
        return {name: part for name, part in data.items() if isinstance(part, dict)}
    return str(fields.get("error", "It does not say why not."))


def read(message: Incoming, topics: Topics) -> Request | Response | None:
    """Return what ``message`` asks for, or the response if it cannot be understood; None: there is nobody to answer."""
    name = message.topic.removeprefix(topics.request(""))
    asker = Asker(message.response_topic or topics.response(name), message.correlation)
    if identifier(name) or not _may_be_answered(asker, topics):
        return None
    fields = _fields(message.payload)
    if isinstance(fields, str):
        return asker.denied(fields)
    transaction = fields.pop("transaction", None)
    if isinstance(transaction, dict | list):
        return asker.denied("The transaction must be a single value.")
    asker = replace(asker, transaction=transaction)
    if fault := _fault(name, fields):
        return asker.denied(fault)
    return Request(name, fields.get("microphone"), asker)


def _may_be_answered(asker: Asker, topics: Topics) -> bool:
    topic = asker.topic
    if len(topic) > MAX_TOPIC or topic.count("/") >= MAX_LEVELS or len(asker.correlation) > MAX_CORRELATION_BYTES:
        return False
    if not topic.isprintable() or {"+", "#"} & set(topic) or topic.startswith("$"):
        return False
    return topic.startswith(topics.response("")) or not f"{topic}/".startswith(f"{topics.base}/")


def _fields(payload: bytes) -> dict[str, Any] | str:
    """Return the fields of a request, or what is wrong with it, in words."""
    if not payload:
        return "The request is empty; send {} to mean every microphone."
    if len(payload) > MAX_BYTES:
        return f"The request has {len(payload)} bytes; {MAX_BYTES} are allowed."
    try:
        fields = json.loads(payload.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        fields = None
    return fields if isinstance(fields, dict) else "The request is no JSON object."


def _fault(name: str, fields: Mapping[str, Any]) -> str:
    if name not in NAMES:
        return f"There is no request {shown(name)}; there is {one_of(NAMES)}."
    for unknown in sorted(fields.keys() - {"microphone"}):
        meant = did_you_mean(unknown, ("microphone", "transaction"))
        return f"A request has no field {shown(unknown)}{meant or '.'}"
    if not isinstance(fields.get("microphone", ""), str):
        return "The microphone must be a name; without one, all are meant."
    return ""


def _no_number(constant: str) -> None:
    raise ValueError(constant)
