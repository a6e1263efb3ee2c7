"""Whose each owed frame is: the rule alone, and against the ledger, with sessions that come, break and fall behind."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edgetx.audio.format import RATE
from edgetx.speech.backfill import STALL_FRAMES, Late, Live, Seam
from edgetx.speech.ledger import Fate, Ledger
from edgetx.speech.sent import Sent


def seam(*settled: tuple[int, int], catch_up_seconds: float = 10) -> Seam:
    """Times in seconds."""
    ledger = Ledger()
    for start, end in settled:
        ledger.settle(start * RATE, end * RATE, Fate.SILENT)
    return Seam(ledger, catch_up_seconds=catch_up_seconds)


def seconds(found: tuple[int, int] | None) -> tuple[float, float] | None:
    return found and (found[0] / RATE, found[1] / RATE)


def test_a_short_lag_is_sent_in_order_and_only_what_is_owed():
    desk = seam((0, 3), (5, 6))
    course = Live(desk)
    course.begin(12 * RATE)
    assert seconds(course.next(0, 12 * RATE)) == (3, 5)
    assert seconds(course.next(5 * RATE, 12 * RATE)) == (6, 12)
    assert course.next(12 * RATE, 12 * RATE) is None
    assert Late(desk).next(0, 12 * RATE) is None
    assert not course.late
    assert not course.waits(10**9)


def test_after_a_long_lag_the_live_session_begins_at_now_and_the_rest_is_late():
    moved = []
    ledger = Ledger()
    ledger.settle(20 * RATE, 30 * RATE, Fate.SILENT)
    desk = Seam(ledger, catch_up_seconds=10, moved=lambda: moved.append(True))
    live, late = Live(desk), Late(desk)
    live.begin(60 * RATE)
    assert moved == [True]
    assert live.next(0, 60 * RATE) is None
    assert seconds(live.next(0, 61 * RATE)) == (60, 61)
    late.begin(61 * RATE)
    assert seconds(late.next(0, 61 * RATE)) == (0, 20)
    assert seconds(late.next(20 * RATE, 61 * RATE)) == (30, 60)
    assert late.next(60 * RATE, 61 * RATE) is None
    assert late.late


def test_a_session_in_the_place_of_another_begins_in_order_and_may_stay_as_far_behind_as_it_is():
    desk = seam(catch_up_seconds=0)
    course = Live(desk, patient=True)
    course.begin(20 * RATE)
    assert seconds(course.next(0, 20 * RATE)) == (0, 20)
    assert seconds(course.next(RATE, 21 * RATE)) == (1, 21)
    assert course.next(RATE, 21 * RATE + 1) is None
    assert seconds(Late(desk).next(0, 0)) == (0, 21 + 1 / RATE)


@pytest.mark.parametrize(("catch_up_seconds", "allowed"), [(10, 10 * RATE), (0, STALL_FRAMES)])
def test_a_session_that_falls_behind_goes_on_at_now(catch_up_seconds, allowed):
    desk = seam(catch_up_seconds=catch_up_seconds)
    course = Live(desk)
    course.begin(0)
    assert course.next(0, allowed) == (0, allowed)
    assert course.next(0, allowed + 1) is None
    assert desk.at == allowed + 1


def test_what_a_live_session_was_sent_is_its_own_until_it_ends():
    desk = seam()
    desk.begin(0, patient=False)
    desk.live.add(2 * RATE, RATE)
    desk.live.add(4 * RATE, RATE)
    assert desk.next_live(5 * RATE, 60 * RATE) is None
    found = [desk.next_late(at * RATE) for at in (0, 2, 3, 4, 5)]
    assert [seconds(late) for late in found] == [(0, 2), (3, 4), (3, 4), (5, 60), (5, 60)]
    desk.finish()
    assert seconds(desk.next_late(0)) == (0, 60)


def test_what_a_live_session_has_in_hand_to_the_end_leaves_nothing_late():
    desk = seam((0, 2))
    desk.begin(2 * RATE, patient=False)
    desk.live.add(2 * RATE, RATE)
    desk.at = 3 * RATE
    assert desk.next_late(0) is None


def test_what_is_late_waits_while_a_live_session_lags():
    desk = seam()
    late = Late(desk)
    assert not late.waits(60 * RATE)
    desk.begin(60 * RATE, patient=False)
    assert not late.waits(60 * RATE + STALL_FRAMES)
    assert late.waits(61 * RATE + STALL_FRAMES)
    desk.live.add(60 * RATE, RATE)
    assert not late.waits(61 * RATE + STALL_FRAMES)
    desk.finish()
    assert not late.waits(600 * RATE)


def test_a_microphone_that_is_away_keeps_nothing_waiting():
    desk = seam((1, 100))
    desk.begin(RATE, patient=False)
    desk.live.add(0, RATE)
    assert not Late(desk).waits(100 * RATE)


def test_where_one_session_is_allowed_all_goes_in_order():
    desk = Seam(Ledger())
    desk.begin(3600 * RATE, patient=False)
    assert desk.next_live(0, 7200 * RATE) == (0, 7200 * RATE)
    assert desk.next_late(0) is None


SECOND = st.integers(1, 8)


class Conversations(RuleBasedStateMachine):
    """Sound comes; a live and a late session are sent it, understand it, end and break."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.seam = Seam(self.ledger, catch_up_seconds=10)
        self.end = 0
        self.live: list[tuple[int, int]] | None = None
        self.late: list[tuple[int, int]] | None = None
        self.late_sent = Sent()
        self.position = self.late_position = 0
        self.words: list[tuple[int, int]] = []

    @rule(seconds=SECOND)
    def sound_comes(self, seconds: int) -> None:
        self.end += seconds * RATE

    @rule(seconds=SECOND)
    def a_hole_comes(self, seconds: int) -> None:
        self.ledger.settle(self.end, self.end + seconds * RATE, Fate.LOST)
        self.end += seconds * RATE

    @precondition(lambda self: self.live is None)
    @rule(patient=st.booleans())
    def a_live_session_begins(self, patient: bool) -> None:  # noqa: FBT001
        self.live, self.position = [], 0
        self.seam.begin(self.end, patient=patient)

    @precondition(lambda self: self.late is None and self.seam.next_late(0))
    @rule()
    def a_late_session_begins(self) -> None:
        self.late, self.late_position, self.late_sent = [], 0, Sent()

    @precondition(lambda self: self.live is not None)
    @rule(seconds=SECOND)
    def live_is_sent(self, seconds: int) -> None:
        wanted = self.seam.next_live(self.position, self.end)
        if wanted is None:
            self.position = max(self.position, self.end)
            return
        self.position = self._send(wanted, seconds, self.live, self.seam.live)

    @precondition(lambda self: self.late is not None)
    @rule(seconds=SECOND)
    def late_is_sent(self, seconds: int) -> None:
        if wanted := self.seam.next_late(self.late_position):
            self.late_position = self._send(wanted, seconds, self.late, self.late_sent)

    def _send(self, wanted: tuple[int, int], seconds: int, hand: list[tuple[int, int]], sent: Sent) -> int:
        first, last = wanted
        last = min(last, first + seconds * RATE)
        assert self.ledger.owed(first, last) == [(first, last)]
        sent.add(first, last - first)
        hand.append((first, last))
        return last

    @precondition(lambda self: self.live)
    @rule()
    def live_understands(self) -> None:
        self._understand(self.live)

    @precondition(lambda self: self.late)
    @rule()
    def late_understands(self) -> None:
        self._understand(self.late)

    def _understand(self, hand: list[tuple[int, int]]) -> None:
        said = hand.pop(0)
        assert self.ledger.settle(*said, Fate.TRANSCRIBED) == said[1] - said[0], "words come twice"
        self.words.append(said)

    @precondition(lambda self: self.live is not None)
    @rule(clean=st.booleans())
    def live_ends(self, clean: bool) -> None:  # noqa: FBT001
        while clean and self.live:
            self._understand(self.live)
        self.live = None
        self.seam.finish()

    @precondition(lambda self: self.late is not None)
    @rule(clean=st.booleans())
    def late_ends(self, clean: bool) -> None:  # noqa: FBT001
        while clean and self.late:
            self._understand(self.late)
        self.late = None

    @invariant()
    def no_frame_is_in_two_hands(self) -> None:
        hands = sorted([*(self.live or []), *(self.late or [])])
        assert all(one[1] <= other[0] for one, other in pairwise(hands))

    @invariant()
    def the_ledger_adds_up(self) -> None:
        owed = sum(last - first for first, last in self.ledger.owed(0, self.end))
        assert sum(self.ledger.settled.values()) + owed == self.end

    def teardown(self) -> None:
        """In good weather, everything is settled."""
        for hand in (self.live, self.late):
            while hand:
                self._understand(hand)
        self.seam.finish()
        self.seam.begin(self.end, patient=False)
        self.live, self.position = [], 0
        while wanted := self.seam.next_live(self.position, self.end):
            self.position = self._send(wanted, 8, self.live, self.seam.live)
        while self.live:
            self._understand(self.live)
        self.late, self.late_position, self.late_sent = [], 0, Sent()
        while wanted := self.seam.next_late(self.late_position):
            self.late_position = self._send(wanted, 8, self.late, self.late_sent)
        while self.late:
            self._understand(self.late)
        assert not self.ledger.owed(0, self.end)


TestConversations = Conversations.TestCase
TestConversations.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 6)), max_size=8), st.integers(0, 60))
def test_late_and_live_are_all_that_is_owed_and_nothing_else(settled, end):
    ledger = Ledger()
    for start, length in settled:
        ledger.settle(start, start + length, Fate.SILENT)
    desk = Seam(ledger, catch_up_seconds=20 / RATE)
    desk.begin(end, patient=False)
    found, at = [], 0
    while late := desk.next_late(at):
        found.append(late)
        at = late[1]
    at = 0
    while live := desk.next_live(at, end):
        found.append(live)
        at = live[1]
    assert found == ledger.owed(0, end) or (found[-1][0] == desk.at and _joined(found) == ledger.owed(0, end))


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    *before, (first, middle), (second, last) = ranges
    assert middle == second
    return [*before, (first, last)]
