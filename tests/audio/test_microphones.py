from dataclasses import replace
from itertools import pairwise

import numpy as np

from edgetx import boards
from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.microphones import Microphones, Piece
from edgetx.board import Board
from tests.rigs.plane_wave import delivered, hiss, wave

RATE = 16_000
USB = boards.named("respeaker-usb-4mic")
SIX = boards.named("respeaker-6mic")


def microphones(array: Board) -> Microphones:
    return Microphones(AudioFormat(RATE, array.channels, SampleFormat.S16_LE), array)


def samples(seconds: float, array: Board, *, loud: float = 1000.0) -> np.ndarray:
    frames = round(seconds * RATE)
    source = np.random.default_rng(5).normal(scale=loud, size=frames)
    return delivered(wave(source, array, 40) + hiss(frames, len(array.microphones)), array)


def heard(ears: Microphones, sound: np.ndarray, *, cut: int = 1600) -> list[Piece]:
    edges = [*range(0, len(sound), cut), len(sound)]
    return [piece for a, b in pairwise(edges) for piece in ears.hear(sound[a:b])]


def signals(pieces: list[Piece]) -> np.ndarray:
    return np.concatenate([piece.signals for piece in pieces])


def test_the_microphones_come_in_the_board_s_order_a_second_late_at_first_and_then_at_once():
    ears, sound = microphones(USB), samples(1.5, USB)
    assert heard(ears, sound[: RATE - 1]) == []
    pieces = [*heard(ears, sound[RATE - 1 : RATE]), *heard(ears, sound[RATE:])]
    assert np.array_equal(signals(pieces), sound[:, [1, 2, 3, 4]])
    assert {(piece.healthy, piece.directed, piece.remarks) for piece in pieces} == {((True,) * 4, True, ())}


def test_wide_samples_have_the_same_scale():
    sound = samples(1.0, USB).astype(np.int32) * 65536
    assert np.array_equal(signals(heard(microphones(USB), sound)), samples(1.0, USB)[:, 1:5])


def test_what_is_dirty_at_the_start_is_silence_in_its_place():
    sound = samples(2.0, USB)
    dirty = replace(USB, dirty_start_seconds=0.25)
    came = signals(heard(microphones(dirty), sound))
    assert not came[: RATE // 4].any()
    assert np.array_equal(came[RATE // 4 :], sound[RATE // 4 :, 1:5])


def test_a_board_that_has_rotated_its_channels_is_heard_in_the_right_order():
    sound = samples(3.0, SIX)
    came = signals(heard(microphones(SIX), np.roll(sound, 2, axis=1)))
    assert np.array_equal(came, sound[:, :6])


def test_a_rotation_that_is_told_late_is_followed_from_then_on_and_until_then_no_direction_is_told():
    played = np.rint(hiss(25 * RATE, 2, seed=9)).astype(np.int16)
    sound = samples(25.0, SIX, loud=0.0)
    sound[12 * RATE :] = samples(13.0, SIX)
    sound[:, [6, 7]] = played
    pieces = heard(microphones(SIX), np.roll(sound, 4, axis=1))
    came = signals(pieces)
    assert np.array_equal(came[: 12 * RATE], np.roll(sound, 4, axis=1)[: 12 * RATE, :6])
    assert np.array_equal(came[-RATE:], sound[-RATE:, :6])
    directed = [piece.directed for piece in pieces]
    assert directed == sorted(directed)
    assert (directed[0], directed[-1]) == (False, True)


def test_a_microphone_that_dies_is_to_be_left_out_and_it_is_said_once():
    sound = samples(8.0, USB)
    sound[5 * RATE :, 2] = 0
    pieces = heard(microphones(USB), sound)
    assert [(remark.channel, remark.fault) for piece in pieces for remark in piece.remarks] == [(2, "dead")]
    assert pieces[0].healthy == (True, True, True, True)
    assert pieces[-1].healthy == (True, False, True, True)
    assert pieces[-1].directed


def remarks(pieces: list[Piece]) -> list[tuple[int, str]]:
    return [(remark.channel, remark.fault) for piece in pieces for remark in piece.remarks]


def test_what_is_held_of_them_stays_when_the_device_is_opened_again():
    sound = samples(4.0, USB)
    dead = sound.copy()
    dead[:, 2] = 0
    first = microphones(USB)
    assert remarks(heard(first, dead)) == [(2, "dead")]
    second = again(first)
    pieces = heard(second, dead)
    assert remarks(pieces) == []
    assert {piece.healthy for piece in pieces} == {(True, False, True, True)}
    assert remarks(heard(again(second), sound)) == [(2, "")]


def test_what_is_held_is_of_the_microphones_wherever_they_are_rotated_to_while_that_is_told():
    sound = samples(4.0, SIX)
    sound[:, 1] = 0
    first = microphones(SIX)
    assert remarks(heard(first, sound)) == [(1, "dead")]
    turned = again(first)
    assert remarks(heard(turned, np.roll(sound, 2, axis=1))) == []
    assert [standing.fault for standing in turned.standings] == [None, "dead", None, None, None, None]
    assert turned.flush() == []
    heard(turned, np.zeros((1000, 8), np.int16))
    assert turned.flush()
    assert {standing.fault for standing in turned.standings} == {None}


def again(ears: Microphones) -> Microphones:
    array = ears.array
    return Microphones(AudioFormat(RATE, array.channels, SampleFormat.S16_LE), array, ears.standings)


def test_one_that_is_inverted_is_turned_round():
    sound = samples(8.0, USB)
    inverted = sound.copy()
    inverted[:, 3] = -inverted[:, 3]
    pieces = heard(microphones(USB), inverted)
    assert [(remark.channel, remark.fault) for piece in pieces for remark in piece.remarks] == [(3, "inverted")]
    assert np.array_equal(signals(pieces)[-RATE:], sound[-RATE:, 1:5])
    assert pieces[-1].healthy == (True, True, True, True)


def test_copies_of_one_sound_tell_no_direction():
    sound = samples(8.0, USB)
    sound[:, 1:5] = sound[:, 1:2]
    pieces = heard(microphones(USB), sound)
    assert {piece.directed for piece in pieces} == {False}
    assert pieces[-1].healthy == (True, False, False, False)


def test_what_two_microphones_have_in_common_for_a_moment_makes_them_no_copies():
    sound = samples(2.0, USB)
    sound[::1600, 1:5] = 7
    sound[3200:3300, 1:5] = 7
    assert {piece.directed for piece in heard(microphones(USB), sound)} == {True}


def test_after_a_hole_it_begins_anew_and_what_was_held_is_given():
    ears, sound = microphones(USB), samples(2.0, USB)
    assert heard(ears, sound[:1000]) == []
    assert np.array_equal(signals(ears.flush()), sound[:1000, 1:5])
    assert len(signals(heard(ears, sound))) == len(sound)
    assert ears.flush() == []
    assert heard(ears, sound[: RATE - 1]) == []


def test_the_size_of_the_pieces_makes_no_difference():
    sound = samples(8.0, USB)
    sound[:, 3] = -sound[:, 3]
    sound[5 * RATE :, 2] = 0
    whole, cut = (heard(microphones(USB), sound, cut=size) for size in (len(sound), 777))
    assert np.array_equal(signals(whole), signals(cut))
    assert changes(whole) == changes(cut)


def changes(pieces: list[Piece]) -> list[tuple[int, tuple[bool, ...]]]:
    """From which frame on which were healthy."""
    at, found = 0, []
    for piece in pieces:
        if not found or found[-1][1] != piece.healthy:
            found.append((at, piece.healthy))
        at += len(piece.signals)
    return found


def test_microphones_that_all_stand_still_each_at_a_value_of_its_own_are_silence():
    sound = samples(6.0, USB)
    sound[3 * RATE :] = [9, -15, -14, 3, 8, 0]
    came = signals(heard(microphones(USB), sound))
    assert np.array_equal(came[: 3 * RATE], sound[: 3 * RATE, 1:5])
    assert not came[3 * RATE :].any()
    one = sound.copy()
    one[5 * RATE + 200, 2] += 1
    came = signals(heard(microphones(USB), one))
    assert came[5 * RATE : 5 * RATE + 1600].any(axis=0).all()
