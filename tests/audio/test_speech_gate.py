"""The gate as capture uses it: any cuts, any holes; and that it opens for speech and for nothing else."""

import wave
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetx.audio.speech_gate import LAG, Edge, SpeechGate
from edgetx.audio.speech_net import BLOCK

SPEECH = Path(__file__).parents[1] / "rigs/speech"
RATE = 16000


class Net:
    """Finds the more speech in a window the louder its halves differ; has a memory that a leak would show in."""

    def __init__(self):
        self.memory = 0.0

    def restart(self):
        self.memory = 0.0

    def hear(self, sound, /):
        halves = np.square(sound[-BLOCK:]).reshape(4, 2, -1).mean(axis=2)
        change = np.abs(np.diff(halves, axis=1))[:, 0] / (halves.sum(axis=1) + 1e-9)
        self.memory = self.memory * 0.9 + float(change.sum())
        return np.tanh(change + self.memory / 40)


@cache
def recording(name):
    with wave.open(str(SPEECH / f"austen-{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def noise(seconds, rms, seed=1):
    return np.rint(np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * rms).astype(np.int16)


def said(name="0890", *, rms=10.0, louder=1.0):
    """Three seconds of a room, a reading and three seconds of the room; and where the reading lies."""
    sound = noise(6 + len(recording(name)) / RATE, rms)
    sound[3 * RATE : 3 * RATE + len(recording(name))] += np.rint(recording(name) * louder).astype(np.int16)
    return sound, 3 * RATE, 3 * RATE + len(recording(name))


def heard(gate, sound, *, start=0, cut=1600):
    edges = []
    for at in range(0, len(sound), cut):
        edges += gate.hear(start + at, sound[at : at + cut].tobytes())
    return edges


@pytest.mark.parametrize("louder", [1.0, 0.1, 0.03])
def test_it_opens_once_for_a_sentence_and_closes_after_it_however_far_it_was_said(louder: float) -> None:
    sound, begins, ends = said(rms=10 * louder, louder=louder)
    first, last = heard(SpeechGate(), sound)
    assert first.speaking
    assert begins - RATE < first.frame < begins
    assert not last.speaking
    assert ends < last.frame < ends + RATE


def test_an_offset_hides_no_speech() -> None:
    sound, begins, ends = said(rms=3, louder=0.03)
    first, last = heard(SpeechGate(), sound + np.int16(3000))
    assert first.frame < begins < ends < last.frame


@pytest.mark.parametrize("rms", [0.0, 3.0, 300.0, 20000.0])
def test_it_stays_shut_for_noise(rms: float) -> None:
    assert heard(SpeechGate(), noise(10, rms)) == []


def test_it_stays_shut_for_slammed_doors() -> None:
    sound = noise(12, 10).astype(float)
    for number, at in enumerate(range(2 * RATE, 11 * RATE, RATE)):
        sound[at : at + RATE // 2] += noise(0.5, 6000, seed=number) * np.exp(-np.arange(RATE // 2) / 400)
    assert heard(SpeechGate(), np.clip(sound, -32768, 32767).astype(np.int16)) == []


def test_it_is_the_same_to_the_bit_however_speech_is_cut() -> None:
    sound, *_ = said("0880")
    gates = [SpeechGate() for _ in range(3)]
    edges = [heard(gate, sound, cut=cut) for gate, cut in zip(gates, (160, 1777, len(sound)), strict=True)]
    assert edges[0]
    assert edges == [edges[0]] * 3
    assert len({gate.decided for gate in gates}) == 1


def test_while_nothing_stirs_two_blocks_are_heard_at_a_time_and_then_each() -> None:
    gate, (sound, begins, _) = SpeechGate(), said()
    decided = []
    for at in range(0, begins + 2 * RATE, BLOCK):
        gate.hear(at, sound[at : at + BLOCK].tobytes())
        decided.append(gate.decided)
    asleep = decided[16:22]
    assert all((later - earlier) in (0, 2 * BLOCK) for earlier, later in pairwise(asleep))
    assert asleep[0] < asleep[-1]
    assert [later - earlier for earlier, later in pairwise(decided[-6:])] == [BLOCK] * 5


@pytest.mark.parametrize("earlier", range(0, 2 * BLOCK, BLOCK // 2))
def test_a_word_that_a_hole_cuts_off_is_speech_wherever_between_two_blocks_the_hole_lies(earlier: int) -> None:
    gate, (sound, begins, _) = SpeechGate(), said()
    begins += int(np.argmax(np.abs(sound[begins:]) > 1000)) - earlier
    hole = begins + RATE * 15 // 100
    first, last = heard(gate, sound[earlier : earlier + hole]) + gate.end()
    assert begins - RATE < first.frame < begins
    assert last == Edge(hole, False)


def test_a_hole_ends_speech_at_the_hole() -> None:
    gate, (sound, begins, _) = SpeechGate(), said()
    edges = heard(gate, sound[: begins + 2 * RATE])
    assert gate.speaking
    edges += gate.hear(begins + 12 * RATE, b"")
    assert edges[1:] == [Edge(begins + 2 * RATE, False)]
    assert not gate.speaking
    assert gate.decided == begins + 12 * RATE


@pytest.mark.parametrize("milliseconds", [100, 120, 150, 200])
def test_a_word_that_a_hole_cuts_off_at_once_is_speech(milliseconds: int) -> None:
    gate, (sound, begins, _) = SpeechGate(), said()
    begins += int(np.argmax(np.abs(sound[begins:]) > 1000))
    hole = begins + milliseconds * RATE // 1000
    first, last = heard(gate, sound[:hole]) + gate.hear(hole + RATE, b"")
    assert first.speaking
    assert begins - RATE < first.frame < begins
    assert last == Edge(hole, False)
    assert gate.decided == hole + RATE


@pytest.mark.parametrize("seed", range(5))
def test_a_room_and_a_slammed_door_before_a_hole_are_no_speech(seed: int) -> None:
    gate, sound = SpeechGate(), noise(4 + seed * 0.02, 10)
    assert heard(gate, sound) + gate.end() == []
    assert gate.decided == len(sound)
    slam = np.rint(noise(0.1, 6000, seed=seed) * np.exp(-np.arange(RATE // 10) / 400)).astype(np.int16)
    assert heard(gate, np.concatenate((sound, slam)), start=len(sound)) + gate.end() == []


pieces = st.lists(
    st.tuples(
        st.integers(1, 3 * RATE),
        st.sampled_from([0, 3, 3000]),
        st.sampled_from([0, 31.25]),
        st.sampled_from([0, 0, 0, 0, 1, RATE]),
    ),
    max_size=10,
)
"""Frames, how loud, how often a second the loudness changes, and the hole that follows."""

cuts = st.lists(st.integers(1, 5000), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) > 500)


def recorded(plan):
    """(start, samples) of each stretch without a hole."""
    stretches, at, rng = [], 1234, np.random.default_rng(5)
    joined = False
    for frames, loud, changes, hole in plan:
        sound = rng.standard_normal(frames) * loud
        sound *= 1 + np.sign(np.sin(2 * np.pi * changes / RATE * np.arange(frames)))
        samples = np.clip(sound, -32768, 32767).astype(np.int16)
        if joined:
            stretches[-1] = (stretches[-1][0], np.concatenate((stretches[-1][1], samples)))
        else:
            stretches.append((at, samples))
        at, joined = at + frames + hole, not hole
    return stretches


def told(gate, stretches, cuts):
    """All edges, cut by turns; each call keeps to the contract."""
    edges, turn = [], 0
    for start, samples in stretches:
        at = 0
        while at < len(samples):
            size, turn = cuts[turn % len(cuts)], turn + 1
            before = gate.decided
            found = gate.hear(start + at, samples[at : at + size].tobytes())
            at = min(at + size, len(samples))
            assert all(edge.frame >= before for edge in found)
            assert before <= gate.decided <= start + at
            assert gate.decided >= min(start + at - LAG, start + at)
            edges += found
            assert gate.speaking == (edges[-1].speaking if edges else False)
    return edges


@settings(max_examples=40, deadline=None)
@given(pieces, cuts)
def test_edges_alternate_decisions_stand_and_cuts_do_not_matter(plan, sizes) -> None:
    stretches = recorded(plan)
    gate, other = SpeechGate(Net()), SpeechGate(Net())
    edges = told(gate, stretches, sizes)
    assert [edge.speaking for edge in edges] == [n % 2 == 0 for n in range(len(edges))]
    assert all(one.frame <= other.frame for one, other in pairwise(edges))
    assert told(other, stretches, [1600]) == edges
    assert other.decided == gate.decided


@settings(max_examples=40, deadline=None)
@given(pieces)
def test_nothing_leaks_across_a_hole(plan) -> None:
    stretches = recorded(plan)
    gate = SpeechGate(Net())
    together = told(gate, stretches, [1600]) + gate.hear(10**9, b"")
    apart = []
    for start, samples in stretches:
        fresh = SpeechGate(Net())
        apart += told(fresh, [(start, samples)], [1600]) + fresh.hear(10**9, b"")
    assert together == apart
    for start, samples in stretches:
        within = [edge for edge in together if start <= edge.frame <= start + len(samples)]
        assert len(within) % 2 == 0
