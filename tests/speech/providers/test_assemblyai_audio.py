import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.speech.providers.assemblyai_audio import CHUNK, Chunker

MS = 32  # bytes of 16 kHz int16


def chunker():
    return Chunker(16_000, "pcm_s16le")


def test_a_message_of_the_best_length_goes_out_at_once_and_as_it_is():
    pcm = b"ab" * 1600
    assert chunker().feed(pcm)[0] is pcm


def test_short_pieces_are_gathered():
    stream = chunker()
    assert [stream.feed(bytes(40 * MS)) for _ in range(3)] == [[], [], [bytes(120 * MS)]]


def test_a_long_piece_is_cut():
    assert [len(message) for message in chunker().feed(bytes(2550 * MS))] == [1000 * MS, 1000 * MS, 550 * MS]


def test_a_short_rest_is_filled_up_with_silence():
    stream = chunker()
    assert stream.feed(b"\1" * 20) == []
    assert stream.flush() == [b"\1" * 20 + bytes(50 * MS - 20)]
    assert stream.flush() == []


def test_half_a_sample_at_the_end_is_made_whole():
    stream = chunker()
    stream.feed(b"\1" * 21)
    assert stream.flush() == [b"\1" * 21 + bytes(50 * MS - 21)]


def test_a_rest_that_is_long_enough_goes_as_it_is():
    stream = chunker()
    stream.feed(b"\1" * 60 * MS)
    assert stream.flush() == [b"\1" * 60 * MS]


def test_the_clock_counts_what_came_in():
    stream = chunker()
    stream.feed(bytes(70 * MS))
    stream.feed(bytes(71 * MS))
    assert stream.given_ms == 141


@given(st.lists(st.binary(max_size=40) | st.integers(0, 2500 * MS).map(bytes), max_size=8))
def test_whatever_lengths_are_given_every_message_holds_50_to_1000_ms_and_no_byte_is_lost(pieces):
    stream = chunker()
    messages = [message for piece in pieces for message in stream.feed(piece)] + stream.flush()
    assert all(50 * MS <= len(message) <= 1000 * MS and len(message) % 2 == 0 for message in messages)
    sent, wanted = b"".join(messages), b"".join(pieces)
    assert sent.startswith(wanted)
    assert not any(sent[len(wanted) :])
    assert len(sent) - len(wanted) < 50 * MS


@pytest.mark.parametrize(
    ("rate", "encoding", "bytes_a_ms", "silence"),
    [
        (16_000, "pcm_s16le", 32, 0),
        (16_000, "pcm_mulaw", 16, 0xFF),
        (8000, "pcm_s16le", 16, 0),
        (8000, "pcm_mulaw", 8, 255),
    ],
)
@pytest.mark.parametrize("piece_ms", [10, 100, 130, 2300])
def test_each_format_keeps_the_lengths_and_is_silent_where_the_sound_is(rate, encoding, bytes_a_ms, silence, piece_ms):
    stream = Chunker(rate, encoding)
    messages = [message for _ in range(13) for message in stream.feed(bytes(piece_ms * MS))] + stream.flush()
    assert all(CHUNK.min * bytes_a_ms <= len(message) <= CHUNK.max * bytes_a_ms for message in messages)
    assert set(b"".join(messages)) == {silence}
    assert 0 <= sum(map(len, messages)) - 13 * piece_ms * bytes_a_ms <= CHUNK.min * bytes_a_ms
    assert stream.given_ms == 13 * piece_ms


def test_half_samples_that_come_one_by_one_are_put_together():
    stream = Chunker(16_000, "pcm_mulaw")
    messages = [message for _ in range(2 * 1600) for message in stream.feed(b"\0")]
    assert messages == [b"\xff" * 1600]
