from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edgetx.mqtt.lanes import ASIDE, Lane
from edgetx.mqtt.outbox import IN_FLIGHT, PASSING, TRIES, Outbox
from edgetx.mqtt.topics import Kind, Publication


def final(name):
    return Publication(f"final/{name}", b"", qos=1, retain=False, durable=True, kind=Kind.FINAL)


def event(name):
    return Publication(f"event/{name}", b"", qos=1, retain=False, durable=True, kind=Kind.EVENT)


def state(name, payload=b""):
    return Publication(f"state/{name}", payload, qos=1, retain=True, durable=False, kind=Kind.STATE)


def partial(name):
    return Publication(f"partial/{name}", b"", qos=0, retain=False, durable=False, kind=Kind.PARTIAL)


def connected(**options):
    outbox = Outbox(**options)
    outbox.connection_made()
    return outbox


def drain(outbox):
    return [publication for _, publication in iter(outbox.take, None)]


def acknowledge_all(outbox):
    taken = []
    while batch := list(iter(outbox.take, None)):
        taken += [publication for _, publication in batch]
        for number, _ in batch:
            outbox.acknowledged(number)
    return taken


def test_nothing_is_handed_out_without_a_connection():
    outbox = Outbox()
    outbox.put(final(1))
    outbox.put(state(1))
    assert outbox.take() is None


def test_durable_ones_come_in_their_order():
    outbox = connected()
    for publication in (final(1), event(2), final(3), event(4)):
        outbox.put(publication)
    assert drain(outbox) == [final(1), event(2), final(3), event(4)]


class Slow:
    """A journal that takes its time."""

    def added(self, _number, _publication):
        return True

    def removed(self, number):
        pass

    def gave_up(self, kind):
        pass


def test_what_the_journal_has_not_kept_yet_waits_and_everything_else_does_not():
    outbox = connected(journal=Slow())
    for publication in (final(1), event(2), final(3), state(1)):
        outbox.put(publication)
    assert drain(outbox) == [state(1)]
    outbox.kept(2)
    assert drain(outbox) == [final(1), event(2)]
    outbox.kept(1)
    outbox.connection_lost()
    outbox.connection_made()
    assert drain(outbox) == [state(1), final(1), event(2)]
    assert outbox.pending == 3
    assert not outbox.flushed
    outbox.kept(4)
    assert drain(outbox) == [final(3)]


def test_what_was_restored_need_not_wait():
    outbox = connected(journal=Slow())
    outbox.restore([(7, final(7)), (8, final(8))])
    assert drain(outbox) == [final(7), final(8)]


def test_what_was_in_flight_comes_again_in_its_old_place():
    outbox = connected()
    for publication in (final(1), event(2), final(3)):
        outbox.put(publication)
    (first, _), _ = outbox.take(), outbox.take()
    outbox.acknowledged(first)
    outbox.connection_lost()
    outbox.put(final(4))
    outbox.connection_made()
    assert drain(outbox) == [event(2), final(3), final(4)]


def test_a_number_that_is_not_in_flight_is_ignored():
    outbox = connected()
    outbox.put(final(1))
    outbox.acknowledged(77)
    assert outbox.pending == 1


def test_what_the_broker_will_never_take_is_given_up_and_counted():
    outbox = connected()
    outbox.put(final(1))
    outbox.put(final(2))
    (first, _), _ = outbox.take(), outbox.take()
    assert outbox.refused(first)
    assert not outbox.refused(77)
    assert outbox.dropped == {Kind.FINAL: 1}
    outbox.connection_lost()
    outbox.connection_made()
    assert drain(outbox) == [final(2)]


def test_a_retained_one_that_is_refused_is_not_offered_again_but_a_newer_one_is():
    outbox = connected()
    outbox.put(state("a", b"old"))
    outbox.put(state("b"))
    for number, _ in list(iter(outbox.take, None)):
        outbox.refused(number)
    outbox.connection_lost()
    outbox.put(state("b", b"new"))
    outbox.connection_made()
    assert drain(outbox) == [state("b", b"new")]


def test_a_newer_one_outlives_a_refused_one():
    outbox = connected()
    outbox.put(state("a", b"old"))
    number, _ = outbox.take()
    outbox.put(state("a", b"new"))
    outbox.refused(number)
    assert drain(outbox) == [state("a", b"new")]


def test_only_so_many_are_in_flight():
    outbox = connected()
    for number in range(IN_FLIGHT + 1):
        outbox.put(final(number))
    taken = list(iter(outbox.take, None))
    assert len(taken) == IN_FLIGHT
    outbox.acknowledged(taken[0][0])
    assert drain(outbox) == [final(IN_FLIGHT)]


def test_pending_counts_what_the_broker_does_not_have():
    outbox = connected()
    for publication in (final(1), event(2), state(1)):
        outbox.put(publication)
    assert outbox.pending == 2
    drain(outbox)
    assert outbox.pending == 2
    assert acknowledge_all(outbox) == []
    outbox.connection_lost()
    outbox.connection_made()
    acknowledge_all(outbox)
    assert outbox.pending == 0


# --- retained ---------------------------------------------------------------------------------------------------


def test_of_a_retained_topic_only_the_latest_is_sent():
    outbox = connected()
    outbox.put(state("a", b"old"))
    outbox.put(state("b"))
    outbox.put(state("a", b"new"))
    assert drain(outbox) == [state("a", b"new"), state("b")]


def test_retained_ones_go_before_what_waits():
    outbox = connected()
    outbox.put(final(1))
    outbox.put(state(1))
    assert drain(outbox) == [state(1), final(1)]


def test_each_connection_gets_all_that_is_retained():
    outbox = connected()
    outbox.put(state("a"))
    outbox.put(state("b"))
    acknowledge_all(outbox)
    assert outbox.flushed
    outbox.connection_lost()
    assert not outbox.flushed
    outbox.connection_made()
    assert drain(outbox) == [state("a"), state("b")]


def test_retained_ones_that_are_forgotten_are_sent_no_more():
    outbox = connected()
    outbox.put(state(1))
    drain(outbox)
    outbox.put(state(2))
    outbox.put(final(1))
    outbox.forget_retained()
    assert drain(outbox) == [final(1)]
    outbox.connection_lost()
    outbox.connection_made()
    outbox.put(state(3))
    assert drain(outbox) == [state(3), final(1)]


def test_a_newer_one_follows_the_one_in_flight():
    outbox = connected()
    outbox.put(state("a", b"old"))
    assert drain(outbox) == [state("a", b"old")]
    outbox.put(state("a", b"new"))
    assert drain(outbox) == [state("a", b"new")]


# --- passing ----------------------------------------------------------------------------------------------------


def test_passing_ones_go_first_and_need_no_acknowledgement():
    outbox = connected()
    outbox.put(final(1))
    outbox.put(partial(1))
    assert drain(outbox) == [partial(1), final(1)]
    outbox.connection_lost()
    outbox.connection_made()
    assert drain(outbox) == [final(1)]


def test_passing_ones_are_not_kept_for_a_broker_that_is_away():
    outbox = Outbox()
    outbox.put(partial(1))
    outbox.connection_made()
    outbox.put(partial(2))
    outbox.connection_lost()
    outbox.connection_made()
    assert drain(outbox) == []
    assert outbox.dropped == {Kind.PARTIAL: 2}


def test_a_slow_connection_gets_the_newest_passing_ones():
    outbox = connected()
    for number in range(PASSING + 1):
        outbox.put(partial(number))
    assert drain(outbox) == [partial(number) for number in range(1, PASSING + 1)]
    assert outbox.dropped == {Kind.PARTIAL: 1}


# --- overflow ---------------------------------------------------------------------------------------------------


def test_a_full_outbox_gives_up_the_oldest_event_for_a_final():
    outbox = Outbox(limit=3)
    for publication in (final(1), event(2), event(3), final(4)):
        outbox.put(publication)
    outbox.connection_made()
    assert drain(outbox) == [final(1), event(3), final(4)]
    assert outbox.dropped == {Kind.EVENT: 1}


def test_full_of_finals_it_gives_up_a_new_event():
    outbox = Outbox(limit=2)
    for publication in (final(1), final(2), event(3)):
        outbox.put(publication)
    outbox.connection_made()
    assert drain(outbox) == [final(1), final(2)]
    assert outbox.dropped == {Kind.EVENT: 1}


def test_full_of_finals_it_gives_up_the_oldest_for_a_new_one():
    outbox = Outbox(limit=2)
    for number in (1, 2, 3):
        outbox.put(final(number))
    outbox.connection_made()
    assert drain(outbox) == [final(2), final(3)]
    assert outbox.dropped == {Kind.FINAL: 1}


def test_what_comes_back_from_a_lost_connection_must_fit_too():
    outbox = connected(limit=2)
    outbox.put(event(1))
    drain(outbox)
    outbox.put(final(2))
    outbox.put(final(3))
    outbox.connection_lost()
    outbox.connection_made()
    assert drain(outbox) == [final(2), final(3)]


def test_flushed_means_that_nothing_is_owed():
    outbox = connected()
    assert outbox.flushed
    outbox.put(final(1))
    assert not outbox.flushed
    number, _ = outbox.take()
    assert not outbox.flushed
    outbox.acknowledged(number)
    assert outbox.flushed


def test_a_full_outbox_is_one_of_many_bytes_too():
    outbox = Outbox(limit_bytes=25)
    large = Publication("final", bytes(10), qos=1, retain=False, durable=True, kind=Kind.FINAL)
    for publication in (large, event(1), large, large):
        outbox.put(publication)
    outbox.connection_made()
    assert drain(outbox) == [large, large]
    assert outbox.dropped == {Kind.FINAL: 1, Kind.EVENT: 1}


# --- what the broker does not take now ------------------------------------------------------------------------


def said(topic, number):
    """A final of a topic that has others."""
    return Publication(topic, b"%d" % number, qos=1, retain=False, durable=True, kind=Kind.FINAL)


def lane(topic):
    return Lane(Kind.FINAL, topic)


def refuse(outbox, *topics):
    """Take all that leaves, and refuse what is of ``topics``; return what was refused, and what the broker has."""
    refused, taken = [], []
    while batch := list(iter(outbox.take, None)):
        for number, publication in batch:
            if publication.topic in topics:
                outbox.hold(number, "No.")
                refused.append(publication)
            else:
                outbox.acknowledged(number)
                taken.append(publication)
    return refused, taken


def test_a_topic_that_is_refused_is_kept_whole_and_in_order_and_others_go_on():
    outbox = connected()
    for number in range(1000):
        outbox.put(said("denied", number))
        outbox.put(said("open", number))
    refused, taken = refuse(outbox, "denied")
    assert len(refused) <= IN_FLIGHT
    assert taken == [said("open", number) for number in range(1000)]
    assert outbox.objections == ["No."]
    assert outbox.pending == 1000
    assert outbox.flushed
    outbox.put(said("denied", 1000))
    assert outbox.take() is None
    outbox.probe(lane("denied"))
    outbox.probe(lane("open"))
    assert refuse(outbox, "denied") == ([said("denied", 0)], [])
    outbox.probe(lane("denied"))
    assert acknowledge_all(outbox) == [said("denied", number) for number in range(1001)]
    assert outbox.objections == []
    assert not outbox.dropped


def test_one_is_tried_while_it_is_under_way_no_second_and_each_connection_tries_anew():
    outbox = connected()
    for number in range(3):
        outbox.put(said("denied", number))
    refuse(outbox, "denied")
    outbox.probe(lane("denied"))
    (number, publication), nothing = outbox.take(), outbox.take()
    assert (publication, nothing) == (said("denied", 0), None)
    outbox.probe(lane("denied"))
    assert outbox.take() is None
    outbox.connection_lost()
    outbox.connection_made()
    assert outbox.take() == (number, publication)
    assert outbox.take() is None


def test_one_that_is_refused_time_and_again_waits_aside_and_its_topic_goes_on():
    outbox = connected()
    for number in range(5):
        outbox.put(said("talk", number))
    tried = []
    for _ in range(TRIES):
        number, publication = outbox.take()
        tried.append(outbox.hold(number, "No."))
        assert publication == said("talk", 0)
        outbox.probe(lane("talk"))
    assert tried == [(lane("talk"), False)] * (TRIES - 1) + [(lane(ASIDE), True)]
    assert acknowledge_all(outbox) == [said("talk", number) for number in range(1, 5)]
    assert outbox.objections == ["No."]
    outbox.probe(lane(ASIDE))
    number, publication = outbox.take()
    assert outbox.hold(number, "Still no.") == (lane(ASIDE), True)
    assert outbox.objections == ["Still no."]
    outbox.connection_lost()
    outbox.connection_made()
    assert acknowledge_all(outbox) == [said("talk", 0)]
    assert outbox.flushed
    assert outbox.objections == []


def test_those_aside_take_turns():
    outbox = connected()
    for number in range(2):
        outbox.put(said("talk", number))
    while lane("talk") in outbox._lanes:
        refuse(outbox, "talk")
        outbox.probe(lane("talk"))
    turns = []
    for _ in range(4):
        outbox.probe(lane(ASIDE))
        turns += refuse(outbox, "talk")[0]
    assert turns == [said("talk", 0), said("talk", 1)] * 2


def test_a_hold_of_which_nothing_waits_is_forgotten():
    outbox = connected(limit=1)
    outbox.put(said("denied", 0))
    refuse(outbox, "denied")
    outbox.put(said("talk", 1))
    assert outbox.objections == ["No."]
    outbox.probe(lane("denied"))
    assert outbox.objections == []
    assert outbox.hold(77, "No.") is None


def test_a_retained_one_that_is_refused_is_kept_and_only_its_latest_tried():
    outbox = connected()
    outbox.put(state("a", b"1"))
    outbox.put(state("b", b"1"))
    held = [outbox.hold(number, "No.") for number, _ in list(iter(outbox.take, None))]
    assert held == [(Lane(Kind.STATE, "state/a"), False), (Lane(Kind.STATE, "state/b"), False)]
    outbox.put(state("a", b"2"))
    assert outbox.take() is None
    outbox.probe(held[0][0])
    number, publication = outbox.take()
    assert publication == state("a", b"2")
    outbox.put(state("a", b"3"))
    assert outbox.take() is None
    outbox.acknowledged(number)
    assert drain(outbox) == [state("a", b"3")]
    for _ in range(TRIES - 1):
        outbox.probe(held[1][0])
        number, _ = outbox.take()
        told = outbox.hold(number, "No.")
    assert told == (held[1][0], True)
    outbox.probe(held[1][0])
    outbox.refused(outbox.take()[0])
    outbox.put(state("b", b"2"))
    assert drain(outbox) == [state("b", b"2")]


# --- whatever happens -------------------------------------------------------------------------------------------

steps = st.lists(st.sampled_from(["final", "event", "partial", "state", "take", "take", "ack", "lost", "made"]))


@given(steps, st.integers(1, 5))
def test_whatever_happens_finals_outlive_events_and_order_is_kept(steps, limit):
    outbox = Outbox(limit=limit)
    put, flying, acknowledged, connections = [], [], set(), [[]]
    for number, step in enumerate(steps):
        finals_lost = outbox.dropped[Kind.FINAL]
        if step in ("final", "event", "partial", "state"):
            publication = {"final": final, "event": event, "partial": partial, "state": state}[step](number)
            outbox.put(publication)
            put += [publication] if publication.durable else []
        elif step == "take" and (taken := outbox.take()):
            flying.append(taken)
            connections[-1].append(taken[1])
        elif step == "ack" and flying:
            sent, publication = flying.pop(0)
            outbox.acknowledged(sent)
            acknowledged.add(publication)
        elif step == "lost":
            flying.clear()
            outbox.connection_lost()
        elif step == "made":
            outbox.connection_made()
            connections.append([])
        assert outbox.dropped[Kind.FINAL] == finals_lost or all(
            lane.kind is Kind.FINAL for lane in outbox._lanes._lanes
        )
        assert len(outbox._lanes) <= limit
    outbox.connection_lost()
    outbox.connection_made()
    connections.append(acknowledge_all(outbox))
    assert outbox.flushed
    for sent in connections:
        durable = [publication for publication in sent if publication.durable]
        assert durable == sorted(durable, key=put.index)
    owed = len(put) - len(acknowledged & set(put)) - outbox.dropped[Kind.FINAL] - outbox.dropped[Kind.EVENT]
    assert len([publication for publication in connections[-1] if publication.durable]) == owed


class Owed(RuleBasedStateMachine):
    """Whatever happens, the journal holds exactly what is owed; a restart at any moment finds that, in its order."""

    def __init__(self):
        super().__init__()
        self.journal = {}
        self.owed = {}
        self.count = self.given_up = self.acknowledged = 0
        self.begin([])

    def added(self, number, publication):
        assert number not in self.journal
        self.journal[number] = publication

    def removed(self, number):
        del self.journal[number]

    def gave_up(self, _kind):
        self.given_up += 1

    def begin(self, rows):
        self.outbox = Outbox(limit=4, journal=self)
        self.outbox.restore(rows)
        self.flying = []
        self.connected = False

    @rule(kind=st.sampled_from([final, event]))
    def put(self, kind):
        self.count += 1
        self.outbox.put(kind(self.count))

    @rule()
    def connect(self):
        self.outbox.connection_made()
        self.connected = True

    @rule()
    def lose_the_connection(self):
        self.outbox.connection_lost()
        self.flying.clear()

    @rule()
    def take(self):
        if taken := self.outbox.take():
            self.flying.append(taken)

    @precondition(lambda self: self.flying)
    @rule()
    def acknowledge(self):
        number, publication = self.flying.pop(0)
        assert self.journal[number] == publication
        self.outbox.acknowledged(number)
        self.acknowledged += 1
        assert number not in self.journal

    @precondition(lambda self: self.flying)
    @rule()
    def refuse(self):
        number, _ = self.flying.pop(0)
        self.outbox.refused(number)
        assert number not in self.journal

    @precondition(lambda self: self.flying)
    @rule()
    def hold(self):
        number, _ = self.flying.pop(0)
        known = number in self.journal
        assert self.outbox.hold(number, "No.")
        assert known

    @rule()
    def probe(self):
        for held in [*self.outbox._holds]:
            self.outbox.probe(held)

    @rule()
    def restart(self):
        self.begin(reversed(self.journal.items()))
        self.outbox.connection_made()
        assert list(iter(self.outbox.take, None)) == list(self.journal.items())
        self.outbox.connection_lost()

    @invariant()
    def the_journal_holds_what_is_owed(self):
        assert len(self.journal) == self.outbox.pending
        assert list(self.journal) == sorted(self.journal)
        assert self.count == len(self.journal) + self.given_up + self.acknowledged


TestOwed = Owed.TestCase
TestOwed.settings = settings(max_examples=50, deadline=None, stateful_step_count=40)
