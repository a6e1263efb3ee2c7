"""What a broker takes: its side of a connection's terms, and a publication made to fit them. Pure.

A broker says so when it accepts us (MQTT 5, 3.2.2.3); one that speaks 3.1.1 cannot, and then the standard's defaults
hold. What does not fit is sent as far as it goes (a lower QoS, not retained), and a person is told.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from edgetx.mqtt.topics import Publication, Response

Version = Literal[4, 5]
"""As it stands in the protocol."""
OLD: Final = 4
"""MQTT 3.1.1."""
NEW: Final = 5
ANY_NUMBER = 65_535


@dataclass(frozen=True, slots=True)
class Terms:
    """``maximum_packet``: bytes of a whole PUBLISH packet; None: any."""

    version: Version = OLD
    receive_maximum: int = ANY_NUMBER
    maximum_qos: int = 2
    retain: bool = True
    maximum_packet: int | None = None

    def fit(self, publication: Publication) -> Publication:
        """Return ``publication`` as this broker takes it."""
        if (self.retain or not publication.retain) and publication.qos <= self.maximum_qos:
            return publication
        qos = publication.qos if self.maximum_qos else 0
        return replace(publication, qos=qos, retain=publication.retain and self.retain)

    def too_large(self, publication: Publication) -> bool:
        """Return whether the broker would not take ``publication`` because of its size."""
        return self.maximum_packet is not None and packet_bytes(publication) > self.maximum_packet

    @property
    def shortcomings(self) -> str:
        """What the broker lacks, for a person; empty: nothing."""
        qos = "The broker takes QoS 0 only: what is under way when a connection breaks is lost. "
        retain = "The broker keeps no retained messages: who subscribes later sees the next change only. "
        return ((qos if self.maximum_qos < 1 else "") + ("" if self.retain else retain)).strip()


def packet_bytes(publication: Publication) -> int:
    """Return the size of the MQTT 5 packet that carries ``publication``, with its id or what it answers to."""
    properties = 7 + len(publication.id.encode()) if publication.id else 0  # its code, then two texts, one "id"
    if isinstance(publication, Response) and publication.correlation:
        properties += 3 + len(publication.correlation)
    rest = 2 + len(publication.topic.encode()) + 2 * bool(publication.qos) + len(publication.payload)
    rest += _length_bytes(properties) + properties
    return 1 + _length_bytes(rest) + rest


def _length_bytes(number: int) -> int:
    """Return how many bytes a variable byte integer takes (MQTT 5, 1.5.5)."""
    return max(1, -(-number.bit_length() // 7))
