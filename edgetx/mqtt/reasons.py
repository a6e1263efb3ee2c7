"""What a broker says when it will not have us, or a message: told to a person, and what to do about it. Pure.

Codes and names are those of MQTT 5 (section 2.4, https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html);
paho gives the few of MQTT 3.1.1 the same. What only a person can mend is tried a few times all the same, for there are
brokers that ask another service who may come in, and say no while that is down.
"""

from dataclasses import dataclass

from edgetx.errors import TryAgain
from edgetx.mqtt.address import Address, closed_at_once

FAILURE = 128
"""Codes from here on say no."""
UNSUPPORTED_VERSION = 132
TAKEN_OVER = 142
TOO_LARGE = 149
NO_RETAIN = 154
NO_QOS = 155

TRIES = 10
"""Some five minutes; then one try every quarter of an hour."""
SLOW_SECONDS = 10.0
WORDS = 200
"""Characters of the broker's own words that are shown."""

LOGIN = "check mqtt.username and mqtt.password"
BY_A_PERSON = {
    133: "check 'device'",
    134: LOGIN,
    135: LOGIN,
    138: "ask who runs it",
    140: LOGIN,
    144: "check mqtt.base_topic",
    156: "change mqtt.url",
    157: "change mqtt.url",
}
SLOWLY = frozenset({130, 131, 137, 144, 147, 148, TOO_LARGE, 150, 151, 152, 153, 159})
"""What would come again at once if we did: limits of the broker, and rules that it says we broke."""

FOR_GOOD = frozenset({TOO_LARGE, 153})
"""What a broker will never take, whoever mends what; all else that it refuses is kept."""
BY_THE_OWNER = {135: "allow it in the broker's access control (ACL)", 144: "check mqtt.base_topic"}
"""Of one message: what whoever runs the broker can mend, or these settings."""
KEPT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The broker's no to one message, in words; ``again_seconds``: when to ask again, None: never."""

    words: str
    again_seconds: float | None


def refusal(address: Address, code: int, *, name: str, words: str) -> TryAgain:
    """Return the trouble when the broker did not let us in; ``words`` are its own, or empty."""
    text = f"The broker at {address} refuses us: {_in_words(name, words)}{_mend(code)}."
    return TryAgain(text, after_seconds=_after(code), tries=TRIES if code in BY_A_PERSON else None)


def goodbye(address: Address, code: int, *, name: str, words: str) -> TryAgain:
    """Return the trouble when the broker ended the connection and said why."""
    text = f"The broker at {address} ended the connection: {_in_words(name, words)}{_mend(code)}."
    return TryAgain(text, after_seconds=_after(code))


def lost(address: Address, *, silent_seconds: int | None, foreign: bool, accepted: bool) -> TryAgain:
    """Return the trouble when a connection ended without a word from the broker."""
    if silent_seconds is not None:
        return TryAgain(f"The broker at {address} has not answered for {silent_seconds} s.")
    if foreign:
        return TryAgain(f"What answers at {address} does not speak MQTT as we do; check mqtt.url.")
    return TryAgain(f"The connection to the broker at {address} was lost." if accepted else closed_at_once(address))


def too_large(address: Address, packet_bytes: int, *, largest_bytes: int) -> TryAgain:
    """Return the trouble when the broker sends what is too large to be taken."""
    return TryAgain(
        f"The broker at {address} sends a packet of {packet_bytes} bytes, and no more than {largest_bytes} are taken:"
        " the connection is ended. Who publishes so much on a topic of requests?"
    )


def mute(address: Address, seconds: float) -> TryAgain:
    """Return the trouble when the broker has acknowledged nothing for so long."""
    return TryAgain(f"The broker at {address} has acknowledged nothing for {seconds:g} s, though it is there.")


def refused(topic: str, code: int, *, name: str, words: str) -> Refusal:
    """Return what it means that the broker does not take a message on ``topic``."""
    text = f"The broker does not take what is published on {topic}: {_in_words(name, words)}"
    if code in FOR_GOOD:
        return Refusal(f"{text}; it is given up.", None)
    mend = f"; {BY_THE_OWNER[code]}" if code in BY_THE_OWNER else ""
    return Refusal(f"{text}{mend}. It is kept, and tried again.", KEPT_SECONDS if mend else SLOW_SECONDS)


def _in_words(name: str, words: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in words[:WORDS]).strip().rstrip(".")
    return f"{name} ({printable})" if printable else name


def _mend(code: int) -> str:
    return f"; {BY_A_PERSON[code]}" if code in BY_A_PERSON else ""


def _after(code: int) -> float:
    return SLOW_SECONDS if code in SLOWLY else 0.0
