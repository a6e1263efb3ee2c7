from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.format import RATE
from edgetx.clock import Moment
from edgetx.mqtt.topics import Kind, Publication
from edgetx.records import (
    _checksum,
    count_of,
    count_record,
    microphone_of,
    microphone_record,
    publication_of,
    publication_record,
)
from edgetx.restart import Mark, Remembered
from edgetx.speech.budget import Spent
from edgetx.speech.ledger import Balance, Fate

FINAL = Publication("t/final", b'{"id":"1"}', qos=1, retain=False, durable=True, kind=Kind.FINAL, id="1")
MOMENT = Moment(1.5, synced=True, monotonic=-2.0, boottime=3.0, boot_id="b")
DESK = Remembered(Mark(7, MOMENT, 16001.5), Balance(5, {Fate.TRANSCRIBED: 3, Fate.SILENT: 1, Fate.LOST: 1}, ((6, 7),)))


def as_read(record):
    """SQLite is told to return texts as bytes."""
    return tuple(part.encode() if isinstance(part, str) else part for part in record)


def test_what_was_written_is_read():
    assert publication_of(*as_read(publication_record(3, FINAL))) == (3, FINAL)
    assert microphone_of(*as_read(microphone_record("desk", DESK))) == ("desk", DESK)
    spent = replace(DESK, spent=Spent("2026-11-21", 12.5, 2, told=True))
    assert microphone_of(*as_read(microphone_record("desk", spent))) == ("desk", spent)
    assert count_of(*as_read(count_record(Kind.FINAL, 4))) == (Kind.FINAL, 4)


@pytest.mark.parametrize(("told", "rate"), [(b"16001.5", 16001.5), (b"99999", RATE), (b"NaN", RATE), (b"0", RATE)])
def test_a_rate_that_no_sound_card_has_is_not_believed(told, rate):
    text = microphone_record("desk", DESK)[1].encode().replace(b"16001.5", told)
    assert microphone_of(*checked(b"desk", text))[1].mark.rate == rate
    old = text.replace(b', "rate": ' + told, b"")
    assert microphone_of(*checked(b"desk", old))[1].mark.rate == RATE


def test_a_record_that_does_not_tell_how_many_sessions_were_open_tells_of_none():
    spent = replace(DESK, spent=Spent("2026-11-21", 12.5, 2, told=True))
    old = microphone_record("desk", spent)[1].encode().replace(b', "open": 2, "told": true', b"")
    assert microphone_of(*checked(b"desk", old))[1].spent == Spent("2026-11-21", 12.5)


@pytest.mark.parametrize("column", [0, 1, 2, 3])
def test_a_record_that_was_changed_is_no_record(column):
    record = list(as_read(publication_record(3, FINAL)))
    record[column] = record[column] + (1 if isinstance(record[column], int) else b"x")
    with pytest.raises(ValueError, match="checksum"):
        publication_of(*record)


def checked(*parts):
    """A record with its right checksum, whatever it says."""
    return (*parts, _checksum(*parts))


@pytest.mark.parametrize("told", [b"{}", b"[]", b"no JSON", b'{"kind": "smell"}', b'{"kind": "final", "colour": 1}'])
def test_fields_that_this_edgetx_does_not_know_are_a_value_error(told):
    with pytest.raises(ValueError, match=r".+"):
        publication_of(*checked(3, told, b"x"))
    with pytest.raises(ValueError, match=r".+"):
        microphone_of(*checked(b"desk", told))


def test_a_name_that_is_no_text_is_a_value_error():
    with pytest.raises(ValueError, match="fields"):
        microphone_of(*checked(7, b"{}"))


columns = st.none() | st.integers() | st.floats() | st.binary() | st.text()


@given(columns, columns, columns, columns)
def test_whatever_stands_in_the_file_is_read_or_a_value_error(first, second, third, fourth):
    with pytest.raises(ValueError, match=r".+"):
        publication_of(first, second, third, fourth)
    with pytest.raises(ValueError, match=r".+"):
        microphone_of(first, second, third)
    with pytest.raises(ValueError, match=r".+"):
        count_of(first, second, third)


@pytest.mark.parametrize("record", [checked(b"final", 1.5), checked(7, 7), checked(b"smell", 7), (b"final", 7, 1)])
def test_a_count_that_is_none_is_a_value_error(record):
    with pytest.raises(ValueError, match=r".+"):
        count_of(*record)
